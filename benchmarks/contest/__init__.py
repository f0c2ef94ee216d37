"""The contestants: the same measures of this runtime, of a runtime by hand, and of two others.

Each module has `MEASURES`: a measure's name and the coroutine function that takes it.
"""

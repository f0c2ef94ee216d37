"""The seams of the application: which part is given which other, and what is seen of them.

The rule: only the application and the commands import from here.
"""

"""Figures, each as a ratio between things that ran in the same minute on the same machine.

Absolute numbers drift by a fifth and more on a shared machine; a ratio of paired runs holds.
"""

"""What operators see: the log, the metrics and the health checks.

The rule of this folder: it watches and never acts, and what it watches is handed in as functions.
"""

"""Supervision for actors: trees that restart what fails, breakers, health, and a printout of all.

Supervisor, Child   what shall run, as a literal; `partitioned` for many of one kind
run_tree, Tree      run it, look at it, change it, stop it
render              a tree as text
Breaker             stop calling what does not answer
HealthCheck         ask in the background whether something answers
retry, backoff      try again, and how long to wait before
Reports             all that happened, in one shape
"""

from supervision._backoff import Backoff, backoff
from supervision._breaker import Breaker
from supervision._breaker_policy import BreakerPolicy, BreakerStatistics
from supervision._breaker_table import BreakerState
from supervision._check import HealthCheck, HealthChecks
from supervision._errors import (
    BreakerOpen,
    Escalated,
    StartTimeout,
    SupervisionError,
    TooManyChildren,
    UnknownChild,
)
from supervision._health import Condition, Health, fold, worst
from supervision._life import Status
from supervision._node import Node
from supervision._render import render
from supervision._report import Context, Report, Reports
from supervision._retry import retry
from supervision._spec import Child, RestartType, Supervisor, partitioned
from supervision._strategy import Strategy
from supervision._tree import Tree, run_tree
from supervision._window import CountWindow, TimeWindow

__all__ = [
    "Backoff",
    "Breaker",
    "BreakerOpen",
    "BreakerPolicy",
    "BreakerState",
    "BreakerStatistics",
    "Child",
    "Condition",
    "Context",
    "CountWindow",
    "Escalated",
    "Health",
    "HealthCheck",
    "HealthChecks",
    "Node",
    "Report",
    "Reports",
    "RestartType",
    "StartTimeout",
    "Status",
    "Strategy",
    "SupervisionError",
    "Supervisor",
    "TimeWindow",
    "TooManyChildren",
    "Tree",
    "UnknownChild",
    "backoff",
    "fold",
    "partitioned",
    "render",
    "retry",
    "run_tree",
    "worst",
]

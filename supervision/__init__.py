"""Supervision for actors: trees that restart what fails, breakers, health, and a printout of all.

Supervisor, Child   what shall run, as a literal
run_tree, Tree      run it, look at it, stop it
render              a tree as text
Breaker             stop calling what does not answer
backoff             how long to wait before the next try
"""

from supervision._backoff import Backoff, backoff
from supervision._breaker import Breaker, BreakerPolicy, BreakerStatistics
from supervision._breaker_table import BreakerState
from supervision._errors import (
    BreakerOpen,
    Escalated,
    StartTimeout,
    SupervisionError,
    UnknownChild,
)
from supervision._health import Health, fold, worst
from supervision._node import Node, Status
from supervision._render import render
from supervision._report import Context, Report, Reports
from supervision._spec import Child, RestartType, Supervisor
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
    "Context",
    "CountWindow",
    "Escalated",
    "Health",
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
    "Tree",
    "UnknownChild",
    "backoff",
    "fold",
    "render",
    "run_tree",
    "worst",
]

"""A tree as text for an operator: what is well takes one line, what is not says why.

Rule: text is made from a Node and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from supervision._health import Health
from supervision._life import Status
from supervision._node import Node

KIND_WIDTH = 13
STATE_WIDTH = 9


def render(node: Node) -> str:
    """The tree below `node`, a line each, without a newline at the end."""
    rows = list(_rows(node, 0))
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}} {rest}".rstrip() for label, rest in rows)


def _rows(node: Node, depth: int) -> Iterator[tuple[str, str]]:
    yield "  " * depth + node.name, _facts(node, depth)
    if node.children and not _in_one_line(node, depth):
        for child in node.children:
            yield from _rows(child, depth + 1)


def _in_one_line(node: Node, depth: int) -> bool:
    """A branch of which all is well has its children on its own line."""
    return depth > 0 and all(
        child.health is Health.OK and not child.children and child.status is Status.UP
        for child in node.children
    )


def _facts(node: Node, depth: int) -> str:
    """An actor's state stands where the others have their kind."""
    if node.kind == "actor":
        return f"{_state(node):<{KIND_WIDTH}} {_why(node)}".rstrip()
    start = f"{node.kind:<{KIND_WIDTH}} "
    well = node.health is Health.OK and node.status is Status.UP
    if node.kind == "virtual" and well:
        return start + node.detail
    if well and node.children and _in_one_line(node, depth):
        told = " · ".join(_short(child) for child in node.children)
    else:
        told = _why(node)
    return f"{start}{_state(node):<{STATE_WIDTH}} {told}".rstrip()


def _state(node: Node) -> str:
    return node.health.value if node.status is Status.UP else node.status.value


def _short(child: Node) -> str:
    if child.kind == "virtual":
        return f"{child.name} {child.detail}"
    return f"{child.name} {child.health.value}" + (f", {child.detail}" if child.detail else "")


def _why(node: Node) -> str:
    """Since when it is not well and why, its restarts, what it says of itself, its last error."""
    fails = node.status in (Status.RESTARTING, Status.STARTING, Status.DOWN)
    parts = []
    if node.health is not Health.OK and not fails:
        parts.append(f"since {_seconds(node.since)}" + (f": {node.reason}" if node.reason else ""))
    if fails and node.restarts and node.kind == "actor":
        parts.append(f"{node.restarts} of {node.intensity} in {_seconds(node.period)}")
    if node.next_restart is not None:
        parts.append(f"next in {_seconds(node.next_restart)}")
    if node.detail:
        parts.append(node.detail)
    told = ", ".join(parts)
    if fails and node.last_error is not None:
        told = f"{told} ({node.last_error})".lstrip()
    return told


def _seconds(seconds: float) -> str:
    """Whole seconds once there are ten of them, tenths below, and minutes from two on."""
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"

"""Dying on purpose at a named step, so that tests can show what a crash there leaves.

Armed by the environment alone: `YABOT_FAULT=after_commit:3` kills this process with SIGKILL when it
reaches that step for the third time. Unarmed, reaching a step is one comparison with None.
"""

import os
import signal

STEPS = (
    "after_inbox_write",
    "before_commit",
    "after_commit",
    "after_send",
    "after_apply",
)
"""After the inbox is durable; before and after COMMIT of a turn; after a send before its mark;
after a relay has applied a batch before its mark."""

_step: str | None = None
_left = 0


def arm(spec: str) -> None:
    """Arm one step, given as `step` or `step:n`. Raises ValueError for an unknown step."""
    global _step, _left
    step, _, count = spec.partition(":")
    if step not in STEPS:
        raise ValueError(f"YABOT_FAULT: unknown step {step!r}; the steps are {', '.join(STEPS)}")
    _step, _left = step, int(count or 1)


def reach(step: str) -> None:
    """Die here if this step is armed and its count is used up."""
    global _left
    if _step is None or step != _step:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)

"""What can go wrong for a caller of the API.

ApiError                 every error below
├── Refused              the API said no: `status`, `code`, `detail`, `errors`
│   └── Changed          what was to be replaced is no longer what was read (412)
└── Unreachable          no answer that counts within the patience; the same call may go again
"""

from collections.abc import Sequence

from yabot.api.problems import Fault, ProblemDetails


class ApiError(Exception):
    """The root of the tree."""


class Refused(ApiError):
    """The API said no, and asking again changes nothing.

    `code` is stable and for programs; `request_id` is what the API's log has it under.
    """

    def __init__(self, problem: ProblemDetails) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}")
        self.status = problem.status
        self.code = problem.code
        self.detail = problem.detail
        self.request_id = problem.request_id
        self.errors: Sequence[Fault] = problem.errors or ()


class Changed(Refused):
    """It has changed since it was read: read it again and decide anew."""


class Unreachable(ApiError):
    """There was no answer that counts. A change may have happened: repeat it under its `key`.

    `retry_after` are the seconds that the API asked to wait, 0 where it asked for nothing.
    """

    def __init__(self, reason: str, *, key: str | None = None, retry_after: float = 0.0) -> None:
        super().__init__(f"no answer from the API: {reason}")
        self.reason = reason
        self.key = key
        self.retry_after = retry_after

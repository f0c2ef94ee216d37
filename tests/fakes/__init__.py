"""The stores in memory, so that tests of one room need not open the next.

The rule: a fake passes the contract suite of the real thing (`tests/contracts/`) and is trusted in
nothing beyond it. Its extra attributes are what a test may do to it: fail it, hold it, look inside.
"""

from tests.fakes.commands import MemoryCommands
from tests.fakes.inbox import MemoryInbox
from tests.fakes.replies import MemoryReplies
from tests.fakes.stores import MemoryStores, utc_now
from tests.fakes.users import MemoryUsers

__all__ = [
    "MemoryCommands",
    "MemoryInbox",
    "MemoryReplies",
    "MemoryStores",
    "MemoryUsers",
    "utc_now",
]

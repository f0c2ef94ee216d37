"""What a forked process of the tests has imported already; see `tests.forks`.

It is frozen, so that no collection in a fork touches, and thereby copies, its memory.
"""

import gc

import anyio._backends._asyncio
import uvloop

import tests.processes
import yabot.app
import yabot.cli
import yabot.running
import yabot.sandbox.__main__

__all__ = ["anyio", "tests", "uvloop", "yabot"]

gc.collect()
gc.freeze()

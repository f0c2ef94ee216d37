"""A local Telegram: a Bot API server, an API to play its users, and a chat page.

For demos, tests and load runs without the real thing. The rule: it knows nothing of the bot it
serves; any Bot API library works against it unchanged.
"""

from yabot.sandbox.errors import SandboxError
from yabot.sandbox.journal import JournalError
from yabot.sandbox.server import Sandbox

__all__ = ["JournalError", "Sandbox", "SandboxError"]

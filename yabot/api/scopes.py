"""What a token may open. The rule: a scope is a word of this table, and a route names one of it."""

from collections.abc import Mapping
from types import MappingProxyType

INTERNAL_API = "internal_api"
OPS_READ = "ops:read"
OPS_WRITE = "ops:write"
PUBLISH_EVENTS = "events:publish"
ADMIN = "admin"

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        INTERNAL_API: "Users and the story",
        OPS_READ: "See how the bot is doing",
        OPS_WRITE: "Operate the bot",
        PUBLISH_EVENTS: "Publish events of other services",
        ADMIN: "Say which services may call",
    }
)
"""Every scope and what it opens."""

"""The things that the bot's world knows by name, such as the besito itself.

They are data that other services read; the bot gives them no rules of their own.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AwareDatetime, Field, JsonValue

from yabot.domain.values import Identifier, Value


class Item(Value):
    """One thing. `created_at` is None where its writer gives no date."""

    item_id: Annotated[Identifier, Field(max_length=64)]
    name: Annotated[str, Field(min_length=1, max_length=120)]
    type: Identifier
    metadata: Mapping[str, JsonValue] = Field(default_factory=dict)
    created_at: AwareDatetime | None = None

"""Calls for operators: how the bot is doing, its description, its dead letters."""

from collections.abc import Mapping

import orjson

from yabot.api.dead_letters import LetterAnswer
from yabot.api.probes import DatabaseHealth, Health, RedisHealth, State
from yabot.client.calling import Connection
from yabot.client.messages import Answer, Request, parsed


class OperatorCalls(Connection):
    """What is ill is an answer here, and no error."""

    async def get_liveness(self) -> Answer[State]:
        """Whether to leave the process running."""
        return await self.read("/livez", State)

    async def get_readiness(self) -> Answer[State]:
        """Whether to send work there."""
        return await self.read("/readyz", State)

    async def get_health(self) -> Answer[Health]:
        """Everything that is checked."""
        return await self.read("/health", Health)

    async def get_database_health(self) -> Answer[DatabaseHealth]:
        """The databases."""
        return await self.read("/health/database", DatabaseHealth)

    async def get_redis_health(self) -> Answer[RedisHealth]:
        """The event bus."""
        return await self.read("/health/redis", RedisHealth)

    async def get_supervisors(self) -> str:
        """The supervision tree, drawn."""
        return await self.text("/health/supervisors", format="text")

    async def get_metrics(self) -> str:
        """Metrics in Prometheus's text format."""
        return await self.text("/metrics")

    async def get_openapi(self) -> Mapping[str, object]:
        """The OpenAPI document of the API that answers."""
        document: Mapping[str, object] = orjson.loads(await self.text("/openapi.json"))
        return document

    async def get_docs(self) -> str:
        """The page that shows the document."""
        return await self.text("/docs")

    async def replay_dead_letter(
        self, letter_id: int, *, key: str | None = None
    ) -> Answer[LetterAnswer]:
        """Try a dead letter again, once."""
        path = f"/ops/dead-letters/{letter_id}/replay"
        return await self.change("POST", path, None, LetterAnswer, key=key)

    async def discard_dead_letter(self, letter_id: int) -> Answer[LetterAnswer]:
        """Remove a dead letter for good."""
        raw = await self.send(Request("DELETE", f"/ops/dead-letters/{letter_id}"))
        return parsed(raw, LetterAnswer)

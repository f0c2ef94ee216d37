"""ExternalEvents: what other services tell of a user becomes a command to that user, once.

The API and the stream of external events both end here. The rule: source and id of an event are its
key, so however often it comes it takes effect once, and gets the same answer.
"""

import re
from collections.abc import Mapping
from typing import Protocol

from yabot.domain import external
from yabot.domain.decision import Rejected
from yabot.services.gateway import Applied, UserGateway, once_under

PERSON = re.compile("[0-9]{1,19}")


class IncomingEvent(Protocol):
    """An event in its envelope: `source` and `id` name it, `subject` is the user it is about."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def data(self) -> Mapping[str, object]: ...


class ExternalEvents:
    """Takes events of `yabot.external.*`."""

    def __init__(self, users: UserGateway) -> None:
        self._users = users

    async def accept(self, event: IncomingEvent) -> Applied | Rejected:
        """Apply what the event means, or say why not; a repetition within 48 hours is answered.

        A Rejected is final: repeating the event changes nothing, unless its user was not known and
        has come meanwhile.
        Raises StoreUnavailable, Overloaded, DeadlinePassed: then it is worth repeating.
        """
        command = external.read(event.type, event.data)
        if isinstance(command, Rejected):
            return command
        if event.subject is None or PERSON.fullmatch(event.subject) is None:
            return Rejected("event_subject_missing", "event_subject_missing", status=422)
        if await self._users.get(event.subject) is None:
            return Rejected("user_unknown", "user_unknown", status=404)
        key = f"ext:{event.source}:{event.id}"
        once = once_under(key, event.type, event.subject, dict(event.data))
        return await self._users.apply(event.subject, command, once=once)

"""What can be wrong with an event.

    EventError
    ├── UnreadableEvent   it is no envelope of this system; repeating changes nothing
    ├── InvalidEvent      its data is not what its name promises
    └── NewerVersion      a newer release wrote it; it waits for one that can read it

None of them goes away by trying again: the event is set aside, with its error.
"""

from yabot.errors import YabotError


class EventError(YabotError):
    """An event that can't be taken as it is."""


class UnreadableEvent(EventError):
    """Bytes that hold no event."""


class InvalidEvent(EventError):
    """An event whose data does not fit its name."""


class NewerVersion(EventError):
    """An event of a version that this release does not know."""

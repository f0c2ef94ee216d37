"""Up to where a stream holds what the outbox has: the judgement after any doubt. Pure.

    it ends as we left it              everything that was delivered
    its newest event is in the outbox  everything up to that event: it lost the rest, or it has
                                       more, where an answer or a mark was lost
    it is gone                         nothing, if it ever held something
    its newest event is not ours       everything, if our last one is still there or never was
    anything else                      nothing that can be told: all that is kept is sent again

The rule: in doubt an event comes twice, never not at all. A stream loses entries at its end (by a
crash or a failover) or altogether, so the newest one tells of all before it.
"""

from dataclasses import dataclass

from yabot.events.redis_append import Tip


@dataclass(frozen=True, slots=True)
class Place:
    """How far a stream is: it ends at `last_id` (empty: it has no entry) and holds every event of
    its partition up to `seq` of the outbox."""

    last_id: str = ""
    seq: int = 0


def level(place: Place, position: int, tip: Tip, known: int | None) -> int:
    """The `seq` up to which a stream holds every event of its partition; 0 for none.

    `place` is what was known of it, `position` that up to which all streams were delivered, `known`
    the place in the outbox of the stream's newest event, None where it is not kept.
    """
    delivered = max(position, place.seq)
    if tip.added:
        return delivered
    if known is not None:
        return known
    if not place.last_id or (tip.last_id and tip.holds):
        return delivered
    return 0

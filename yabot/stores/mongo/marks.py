"""What the mark of a server says about us: level, to be filled again, or fed by another.

A mark names the database that feeds a server and counts its deliveries. The rule: a server is level
only when its mark is the last one that we know to have left, or the one after it, whose answer may
have been lost. During a resync the count goes down from -1, so what a death leaves half filled
never looks level.
"""

from dataclasses import replace
from enum import Enum

from yabot.stores.mongo.ports import Mark


class Verdict(Enum):
    """What is to be done about a server."""

    LEVEL = "level"
    RESYNC = "resync"
    """It has lost deliveries, or never had them: bring everything again."""
    OVERTAKEN = "overtaken"
    """Another database has fed it, or a later state of this one: our epoch must move beyond."""


def judge(ours: Mark, theirs: Mark | None) -> Verdict:
    """Compare the server's mark with the one that we expect there."""
    if theirs is None:
        return Verdict.RESYNC
    if theirs.epoch != ours.epoch:
        return Verdict.OVERTAKEN if theirs.epoch > ours.epoch else Verdict.RESYNC
    if theirs.database_id != ours.database_id:
        return Verdict.OVERTAKEN
    if theirs in (ours, following(ours)):
        return Verdict.LEVEL
    if theirs.delivery > ours.delivery >= 0:
        return Verdict.OVERTAKEN
    return Verdict.RESYNC


def following(mark: Mark) -> Mark:
    """The mark of the next delivery."""
    return replace(mark, delivery=mark.delivery + (1 if mark.delivery >= 0 else -1))


def has_others(ours: Mark, theirs: Mark | None, verdict: Verdict) -> bool:
    """Whether the server may hold users that our database does not know."""
    if theirs is None:
        return False
    fed_by_us = (theirs.database_id, theirs.epoch) == (ours.database_id, ours.epoch)
    return verdict is Verdict.OVERTAKEN or not fed_by_us

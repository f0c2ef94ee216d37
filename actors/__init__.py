"""Actors on anyio, for asyncio and trio: typed messages, bounded mailboxes, virtual actors.

Actor         what you write: receive(message) and a few hooks
ActorSystem   where actors live; owns their tasks
ActorRef      how you reach one: tell, ask, stop
VirtualActors actors by key, activated by their first message
Message[R]    a message whose answer is an R
"""

from actors._actor import Actor
from actors._crash import Crash, Hold, OnCrash, Restart, Stop, restart_at_once
from actors._dead_letters import DeadLetter, Reason
from actors._durations import Durations, Histogram
from actors._errors import (
    ActorCrashed,
    ActorError,
    ActorKilled,
    ActorStopped,
    AskCycle,
    AskTimeout,
    MailboxFull,
    NameTaken,
    NotAccepted,
    NotAnswered,
    StashFull,
    StrayCancellation,
    TooManyActors,
    UnhandledMessage,
)
from actors._mailbox import Mailbox, Overflow
from actors._memory import memory_above, resident_memory
from actors._messages import Envelope, Message, current_envelope, origin
from actors._ref import ActorRef
from actors._snapshot import ActorStatistics, SystemSnapshot, VirtualStatistics
from actors._system import ActorSystem
from actors._timers import Timer
from actors._virtual import VirtualActors
from actors._watchdog import Blocked

__all__ = [
    "Actor",
    "ActorCrashed",
    "ActorError",
    "ActorKilled",
    "ActorRef",
    "ActorStatistics",
    "ActorStopped",
    "ActorSystem",
    "AskCycle",
    "AskTimeout",
    "Blocked",
    "Crash",
    "DeadLetter",
    "Durations",
    "Envelope",
    "Histogram",
    "Hold",
    "Mailbox",
    "MailboxFull",
    "Message",
    "NameTaken",
    "NotAccepted",
    "NotAnswered",
    "OnCrash",
    "Overflow",
    "Reason",
    "Restart",
    "StashFull",
    "Stop",
    "StrayCancellation",
    "SystemSnapshot",
    "Timer",
    "TooManyActors",
    "UnhandledMessage",
    "VirtualActors",
    "VirtualStatistics",
    "current_envelope",
    "memory_above",
    "origin",
    "resident_memory",
    "restart_at_once",
]

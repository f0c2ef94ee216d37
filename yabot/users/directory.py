"""UserDirectory: from a user's id to that user's actor.

A mailbox is a window on the inbox. When a user's mailbox is full the user is *behind*: nothing
newer is handed over, and as it drains the rest is read from the inbox by `seq`. So nobody's
backlog blocks whoever delivers, and order holds.
"""

from dataclasses import dataclass
from typing import TypeVar

import structlog

from actors import (
    ActorCrashed,
    ActorKilled,
    ActorRef,
    ActorStopped,
    ActorSystem,
    AskTimeout,
    Mailbox,
    MailboxFull,
    Message,
    Restart,
    TooManyActors,
    VirtualActors,
    memory_above,
)
from yabot.domain.commands import Command
from yabot.domain.decision import CHANGED, Applied, Once, Precondition, Rejected
from yabot.domain.user import User
from yabot.domain.values import UserId
from yabot.errors import DeadlinePassed, Overloaded
from yabot.users.actor import UserActor, UserParts
from yabot.users.messages import Apply, Deliver, Read, SetAside, UserMessage
from yabot.users.ports import DueCommand, Inbox, Mail
from yabot.users.turn import current_turn

WINDOW = 64
"""Messages that one user's mailbox holds; the rest of their mail waits in the inbox."""

MEMORY = 480_000_000
"""Bytes of this process above which the users idle longest leave it; they are in the store."""

ASK_TIMEOUT = 5.0
"""Seconds that a question waits when its caller names no deadline."""

REPEATS = (1.0, 4.0)
"""Seconds before a job that crashed its actor is done again: five in all, then it is set aside."""

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Behind:
    """A user whose mailbox was full: handed over up to `handed`, `newest` is known to exist."""

    handed: int
    newest: int


class UserDirectory:
    """Delivers jobs, commands and questions to users. It is the services' UserGateway."""

    def __init__(
        self,
        system: ActorSystem,
        parts: UserParts,
        inbox: Inbox,
        *,
        idle: float = 300.0,
        limit: int = 20_000,
        memory: int = MEMORY,
    ) -> None:
        self._inbox = inbox
        self._behind: dict[UserId, Behind] = {}
        self.actors: VirtualActors[UserId, UserMessage] = system.virtual(
            "users",
            lambda user_id: UserActor(user_id, parts, self._settled),
            mailbox=Mailbox(capacity=WINDOW),
            idle=idle,
            limit=limit,
            pressed=memory_above(memory),
            on_crash=after_crash,
        )

    def deliver(self, mail: Mail) -> None:
        """Hand over new mail, in order; never waits and never fails."""
        behind = self._behind.get(mail.user_id)
        if behind is not None:
            behind.newest = mail.seq
            return
        try:
            self._ref(mail.user_id).tell_nowait(Deliver(mail))
        except (MailboxFull, TooManyActors):
            self._behind[mail.user_id] = Behind(handed=mail.seq - 1, newest=mail.seq)

    def deliver_due(self, due: DueCommand) -> None:
        """Hand over a durable command. Raises Overloaded when the user's mailbox is full."""
        try:
            self._ref(due.user_id).tell_nowait(Deliver(due))
        except (MailboxFull, TooManyActors) as error:
            raise Overloaded(f"the mailbox of user {due.user_id} is full") from error

    def set_aside(self, mail: Mail, reason: str) -> None:
        """Give up mail that has ended this process before."""
        self._ref(mail.user_id).tell_nowait(SetAside(mail, reason))

    async def deliver_alone(self, mail: Mail, *, timeout: float) -> None:
        """Hand over mail and return when it is done, has crashed, or `timeout` seconds are over."""
        try:
            await self._ref(mail.user_id).ask(Deliver(mail), timeout=timeout)
        except (ActorCrashed, AskTimeout) as error:
            log.warning("suspect.failed", key=mail.key, error=str(error))

    async def get(self, user_id: UserId, *, timeout: float | None = None) -> User | None:
        """The user as of now, as `UserGateway.get` says."""
        turn = current_turn.get()
        if turn is not None and not turn.closed:
            self._own_turn_only(turn.user_id, user_id)
            return turn.user
        return await self._ask(user_id, Read(), timeout)

    async def apply(
        self,
        user_id: UserId,
        command: Command,
        *,
        once: Once | None = None,
        only_if: Precondition | None = None,
        timeout: float | None = None,
    ) -> Applied | Rejected:
        """Apply a command, as `UserGateway.apply` says."""
        turn = current_turn.get()
        if turn is None or turn.closed:
            return await self._ask(user_id, Apply(command, once, only_if), timeout)
        self._own_turn_only(turn.user_id, user_id)
        if turn.user is not None and only_if is not None and not only_if(turn.user):
            return CHANGED
        decision = turn.apply(command)
        return decision if isinstance(decision, Rejected) else Applied(decision.after)

    async def catch_up(self) -> None:
        """Hand over to users who are behind and have no actor whose next job would do it."""
        for user_id in list(self._behind):
            await self._settled(user_id)

    async def stop(self, *, timeout: float) -> None:
        """Let every mailbox drain for at most `timeout` seconds; the rest stays in the inbox."""
        self._behind.clear()
        await self.actors.stop(timeout=timeout)

    async def _settled(self, user_id: UserId) -> None:
        """After a job: if the user is behind, hand over what waits in the inbox."""
        behind = self._behind.get(user_id)
        if behind is None:
            return
        ref = self._ref(user_id)
        rows = await self._inbox.read(user_id, behind.handed, WINDOW // 2)
        for mail in rows:
            try:
                ref.tell_nowait(Deliver(mail))
            except (MailboxFull, TooManyActors):
                return
            behind.handed = mail.seq
        if behind.handed >= behind.newest:
            self._behind.pop(user_id, None)

    def _ref(self, user_id: UserId) -> ActorRef[UserMessage]:
        return self.actors.ref(user_id)

    def _own_turn_only(self, own: UserId, asked: UserId) -> None:
        if own != asked:
            raise RuntimeError(
                f"a turn of user {own} can't ask user {asked}; leave a durable command for them"
            )

    async def _ask(
        self, user_id: UserId, question: Message[Answer], timeout: float | None
    ) -> Answer:
        try:
            return await self._ref(user_id).ask(question, timeout=timeout or ASK_TIMEOUT)
        except (MailboxFull, TooManyActors) as error:
            raise Overloaded(f"user {user_id} has too much waiting") from error
        except (ActorStopped, ActorKilled) as error:
            raise Overloaded("the bot is stopping; ask again in a moment") from error
        except AskTimeout as error:
            raise DeadlinePassed(f"user {user_id} did not answer in time") from error


def after_crash(message: UserMessage | None, error: Exception, _count: int) -> Restart[UserMessage]:
    """What a user's next incarnation does first: the job that crashed, later, or its giving up."""
    match message:
        case Deliver(job, crashes) if crashes < len(REPEATS):
            log.warning("turn.crashed", key=job.key, crashes=crashes + 1, error=repr(error))
            return Restart(delay=REPEATS[crashes], first=Deliver(job, crashes + 1))
        case Deliver(job):
            return Restart(first=SetAside(job, _told(error)))
        case SetAside():
            return Restart(delay=REPEATS[-1], first=message)
        case _:
            return Restart()


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]

"""UserActor: one user, one turn at a time.

    load ─▶ handle ─▶ commit ─▶ swap memory ─▶ answer

The rule: memory changes only after the commit. Whatever goes wrong before it leaves the user as
they were; whatever goes wrong at it is settled by loading again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import structlog

from actors import Actor
from yabot.domain.decision import CHANGED, KEY_REUSED, Applied, Decision, Once, Rejected
from yabot.domain.events import HandlerCompleted, UpdateReceived
from yabot.domain.user import Language
from yabot.domain.values import UserId
from yabot.eager import Begun
from yabot.errors import AlreadyProcessed, StoreUnavailable, exited
from yabot.users import answers
from yabot.users import cause as causes
from yabot.users.cause import Cause
from yabot.users.give_up import give_up
from yabot.users.messages import Apply, Deliver, Job, Read, SetAside, UserMessage
from yabot.users.ports import (
    Answer,
    Clock,
    Commit,
    DueCommand,
    Mail,
    Stored,
    UserStore,
)
from yabot.users.reassure import Reassurance, SendNow, send_nothing
from yabot.users.turn import Handle, RenderNotices, Turn, current_turn

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UserParts:
    """What every user's actor works with.

    `turn_timeout` bounds a handler, in seconds; `default_language` is for who is not known yet;
    `send_now` tells them something that waits for no commit.
    """

    store: UserStore
    handle: Handle
    render: RenderNotices
    clock: Clock
    turn_timeout: float = 10.0
    default_language: Language = "es"
    send_now: SendNow = send_nothing


class UserActor(Actor[UserMessage]):
    """Holds one user in memory and serialises every change to them.

    `settled` is called after each job, so that the directory can hand over what waits behind it.
    """

    answers = (StoreUnavailable,)
    isolated = True

    def __init__(
        self, user_id: UserId, parts: UserParts, settled: Callable[[UserId], Awaitable[None]]
    ) -> None:
        self._user_id = user_id
        self._parts = parts
        self._settled = settled
        self._stored: Stored | None = None
        self._last_seq = 0

    async def receive(self, message: UserMessage) -> object:
        """Do one job, apply one command, or answer one question."""
        match message:
            case Deliver(job=job):
                await self._until_stored(lambda: self._do(job, message.crashes), job)
                await self._until_stored(lambda: self._settled(self._user_id))
            case SetAside(job=job, error=error):
                await self._until_stored(lambda: self._give_up(job, error))
                await self._until_stored(lambda: self._settled(self._user_id))
            case Apply():
                return await self._apply(message)
            case Read():
                return (await self._load()).user
        return None

    async def _until_stored(
        self, work: Callable[[], Awaitable[None]], job: Job | None = None
    ) -> None:
        """A job waits, in its place, for a store that is away: nothing of it has happened yet.

        Whose mail it is, is told so while it can't be known who they are.
        """
        reassurance = self._reassurance(job) if isinstance(job, Mail) else None
        while True:
            try:
                return await work()
            except StoreUnavailable as error:
                log.warning("turn.waits_for_store", user=self._user_id, error=str(error))
                pause = error.retry_after or 1.0
            await anyio.sleep(pause)
            if reassurance is not None and self._stored is None:
                await reassurance.waited(pause)

    def _reassurance(self, mail: Mail) -> Reassurance:
        return Reassurance(mail, self._parts.send_now, self._parts.default_language)

    async def _do(self, job: Job, crashes: int) -> None:
        if isinstance(job, Mail) and job.seq <= self._last_seq:
            return
        turn = await self._begin(job.key, causes.of_job(job))
        repeated = crashes > 0 or isinstance(job, DueCommand) or job.attempts > 0
        if repeated and await self._parts.store.answer(job.key) is not None:
            return
        try:
            if isinstance(job, Mail):
                await self._handle(turn, job)
                commit = turn.to_commit(mail_seq=job.seq)
            else:
                turn.apply(job.command)
                self._parts.render(turn)
                commit = turn.to_commit(command_id=job.id, answer=Answer("", b"{}"))
            await self._commit(commit)
        except AlreadyProcessed:
            self._stored = None
        finally:
            turn.close()
        if isinstance(job, Mail):
            self._last_seq = job.seq

    async def _handle(self, turn: Turn, mail: Mail) -> None:
        """Run the bot's handlers inside the turn, within the turn's time limit."""
        kind = next((name for name in mail.update if name != "update_id"), "unknown")
        turn.note(UpdateReceived(update_id=mail.update_id, update_type=kind))
        token = current_turn.set(turn)
        try:
            handling = Begun(self._parts.handle(turn, mail.update))
            if handling.waits:
                async with asyncio.timeout(self._parts.turn_timeout):
                    await handling
        except BaseException as error:
            if (leaving := exited(error)) is None:
                raise
            raise leaving from error
        finally:
            current_turn.reset(token)
        if turn.failure is not None:
            raise turn.failure
        self._parts.render(turn)
        turn.note(HandlerCompleted(update_type=kind, replies=turn.calls))

    async def _apply(self, message: Apply) -> Applied | Rejected:
        once = message.once
        if once is not None and (known := await self._answered(once)) is not None:
            return known
        turn = await self._begin(once.key if once else "", causes.of_question(once))
        if turn.user is not None and message.only_if is not None and not message.only_if(turn.user):
            turn.close()
            return CHANGED
        decision = turn.apply(message.command)
        outcome = Applied(turn.seen) if isinstance(decision, Decision) else decision
        if once is None and isinstance(outcome, Rejected):
            turn.close()
            return outcome
        answer = Answer(once.fingerprint, answers.encode(outcome)) if once else None
        self._parts.render(turn)
        try:
            await self._commit(turn.to_commit(answer=answer))
        except AlreadyProcessed:
            # Another user's turn, or a killed one of this user, was under way with the same key.
            self._stored = None
            if once is None or (known := await self._answered(once)) is None:
                raise
            return known
        return outcome

    async def _answered(self, once: Once) -> Applied | Rejected | None:
        """What was answered under that key; None when nothing was."""
        known = await self._parts.store.answer(once.key)
        if known is None:
            return None
        return answers.decode(known.body) if known.fingerprint == once.fingerprint else KEY_REUSED

    async def _give_up(self, job: Job, error: str) -> None:
        log.error("job.set_aside", user=self._user_id, key=job.key, error=error)
        turn = await self._begin(job.key, causes.of_job(job))
        try:
            await self._commit(give_up(turn, job, error, self._parts.default_language))
        except AlreadyProcessed:
            self._stored = None

    async def _begin(self, key: str, cause: Cause) -> Turn:
        return Turn(
            key=key,
            user_id=self._user_id,
            now=self._parts.clock(),
            stored=await self._load(),
            store=self._parts.store,
            cause=cause,
        )

    async def _load(self) -> Stored:
        """The user in memory, or read behind every commit that was queued before."""
        if self._stored is None:
            self._stored = await self._parts.store.load(self._user_id, fenced=True)
        return self._stored

    async def _commit(self, commit: Commit) -> None:
        version = await self._parts.store.commit(commit)
        if commit.before is not None or commit.after is not None:
            self._stored = Stored(commit.after, version)

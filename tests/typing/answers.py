"""What a type checker must find out by itself: typed messages, and typed answers to them.

Nothing here runs. Each `type: ignore` below names a mistake that must be found, and
`test_typing.py` compares them with what mypy finds."""

from dataclasses import dataclass
from typing import assert_type

from actors import (
    Actor,
    ActorRef,
    ActorSystem,
    Mailbox,
    Message,
    OnCrash,
    Overflow,
    Restart,
    Stop,
    VirtualActors,
)


@dataclass(frozen=True, slots=True)
class Deposit(Message[int]):
    amount: int


@dataclass(frozen=True, slots=True)
class Owner(Message[str | None]):
    pass


@dataclass(frozen=True, slots=True)
class Closed(Message[None]):
    pass


class Account(Actor[Deposit | Owner]):
    async def receive(self, message: Deposit | Owner) -> int | str | None:
        match message:
            case Deposit(amount):
                return amount
            case Owner():
                return None

    async def introduce(self, other: "ActorRef[Closed]") -> None:
        assert_type(self.ref, ActorRef[Deposit | Owner])
        self.after(1.0, Deposit(1))
        self.watch(other, Deposit(1))
        self.after(1.0, Closed())  # type: ignore[arg-type]
        self.watch(other, Closed())  # type: ignore[arg-type]


async def asks_are_typed_by_their_message(ref: ActorRef[Deposit | Owner]) -> None:
    assert_type(await ref.ask(Deposit(1), timeout=1), int)
    assert_type(await ref.ask(Owner(), timeout=1), str | None)
    await ref.ask(Deposit(1))  # type: ignore[call-arg]
    await ref.ask("no message", timeout=1)  # type: ignore[arg-type]


async def an_answer_is_what_its_message_says_and_nothing_else(
    ref: ActorRef[Deposit | Owner],
) -> None:
    total: int = await ref.ask(Deposit(1), timeout=1)
    text: str = await ref.ask(Deposit(1), timeout=1)  # type: ignore[arg-type]
    owner: str = await ref.ask(Owner(), timeout=1)  # type: ignore[arg-type]
    (await ref.ask(Owner(), timeout=1)).upper()  # type: ignore[union-attr]
    total + await ref.ask(Owner(), timeout=1)  # type: ignore[operator]
    ref.ask(Deposit(1), timeout=1) + total  # type: ignore[operator]
    assert text is not owner


async def a_message_has_one_type_of_answer(ref: ActorRef[Message[int]]) -> None:
    assert_type(await ref.ask(Deposit(1), timeout=1), int)
    await ref.tell(Deposit(1))
    await ref.tell(Owner())  # type: ignore[arg-type]
    wrong: Message[str] = Deposit(1)  # type: ignore[assignment]
    assert wrong is not None


async def tells_are_typed_by_their_actor(ref: ActorRef[Deposit | Owner]) -> None:
    await ref.tell(Deposit(1))
    ref.tell_nowait(Owner())
    await ref.tell(Closed())  # type: ignore[arg-type]
    ref.tell_nowait(Closed())  # type: ignore[arg-type]


class Narrow(Account):
    async def receive(self, message: Deposit) -> int:  # type: ignore[override]
        return message.amount


def a_ref_that_takes_more_is_a_ref_that_takes_less(ref: ActorRef[Deposit | Owner]) -> None:
    less: ActorRef[Deposit] = ref
    more: ActorRef[Deposit | Owner | Closed] = ref  # type: ignore[assignment]
    assert less is more


def spawning_infers_the_type_of_the_ref(system: ActorSystem) -> None:
    assert_type(system.spawn(Account, name="a"), ActorRef[Deposit | Owner])
    family = system.virtual("accounts", account_of, mailbox=Mailbox(8, Overflow.WAIT))
    assert_type(family, VirtualActors[int, Deposit | Owner])
    assert_type(family.ref(7), ActorRef[Deposit | Owner])
    family.ref("seven")  # type: ignore[arg-type]


def account_of(_key: int) -> Account:
    return Account()


def policies_repeat_only_what_the_actor_takes(system: ActorSystem) -> None:
    def again(
        message: Deposit | Owner | None, _error: Exception, crashes: int
    ) -> Restart[Deposit | Owner] | Stop:
        return Restart(first=message) if crashes < 3 else Stop()

    policy: OnCrash[Deposit | Owner] = again
    system.spawn(Account, name="a", on_crash=policy)

    def wrong(_message: object, _error: Exception, _crashes: int) -> Restart[Closed]:
        return Restart(first=Closed())

    system.spawn(Account, name="b", on_crash=wrong)  # type: ignore[misc]

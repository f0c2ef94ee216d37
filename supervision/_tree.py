"""A running tree: start it, look at it, reach into it, change it, stop it.

Rule: leaving `run_tree` stops every child, the last started first, each with its own deadline."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn

import anyio

from actors import Actor, ActorRef, ActorStopped, ActorSystem, DeadLetter, Stop
from supervision._branch import Branch, Member
from supervision._errors import UnknownChild
from supervision._health import Health
from supervision._node import Node
from supervision._notices import Notice, RemoveChild, RestartChild, StartChild
from supervision._observe import Observer
from supervision._report import Context, Report, Reports
from supervision._spec import Child, Supervisor, as_child, partition_of
from supervision._supervisor import SupervisorActor


@asynccontextmanager
async def run_tree(
    system: ActorSystem,
    spec: Supervisor,
    *,
    reports: Reports | None = None,
    rng: Callable[[], float] = random.random,
) -> AsyncIterator[Tree]:
    """Start a tree and give it to the block once each child has been started, or has failed to and
    waits for its restart. Stops it when the block is left.

    `reports` collects what happens, also from breakers that share it; `rng` gives the jitter."""
    tree = Tree(system, spec, reports or Reports(), rng)
    try:
        await tree.start()
        yield tree
    finally:
        with anyio.CancelScope(shield=True):
            await tree.stop()


class Tree:
    """A running tree; made by `run_tree`. A path is names with / between them, "" for the top."""

    def __init__(
        self,
        system: ActorSystem,
        spec: Supervisor,
        reports: Reports,
        rng: Callable[[], float],
    ) -> None:
        self.reports = reports
        self._system = system
        self._spec = spec
        self._rng = rng
        self._root = Branch(system, spec.name, spec, "", reports, self._supervise)
        self._observer = Observer(system, self._root)
        self._gave_up = anyio.Event()
        self._reason: Exception | None = None
        self._stopped = False
        reports.observe(self._note)
        system.on_dead_letter(self._report_letter)

    async def start(self) -> None:
        """Start all children in order (called by `run_tree`)."""
        self._root.ref = self._system.spawn(
            lambda: self._supervise(self._root),
            name=self._spec.name,
            mailbox=self._root.mailbox(),
            on_crash=lambda _message, error, _crashes: self._give_up(error),
            held=True,
        )
        self._root.spawn()
        # A top that has given up by now says so in `escalated()`, like one that does so later.
        with suppress(ActorStopped):
            await self._root.ref.resume()

    def _supervise(self, branch: Branch) -> Actor[Any]:
        return SupervisorActor(branch, self._rng)

    def _give_up(self, error: Exception) -> Stop:
        self._reason = error
        self._gave_up.set()
        return Stop()

    def _note(self, report: Report) -> None:
        if report.context is not Context.DEAD_LETTER:
            self._observer.note()

    def _report_letter(self, letter: DeadLetter) -> None:
        """A dead letter is reported for the child that the mail was for. It names the kind of the
        message and the family of the actor, never a key or what is in the message. The notice at
        which a supervisor gave up is none: that it gave up is reported."""
        if self._stopped or isinstance(letter.message, Notice):
            return
        branch, offender = self._addressee(letter.target)
        reason = f"{letter.reason.value}: {type(letter.message).__name__}"
        branch.report(Context.DEAD_LETTER, reason, offender)

    def _addressee(self, target: str) -> tuple[Branch, str]:
        for branch, member in _walk(self._root):
            family = member.family
            if target == f"{self._spec.name}/{member.path}" or (
                family is not None and target.startswith(f"{family.name}/")
            ):
                return branch, member.path
        return self._root, target.partition("/")[0]

    async def stop(self) -> None:
        """Stop all children, the last started first; a second call finds nothing left to do."""
        await self._root.stop()
        if self._root.ref is not None:
            await self._root.ref.stop()
        self._stopped = True

    async def escalated(self) -> NoReturn:
        """Wait until the top supervisor gives up, and raise its Escalated."""
        await self._gave_up.wait()
        assert self._reason is not None
        raise self._reason

    def ref(self, path: str) -> ActorRef[Any]:
        """The ref of the child at a path such as "stores/writer". It survives restarts.

        Raises UnknownChild, also for a family, which has no ref of its own."""
        member = self._find(path)[1]
        if member.ref is None:
            raise self._unknown(path)
        return member.ref

    def partition(self, path: str, key: str | int) -> ActorRef[Any]:
        """The ref of the child that a key belongs to, among the children that the supervisor at
        this path has by its literal; always the same for the same key. Raises UnknownChild."""
        children = self._branch(path).spec.children
        if not children:
            raise self._unknown(path)
        name = children[partition_of(key, len(children))].name
        return self.ref(f"{path}/{name}" if path else name)

    async def add(self, path: str, child: Child | Supervisor, *, timeout: float = 30.0) -> None:
        """Add a child to the supervisor at a path, after its other children, and start it.

        It stays across restarts of its supervisor. A failed start is a failure like any other.
        Raises UnknownChild, ValueError for a name that is taken, TooManyChildren, or AskTimeout
        where it was added and has not been started yet."""
        branch = self._branch(path)
        branch.add(as_child(child))
        await _order(branch, StartChild(child.name), timeout)

    async def remove(self, path: str, *, timeout: float = 30.0) -> None:
        """Stop a child for good and forget it. Raises UnknownChild or AskTimeout."""
        branch, member = self._find(path)
        await _order(branch, RemoveChild(member.spec.name), timeout)

    async def restart(self, path: str, *, timeout: float = 30.0) -> None:
        """Restart the child at a path, by order: this counts as no failure.

        Raises UnknownChild, or AskTimeout where it took too long."""
        branch, member = self._find(path)
        if member.ref is None:
            raise self._unknown(path)
        await _order(branch, RestartChild(member.spec.name), timeout)

    def health(self) -> Health:
        """The health of the whole."""
        return self._observer.health()

    def snapshot(self, *, reports: int = 0) -> Node:
        """The whole tree as it is now, with the latest so many reports on its top.

        Reports quote errors, so a page for everybody shows none."""
        kept = self.reports.history()
        return self._observer.snapshot(kept[len(kept) - min(reports, len(kept)) :])

    def _branch(self, path: str) -> Branch:
        branch = self._find(path)[1].branch if path else self._root
        if branch is None:
            raise self._unknown(path)
        return branch

    def _find(self, path: str) -> tuple[Branch, Member]:
        branch: Branch | None = self._root
        *above, name = path.split("/")
        for step in above:
            branch = branch.members[step].branch if branch and step in branch.members else None
        if branch is None or name not in branch.members:
            raise self._unknown(path)
        return branch, branch.members[name]

    def _unknown(self, path: str) -> UnknownChild:
        return UnknownChild(path, tuple(member.path for _, member in _walk(self._root)))


async def _order(
    branch: Branch, order: StartChild | RestartChild | RemoveChild, timeout: float
) -> None:
    assert branch.ref is not None
    await branch.ref.ask(order, timeout=timeout)


def _walk(branch: Branch) -> Iterator[tuple[Branch, Member]]:
    for member in branch.in_order():
        yield branch, member
        if member.branch is not None:
            yield from _walk(member.branch)

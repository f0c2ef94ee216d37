"""A running tree: start it, look at it, reach into it, stop it.

Rule: leaving `run_tree` stops every child, the last started first, each with its own deadline."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn

import anyio

from actors import Actor, ActorRef, ActorStopped, ActorSystem, Stop
from supervision._branch import Branch, Member
from supervision._errors import UnknownChild
from supervision._health import Health
from supervision._node import Node
from supervision._notices import RestartChild
from supervision._observe import Observer
from supervision._report import Report, Reports
from supervision._spec import Supervisor
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
    """A running tree; made by `run_tree`."""

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
        self._root = Branch(system, spec.name, spec, "", reports)
        self._members = {member.path: member for member in _walk(self._root)}
        self._observer = Observer(system, self._root)
        self._gave_up = anyio.Event()
        self._reason: Exception | None = None
        reports.observe(self._note)

    async def start(self) -> None:
        """Start all children in order (called by `run_tree`)."""
        self._root.ref = self._system.spawn(
            lambda: self._supervise(self._root),
            name=self._spec.name,
            mailbox=self._root.mailbox(),
            on_crash=lambda _message, error, _crashes: self._give_up(error),
            held=True,
        )
        self._root.spawn(self._supervise)
        # A top that has given up by now says so in `escalated()`, like one that does so later.
        with suppress(ActorStopped):
            await self._root.ref.resume()

    def _supervise(self, branch: Branch) -> Actor[Any]:
        return SupervisorActor(branch, self._rng)

    def _give_up(self, error: Exception) -> Stop:
        self._reason = error
        self._gave_up.set()
        return Stop()

    def _note(self, _report: Report) -> None:
        self._observer.note()

    async def stop(self) -> None:
        """Stop all children, the last started first; a second call finds nothing left to do."""
        await self._root.stop()
        if self._root.ref is not None:
            await self._root.ref.stop()

    async def escalated(self) -> NoReturn:
        """Wait until the top supervisor gives up, and raise its Escalated."""
        await self._gave_up.wait()
        assert self._reason is not None
        raise self._reason

    def ref(self, path: str) -> ActorRef[Any]:
        """The ref of the child at a path such as "stores/writer". It survives restarts.

        Raises UnknownChild, also for a family, which has no ref of its own."""
        member = self._member(path)
        if member.ref is None:
            raise UnknownChild(path, tuple(self._members))
        return member.ref

    def _member(self, path: str) -> Member:
        try:
            return self._members[path]
        except KeyError:
            raise UnknownChild(path, tuple(self._members)) from None

    async def restart(self, path: str, *, timeout: float = 30.0) -> None:
        """Restart the child at a path, by order: this counts as no failure.

        Raises UnknownChild, or AskTimeout where it took too long."""
        member = self._member(path)
        above, _, _ = path.rpartition("/")
        branch = self._member(above).branch if above else self._root
        if branch is None or branch.ref is None or member.ref is None:
            raise UnknownChild(path, tuple(self._members))
        await branch.ref.ask(RestartChild(member.index), timeout=timeout)

    def health(self) -> Health:
        """The health of the whole."""
        return self._observer.health()

    def snapshot(self) -> Node:
        """The whole tree as it is now."""
        return self._observer.snapshot()


def _walk(branch: Branch) -> list[Member]:
    found: list[Member] = []
    for member in branch.members:
        found.append(member)
        if member.branch is not None:
            found += _walk(member.branch)
    return found

"""Which modules are left alone, which mutants must always be noticed, and which are no mistakes."""

LEFT_OUT = {
    "actors/__init__.py": "names alone",
    "actors/_errors.py": "text for people",
    "actors/_backend.py": "its second half runs on trio alone, its first in every test",
    "actors/_watchdog.py": "a thread in real time: a slow machine would look like a noticed change",
    "actors/testing.py": "the tests' own tools",
    "supervision/__init__.py": "names alone",
    "supervision/_errors.py": "text for people",
}
"""Modules that are not mutated, and why."""

KNOWN = {
    "actors": (
        # A mailbox that takes one too many.
        "actors/_cell.py: Cell.post: if mail and len(mail) < self.room:"
        " => if mail and len(mail) <= self.room:",
        # A sender who believes that his message was taken by an actor that has ended.
        "actors/_cell.py: Cell.reject_all: place.error = ActorStopped(self.name) => pass",
        # A handler that nobody knows to be at work.
        "actors/_workers.py: Workers._lead: cell.handling = here => pass",
        # An ask that is handled although nobody waits for its answer.
        "actors/_ref.py: ActorRef.ask: answer.done = True => pass",
        # A message that vanishes when its handler is cancelled.
        "actors/_lifecycle.py: failed: cell.reject(blamed, verdict, answer) => pass",
        # A virtual actor that stays in memory after its end.
        "actors/_virtual.py: VirtualActors._ended: del self._cells[cell.key] => pass",
    ),
    "supervision": (
        # A supervisor that gives up one restart early.
        "supervision/_intensity.py: add_restart: return recent, len(recent) > intensity"
        " => return recent, len(recent) >= intensity",
        # A restart that counts although it is long ago.
        "supervision/_intensity.py: add_restart:"
        " recent = (*(time for time in times if now - time <= period), now)"
        " => recent = (*(time for time in times if now + time <= period), now)",
        # All restarted where one was meant.
        "supervision/_strategy.py: affected:"
        " first = 0 if strategy is Strategy.ONE_FOR_ALL else failed"
        " => first = 0 if strategy is not Strategy.ONE_FOR_ALL else failed",
        # The last child forgotten.
        "supervision/_strategy.py: affected: return range(first, last + 1)"
        " => return range(first, last + 0)",
        # A delay without a cap.
        "supervision/_backoff.py: backoff:"
        " return rng() * min(cap, base * 2.0 ** min(attempt - 1, 64))"
        " => return rng() * max(cap, base * 2.0 ** min(attempt - 1, 64))",
        # A delay that begins doubled.
        "supervision/_backoff.py: backoff:"
        " return rng() * min(cap, base * 2.0 ** min(attempt - 1, 64))"
        " => return rng() * min(cap, base * 2.0 ** min(attempt - 0, 64))",
    ),
}
"""A few grave mistakes that the suite itself checks to be noticed."""

_FIRST_SET = "nobody reads it before it is set"
_DIFFERENCE = "what a window holds is the difference of two counts"
_SHORT_CUT = "a short cut: without it the same comes of it, more slowly"

EQUIVALENT = {
    "actors/_cell.py: Cell.__init__: self.crashed_at = 0.0 => self.crashed_at = 1.0": _FIRST_SET,
    "actors/_cell.py: Cell.__init__: self.crashed_at = 0.0 => self.crashed_at = -1.0": _FIRST_SET,
    "actors/_cell.py: Cell.__init__: self.used = 0.0 => pass": _FIRST_SET,
    "actors/_cell.py: Cell.__init__: self.used = 0.0 => self.used = 1.0": _FIRST_SET,
    "actors/_cell.py: Cell.__init__: self.used = 0.0 => self.used = -1.0": _FIRST_SET,
    "actors/_workers.py: Worker.__init__: self.busy = False => pass": _FIRST_SET,
    "actors/_workers.py: Worker.__init__: self.busy = False => self.busy = True": _FIRST_SET,
    "actors/_workers.py: Worker.__init__: self.scope = anyio.CancelScope() => pass": _FIRST_SET,
    "actors/_cell.py: Cell.leave_line: return True => return False": _SHORT_CUT,
    "actors/_incarnation.py: retire: if actor is not None and running"
    " and type(actor).stopping is not Actor.stopping: => if actor is not None and running:":
    _SHORT_CUT,
    "actors/_incarnation.py: discard: if actor is not None"
    " and type(actor).restarting is not Actor.restarting: => if actor is not None:": _SHORT_CUT,
    "actors/_workers.py: Workers._tell_quiet: if self._quiet and self.quiet(): => if self.quiet():":
    _SHORT_CUT,
    "actors/_workers.py: Workers._lead: run = unseen if unseen < share else share"
    " => run = unseen if unseen <= share else share": "where they are equal, either does",
    "actors/_virtual.py: VirtualActors._relieve: if self._cells and self._pressure is not None:"
    " => if self._cells:": "only a family with a pressure is told of it",
    "actors/_virtual.py: VirtualActors._relieve:"
    " for _ in range(min(SWEEP_AT_ONCE, len(self._cells)) if pressed else 0):"
    " => for _ in range(min(SWEEP_AT_ONCE, len(self._cells)) if pressed else -1):":
    "a range of less than nothing is empty too",
    "actors/_workers.py: Workers._work: self.leader = None => pass":
    "who rests counts as busy, and so does not lead either",
    "supervision/_circuit.py: Circuit.__init__: self._reopens_at = 0.0 => self._reopens_at = 1.0":
    _FIRST_SET,
    "supervision/_circuit.py: Circuit.__init__: self._reopens_at = 0.0 => self._reopens_at = -1.0":
    _FIRST_SET,
    "supervision/_window.py: _Seconds.__init__: self._calls = 0 => self._calls = 1": _DIFFERENCE,
    "supervision/_window.py: _Seconds.__init__: self._calls = 0 => self._calls = -1": _DIFFERENCE,
    "actors/_lifecycle.py: _passivate: if family is None or not (forced or may_passivate(cell)):"
    " => if not (forced or may_passivate(cell)):": "only actors of a family are asked to go",
    "actors/_lifecycle.py: attend: return False => return True":
    "the caller looks at the cancelled scope first",
    "actors/_lifecycle.py: attend: if cell.worker is not None and cell.worker.scope.cancel_called:"
    " => if cell.worker.scope.cancel_called:": "only a worker calls it",
}  # fmt: skip
"""Changes that no test can notice, and why. A timing that is merely tuned is not among them."""

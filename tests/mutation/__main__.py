"""`python -m tests.mutation actors --seed 1 --sample 150`: do the tests notice small mistakes?

Prints each mutant that they overlooked, and the score; ends with 1 where it is below the target."""

import argparse
import random
import sys

from tests.mutation.lists import EQUIVALENT, KNOWN, LEFT_OUT
from tests.mutation.operators import Mutant, mutants
from tests.mutation.running import ROOT, Suite, Verdict, run_all

TARGET = 0.9
"""The share of the sampled mutants that the tests must notice."""


def main() -> int:
    options = _options()
    files = sorted((ROOT / options.package).glob("*.py"))
    sources = {f"{options.package}/{file.name}": file.read_text() for file in files}
    found = [
        mutant
        for path, source in sources.items()
        if path not in LEFT_OUT
        for mutant in mutants(path, source)
    ]
    if missing := _unknown(found, options.package):
        print("these name no mutant any more:", *missing, sep="\n  ")
        return 2
    chosen = _choose(found, options)
    if options.list:
        print(*(f"{mutant.path}: {mutant.name}" for mutant in chosen), sep="\n")
        return 0
    suite = _ordered(Suite(f"tests/{options.package}", options.only))
    if suite is None:
        return 2
    killed = _try(suite, chosen, options)
    score = killed / max(1, len(chosen))
    print(f"{options.package}: {killed} of {len(chosen)} mutants noticed ({score:.1%})")
    return 0 if score >= TARGET else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("package", choices=sorted(KNOWN))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=150, help="how many; 0 for all")
    parser.add_argument("--module", help="only of this module, such as _cell")
    parser.add_argument("--known", action="store_true", help="only those that must be noticed")
    parser.add_argument("--only", default="not trio", help="which tests, as for pytest -k")
    parser.add_argument("--jobs", "-j", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="name the mutants and try none")
    parser.add_argument("--verbose", "-v", action="store_true", help="say which test noticed")
    return parser.parse_args()


def _unknown(found: list[Mutant], package: str) -> list[str]:
    names = {f"{mutant.path}: {mutant.name}" for mutant in found}
    listed = (*KNOWN[package], *EQUIVALENT)
    return [name for name in listed if name.startswith(f"{package}/") and name not in names]


def _choose(found: list[Mutant], options: argparse.Namespace) -> list[Mutant]:
    known = KNOWN[options.package]
    if options.known:
        return [mutant for mutant in found if f"{mutant.path}: {mutant.name}" in known]
    fair = [mutant for mutant in found if f"{mutant.path}: {mutant.name}" not in EQUIVALENT]
    if options.module:
        fair = [mutant for mutant in fair if mutant.path.endswith(f"/{options.module}.py")]
    if not 0 < options.sample < len(fair):
        return fair
    return random.Random(options.seed).sample(fair, options.sample)


def _ordered(suite: Suite) -> Suite | None:
    """The suite with its fastest tests first; None where it fails on the code as it is."""
    verdicts: list[Verdict] = []
    run_all(suite, [None], jobs=1, done=lambda _, verdict: verdicts.append(verdict))
    (plain,) = verdicts
    print(f"{suite.tests}: {len(plain.seconds)} tests in {sum(plain.seconds.values()):.1f} s")
    if plain.killed:
        print(f"they fail without any change: {plain.by}")
        return None
    usual = sorted(plain.seconds.items(), key=lambda test: test[1])
    return Suite(suite.tests, suite.only, dict(usual))


def _try(suite: Suite, chosen: list[Mutant], options: argparse.Namespace) -> int:
    killed = 0

    def done(mutant: Mutant | None, verdict: Verdict) -> None:
        nonlocal killed
        assert mutant is not None
        killed += verdict.killed
        if not verdict.killed:
            print(f"\noverlooked: {mutant.path}:{mutant.line}  {mutant.name}\n{mutant.diff}")
        elif options.verbose:
            print(f"noticed: {mutant.path}:{mutant.line}  {mutant.name}\n  by {verdict.by}")
        sys.stdout.flush()

    run_all(suite, chosen, jobs=options.jobs, done=done)
    return killed


if __name__ == "__main__":
    sys.exit(main())

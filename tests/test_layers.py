"""The arrows of the design: who may import whom. Any other import fails here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LEAVES = frozenset(
    {
        "yabot.config",
        "yabot.eager",
        "yabot.errors",
        "yabot.faults",
        "yabot.identity",
        "yabot.outbox",
    }
)

ALLOWED: dict[str, frozenset[str]] = {
    "actors": frozenset(),
    "supervision": frozenset({"actors"}),
    "yabot.domain": frozenset(),
    "yabot.eager": frozenset(),
    "yabot.errors": frozenset(),
    "yabot.faults": frozenset(),
    "yabot.interpreter": frozenset(),
    "yabot.loop": frozenset(),
    "yabot.config": frozenset({"yabot.domain", "yabot.errors"}),
    "yabot.identity": frozenset({"yabot.domain"}),
    "yabot.outbox": frozenset({"actors", "supervision", "yabot.errors"}),
    "yabot.content": frozenset({"yabot.domain", "yabot.errors"}),
    "yabot.users": frozenset({"yabot.domain", "actors", *LEAVES}),
    "yabot.services": frozenset({"yabot.domain", "yabot.users", *LEAVES}),
    "yabot.stores": frozenset(
        {"yabot.domain", "yabot.users.ports", "actors", "supervision", *LEAVES}
    ),
    "yabot.events": frozenset(
        {"yabot.domain", "yabot.users.ports", "actors", "supervision", *LEAVES}
    ),
    "yabot.telegram": frozenset(
        {
            "yabot.services",
            "yabot.domain",
            "yabot.users.ports",
            "yabot.users.turn",
            "actors",
            "supervision",
            *LEAVES,
        }
    ),
    "yabot.api": frozenset(
        {
            "yabot.services",
            "yabot.domain",
            "yabot.users.ports",
            "yabot.ops",
            "actors",
            "supervision",
            *LEAVES,
        }
    ),
    "yabot.client": frozenset({"yabot.api", "yabot.domain", "supervision"}),
    "yabot.ops": frozenset({"actors", "supervision", *LEAVES}),
    "yabot.sandbox": frozenset(),
}
"""A part, and the parts that it may import besides itself and libraries from outside."""

ALLOWED["yabot.wiring"] = frozenset(ALLOWED)
ALLOWED["yabot.commands"] = frozenset(ALLOWED)

OUTSIDE: dict[str, frozenset[str]] = {
    "actors": frozenset({"anyio", "trio", "sniffio"}),
    "supervision": frozenset({"anyio"}),
    "yabot.domain": frozenset({"pydantic", "pydantic_core"}),
    "yabot.sandbox": frozenset({"aiohttp", "orjson"}),
}
"""The libraries from outside that the purest parts may import; the others are free."""

FREE = frozenset({"yabot", "yabot.__main__", "yabot.app", "yabot.cli", "yabot.running"})
"""These may import everything; nothing may import them."""


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("actors", "supervision", "yabot"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(module: str) -> str:
    return max((part for part in ALLOWED if within(module, part)), key=len, default=module)


def within(module: str, part: str) -> bool:
    return module == part or module.startswith(part + ".")


PARTS = sorted(ALLOWED)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_imports_only_what_the_arrows_allow(part: str) -> None:
    wrong = []
    for module, path in modules():
        if module in FREE or part_of(module) != part:
            continue
        for name in imports(path):
            if not name.startswith(("yabot", "actors", "supervision")):
                continue
            if not any(within(name, allowed) for allowed in {part, *ALLOWED[part]}):
                wrong.append(f"{module} imports {name}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("part", sorted(OUTSIDE))
def test_a_pure_part_imports_only_its_few_libraries(part: str) -> None:
    import sys

    known = {*sys.stdlib_module_names, *OUTSIDE[part], "yabot", "actors", "supervision"}
    wrong = [
        f"{module} imports {name}"
        for module, path in modules()
        if within(module, part)
        for name in imports(path)
        if name.split(".")[0] not in known
    ]
    assert not wrong, "\n".join(wrong)


def test_every_module_belongs_to_a_part() -> None:
    strays = [m for m, _ in modules() if m not in FREE and part_of(m) not in ALLOWED]
    assert not strays, f"give these a place in ALLOWED: {strays}"


def test_the_domain_never_awaits_logs_or_reads_a_clock() -> None:
    forbidden = {"time", "asyncio", "anyio", "logging", "structlog", "random", "uuid"}
    wrong = []
    for module, path in modules():
        if not within(module, "yabot.domain"):
            continue
        tree = ast.parse(path.read_text())
        wrong += [module for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
        wrong += [module for name in imports(path) if name.split(".")[0] in forbidden]
        wrong += [
            module
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
        ]
    assert not wrong


def test_no_file_holds_more_than_one_idea_can_fill() -> None:
    long = {m: n for m, p in modules() if (n := len(p.read_text().splitlines())) > 300}
    assert not long


def test_importing_a_module_starts_nothing() -> None:
    """Module level holds definitions and constants, never a bare call but of a decorator's kind."""
    wrong = []
    for module, path in modules():
        for node in ast.parse(path.read_text()).body:
            is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            if is_call and path.name != "__main__.py":
                wrong.append(f"{module}:{node.lineno}")
    assert not wrong


def test_one_module_alone_imports_the_drivers_of_mongodb() -> None:
    drivers = {"motor", "pymongo", "bson"}
    found = {m for m, path in modules() for name in imports(path) if name.split(".")[0] in drivers}
    assert found == {"yabot.stores.mongo.client"}

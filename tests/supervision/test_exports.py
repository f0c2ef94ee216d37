"""What the package promises to export, and what it is allowed to import."""

import ast
import sys
from pathlib import Path

import supervision

SOURCES = sorted(Path(supervision.__file__).parent.glob("*.py"))


def test_every_exported_name_is_there_once_and_in_order() -> None:
    assert list(supervision.__all__) == sorted(set(supervision.__all__))
    for name in supervision.__all__:
        assert getattr(supervision, name) is not None


def test_everything_public_is_exported_and_everything_else_is_private() -> None:
    public = {
        name
        for name, value in vars(supervision).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("supervision._")
    }
    assert public <= set(supervision.__all__)
    assert [path.name for path in SOURCES if not path.name.startswith("_")] == []


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }
    return {name.partition(".")[0] for name in names}


def test_it_imports_actors_the_standard_library_and_anyio_only() -> None:
    for path in SOURCES:
        allowed = {*sys.stdlib_module_names, "actors", "supervision", "anyio"}
        assert imported(path) <= allowed, path.name


def test_it_reaches_into_no_private_module_of_actors() -> None:
    for path in SOURCES:
        assert "actors._" not in path.read_text(), path.name


def test_no_file_is_longer_than_one_idea() -> None:
    for path in SOURCES:
        assert len(path.read_text().splitlines()) <= 300, path.name

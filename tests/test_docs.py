"""Documents show code that exists and name tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def test_the_example_in_adding_a_feature_is_the_file_that_is_tested() -> None:
    document = (ROOT / "docs" / "adding-a-feature.md").read_text()
    shown = re.search(r"```python\n(.*?)```", document, re.DOTALL)
    assert shown is not None
    assert shown[1] == (ROOT / "examples" / "guess.py").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text())
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("document", ["semantics.md", "api-security.md"])
def test_every_promise_names_a_test_that_exists(document: str) -> None:
    promises = (ROOT / "docs" / document).read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promises)
    assert len(named) > 10
    missing = [f"{path}::{test}" for path, test in named if not _has(ROOT / path, test)]
    assert not missing


def test_every_test_of_the_apis_security_stands_in_its_table() -> None:
    shown = (ROOT / "docs" / "api-security.md").read_text()
    files = {path.name for path in (ROOT / "tests" / "api").glob("test_security_*.py")}
    assert {name for name in files if f"tests/api/{name}::" not in shown} == set()


def _has(path: Path, test: str) -> bool:
    return path.exists() and re.search(rf"def {test}\b", path.read_text()) is not None


def test_every_setting_is_in_the_example_file() -> None:
    from yabot.config import Settings

    shown = (ROOT / ".env.example").read_text()
    hidden = {"YABOT_FAULT"}
    missing = [n.upper() for n in Settings.model_fields if f"# {n.upper()}=" not in shown]
    assert set(missing) <= hidden | {"MONGODB_URI", "MONGODB_DATABASE", "MONGODB_DRIVER"} | {
        "REDIS_URL",
        "REDIS_PASSWORD",
        "SQLITE_KEY",
        "ADMIN_IDS",
    }

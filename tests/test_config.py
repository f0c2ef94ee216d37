"""Settings: read once, checked as a whole, every problem named by its variable."""

from pathlib import Path

import pytest

from yabot.config import ConfigManager
from yabot.errors import ConfigError


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("BOT_TOKEN", "UPDATES_MODE", "API_PORT", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


def problems(**given: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        ConfigManager.load(**given)
    return error.value.problems


def test_every_problem_is_listed_at_once_with_its_variable() -> None:
    found = problems(bot_token="abc", api_port="99999", updates_mode="webhook", turn_timeout="x")
    names = {line.partition(":")[0] for line in found}
    assert names == {"BOT_TOKEN", "API_PORT", "WEBHOOK_URL", "WEBHOOK_SECRET", "TURN_TIMEOUT"}


def test_a_problem_never_shows_the_secret_behind_it() -> None:
    found = problems(bot_token="my-secret-token", webhook_secret="not allowed!")
    assert not any("my-secret-token" in line or "not allowed!" in line for line in found)


@pytest.mark.parametrize("url", ["localhost:6379", "redis://", "http://user:hidden@host"])
def test_an_address_of_no_redis_is_one_line_without_its_password(url: str) -> None:
    (line,) = problems(redis_url=url)
    assert line.startswith("REDIS_URL: must begin with redis://")
    assert "hidden" not in line


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "rediss://:password@host:6380/1",
        "redis+sentinel://a:1,b:2/master",
        "redis+cluster://a,b",
        "unix:///run/redis.sock",
    ],
)
def test_every_way_to_redis_is_taken(url: str) -> None:
    given = ConfigManager.load(redis_url=url).get_redis_config().url
    assert given is not None
    assert given.get_secret_value() == url


@pytest.mark.parametrize("uri", ["localhost:27017", "mongodb://", "mongodb://user:hidden@/"])
def test_an_address_of_no_mongodb_is_one_line_without_its_password(uri: str) -> None:
    (line,) = problems(mongodb_uri=uri)
    assert line.startswith("MONGODB_URI: must begin with mongodb://")
    assert "hidden" not in line


def test_settings_come_from_the_environment_and_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("API_PORT=1234\nLOG_LEVEL=ERROR\n")
    monkeypatch.setenv("LOG_LEVEL", "Warning")
    settings = ConfigManager.load().settings
    assert (settings.api_port, settings.log_level) == (1234, "warning")


def test_each_part_gets_its_own_settings(tmp_path: Path) -> None:
    config = ConfigManager.load(api_port=1, sqlite_database_path=tmp_path / "x.db")
    assert config.get_api_config().port == 1
    assert config.get_database_config().sqlite_path == tmp_path / "x.db"
    assert config.get_redis_config().stream_maxlen == 100_000


def test_a_link_to_a_database_is_that_database(tmp_path: Path) -> None:
    """Else its lock, and a restore, would be beside the link and not beside the file."""
    file, link = tmp_path / "disk" / "x.db", tmp_path / "x.db"
    file.parent.mkdir()
    link.symlink_to(file)
    config = ConfigManager.load(sqlite_database_path=link)
    assert config.get_database_config().sqlite_path == file

"""The log holds events with keys, in order, and never a secret."""

import errno
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Literal

import orjson
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import Buffer

from yabot.ops.logging import MASK, OWN_PACKAGES, Masked, configure_logging

TOKEN = "123456789:AAEhBOweik9ai2o01-3j4kd8sk_QwErTyUiOp"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
SECRETS = [TOKEN, JWT, "BEARER%20abc", "redis://:hunter2@redis", "s3cr3t-of-the-house", "nothing"]


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    for name in OWN_PACKAGES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


class Log:
    """A log that goes to memory."""

    def __init__(self, style: Literal["json", "console"] = "json", **options: object) -> None:
        self.stream = io.BytesIO()
        configure_logging("info", style, stream=self.stream, **options)  # type: ignore[arg-type]
        self.log = structlog.get_logger()

    @property
    def text(self) -> str:
        return self.stream.getvalue().decode()

    @property
    def events(self) -> list[dict[str, object]]:
        return [orjson.loads(line) for line in self.text.splitlines()]


def test_a_line_is_an_event_with_its_keys_time_and_level() -> None:
    log = Log()
    log.log.info("relay.paused", relay="Replies", pause=0.5)
    (event,) = log.events
    assert str(event.pop("time")).endswith("Z")
    assert event == {"event": "relay.paused", "relay": "Replies", "pause": 0.5, "level": "info"}


def test_what_is_below_the_level_is_not_written() -> None:
    log = Log()
    log.log.debug("noise")
    assert log.text == ""


def test_bound_context_comes_with_every_line() -> None:
    log = Log()
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        log.log.info("one")
    log.log.info("two")
    assert [event.get("request_id") for event in log.events] == ["r1", None]


def test_an_exception_is_written_with_its_traceback_on_one_line() -> None:
    log = Log()
    try:
        raise ValueError("broken")
    except ValueError:
        log.log.exception("turn.crashed")
    (event,) = log.events
    assert "ValueError: broken" in str(event["exception"])


def test_what_json_can_not_say_is_shown_by_its_repr() -> None:
    log = Log()
    log.log.info("odd", value={1: object(), "bytes": b"x"}, more={"a"})
    assert "<object object" in log.text
    assert log.events[0]["more"] == "{'a'}"


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize(
    ("said", "secret"),
    [
        (f"GET /bot{TOKEN}/getMe", TOKEN),
        (f"Authorization: Bearer {JWT}", JWT),
        ("authorization=bearer abc.def-123", "abc.def-123"),
        ("mongodb://ana:hunter2@db:27017/yabot", "hunter2"),
        ("redis://:hunter2@redis", "hunter2"),
        ('the webhook says s3cr"et\\ñ!', 's3cr"et\\ñ!'),
    ],
)
def test_a_secret_is_masked_wherever_it_stands(
    style: Literal["json", "console"], said: str, secret: str
) -> None:
    log = Log(style, secrets=['s3cr"et\\ñ!', "short"])
    log.log.info("plain", text=said)
    log.log.info(said)
    log.log.info("deep", value={"list": [said], said: 1})
    try:
        raise RuntimeError(said)
    except RuntimeError:
        log.log.exception("failed")
    logging.getLogger("aiogram").warning("library says %s", said)
    assert log.text.count("***") >= 5
    for form in {secret, orjson.dumps(secret).decode()[1:-1], repr(secret)[1:-1]}:
        assert form not in log.text
    if style == "json":
        assert len(log.events) == 5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.sampled_from(SECRETS), st.text())
def test_the_quick_look_for_secrets_misses_none(before: str, secret: str, after: str) -> None:
    masked = Masked(["s3cr3t-of-the-house"])
    line = f"{before} {secret} {after}"
    full = masked._secret.sub(MASK, line).encode("utf-8", "backslashreplace")
    assert masked(None, "", line) == full


def test_a_secret_too_short_to_hide_does_not_riddle_the_log() -> None:
    log = Log(secrets=["", "a", "short"])
    log.log.info("a short banana")
    assert log.events[0]["event"] == "a short banana"


def test_libraries_are_heard_from_warning_up() -> None:
    log = Log()
    logging.getLogger("aiogram.event").info("update handled")
    logging.getLogger("aiohttp.server").error("bad %s", "thing")
    (event,) = log.events
    assert (event["library"], event["text"], event["level"]) == (
        "aiohttp.server",
        "bad thing",
        "error",
    )


def test_our_own_packages_are_heard_as_events_with_their_keys() -> None:
    log = Log()
    report = {"supervisor": "stores", "offender": "writer", "event": "odd"}
    logging.getLogger("supervision").info("supervision.restarted", extra=report)
    logging.getLogger("actors").debug("noise")
    (event,) = log.events
    assert event["event"] == "supervision.restarted"
    assert (event["supervisor"], event["offender"]) == ("stores", "writer")


def test_python_warnings_are_heard() -> None:
    log = Log()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    assert "old way" in log.text


def test_the_log_is_on_stderr(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    configure_logging()
    structlog.get_logger().info("here")
    captured = capfdbinary.readouterr()
    assert captured.out == b""
    assert b'"event":"here"' in captured.err


def test_a_log_that_can_not_be_written_harms_nobody_and_goes_on_later() -> None:
    class Full(io.BytesIO):
        full = True

        def flush(self) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")

        def write(self, line: Buffer, /) -> int:
            self.flush()
            return super().write(line)

    stream = Full()
    configure_logging("info", stream=stream)
    log = structlog.get_logger()
    log.info("lost.event")
    stream.full = False
    log.info("later.event")
    assert b"later.event" in stream.getvalue()
    assert b"lost.event" not in stream.getvalue()

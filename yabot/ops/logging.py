"""The log: one line per event, an event name with keys, on stderr so that stdout stays for people.

The rules: secrets are masked in the finished line, so no value shows one, however deep it lies; and
a log that can't be written, as on a full disk, harms nobody who logs.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, Literal, cast

import orjson
import structlog
from structlog.typing import Processor

from yabot.errors import ConfigError

MASK = "***"

PATTERNS = (
    r"(?<![0-9])[0-9]{5,20}:[A-Za-z0-9_-]{30,}",
    r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
    r"(?i:(?<=bearer )|(?<=bearer%20))[A-Za-z0-9._~+/=-]+",
    r"(?<=://)[^\s/@\"']*:[^\s/@\"']+(?=@)",
)
"""A bot token, a JWT, what follows `Bearer`, and the user and password of a URL."""

TOKEN_TAIL = re.compile(r":[A-Za-z0-9_-]{30}")
"""What every bot token ends with, found much sooner than a whole one."""

SHORTEST_SECRET = 6
"""Characters. Masking a shorter one would riddle the log and show the secret by its gaps."""

OWN_PACKAGES = ("actors", "supervision")
"""They know nothing of structlog, but log as we do: an event name, and keys as `extra`."""

STANDARD = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "event"})
"""What a log record of the standard library holds besides its keys."""


def configure_logging(
    level: str = "info",
    style: Literal["json", "console"] = "json",
    *,
    secrets: Sequence[str] = (),
    stream: BinaryIO | None = None,
) -> None:
    """Set the log up for this process. Call it once, before anything logs.

    `secrets` are texts that never appear; `stream` None is stderr.
    """
    out = cast(BinaryIO, Lossy(stream or sys.stderr.buffer))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            *_rendered(style),
            Masked(secrets),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=structlog.BytesLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    _bridge_libraries(level)


class Lossy:
    """A stream that loses what can't be written, and goes on when it can be again."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        """Write, if that is possible."""
        with suppress(OSError):
            self._stream.write(line)

    def flush(self) -> None:
        """Flush, if that is possible."""
        with suppress(OSError):
            self._stream.flush()


class Masked:
    """The last processor: takes the finished line, puts the mask over secrets, gives bytes."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {
            form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in _forms(secret)
        }
        longest_first = sorted(known, key=len, reverse=True)
        self._known = tuple(longest_first)
        self._secret = re.compile("|".join([*map(re.escape, longest_first), *PATTERNS]))

    def __call__(self, _logger: object, _method: str, line: object) -> bytes:
        text = line.decode() if isinstance(line, bytes) else str(line)
        if self._may_hold_one(text):
            text = self._secret.sub(MASK, text)
        return text.encode("utf-8", "backslashreplace")

    def _may_hold_one(self, text: str) -> bool:
        """A look at what every secret has, for a twentieth of the time that masking takes."""
        if "eyJ" in text or "://" in text or "bearer" in text.lower():
            return True
        return TOKEN_TAIL.search(text) is not None or any(each in text for each in self._known)


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as JSON and Python write it."""
    return {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }


def _rendered(style: Literal["json", "console"]) -> list[Processor]:
    if style == "console":
        plain = structlog.dev.plain_traceback
        colors = sys.stderr.isatty()
        return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_to_json)]


def _to_json(event: object, **_options: Any) -> bytes:
    """One line of JSON. What JSON has no word for is shown by its repr."""
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS)


def _bridge_libraries(level: str) -> None:
    """Take the warnings of libraries into the same log, and all that our own packages say."""
    logging.basicConfig(level=logging.WARNING, handlers=[_Bridge()], force=True)
    for name in OWN_PACKAGES:
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(capture=True)


class _Bridge(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._log = structlog.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
            keys = {name: value for name, value in vars(record).items() if name not in STANDARD}
            if record.name.partition(".")[0] not in OWN_PACKAGES:
                keys |= {"library": record.name, "text": text}
                text = "library.message"
            error = record.exc_info[1] if record.exc_info else None
            if isinstance(error, ConfigError):  # told as it is; where it was found helps nobody
                self._log.log(record.levelno, text, reason=str(error), **keys)
            else:
                self._log.log(record.levelno, text, exc_info=error, **keys)
        except Exception:
            self.handleError(record)

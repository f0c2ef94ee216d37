"""Runs the plain bot and YABOT in turn against the same crowd, and prints what each did.

With two cores or more the bot has one of its own, and the local Telegram with its crowd the other.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
TOKEN = "4242:token-of-the-benchmark"


@dataclass(frozen=True)
class Run:
    """One run: updates per second, latency in ms, the bot's CPU per update in ms, memory in MB."""

    rate: float
    p50: float
    p99: float
    cpu: float
    memory: float


def plain(url: str, _folder: Path) -> tuple[list[str], dict[str, str]]:
    """Plain aiogram."""
    return [sys.executable, "-m", "benchmarks.street.plain", url], {}


def polling(url: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """YABOT, by polling."""
    return [sys.executable, "-m", "yabot", "run"], {
        "BOT_TOKEN": TOKEN,
        "TELEGRAM_API_URL": url,
        "SQLITE_DATABASE_PATH": str(folder / "yabot.db"),
        "JWT_PRIVATE_KEY_PATH": str(folder / "key.pem"),
        "API_PORT": "0",
        "LOG_LEVEL": "warning",
    }


VARIANTS = {"plain aiogram, in memory": plain, "yabot, durable": polling}


def run(variant: str, *, people: int, in_flight: int) -> Run:
    """One crowd against one bot."""
    crowd_core, bot_core = _cores()
    with tempfile.TemporaryDirectory(prefix="yabot-bench-") as folder:
        crowd = _start(
            [
                sys.executable, "-m", "benchmarks.street.people",
                "--people", str(people), "--in-flight", str(in_flight),
            ],
            {}, crowd_core, capture=True,
        )  # fmt: skip
        bot = None
        try:
            assert crowd.stdout is not None
            url = crowd.stdout.readline().strip()
            command, settings = VARIANTS[variant](url, Path(folder))
            bot = _start(command, settings, bot_core, capture=False)
            crowd.stdout.readline()
            before, _ = _usage(bot.pid)
            answer = crowd.stdout.readline()
            if not answer:
                raise RuntimeError(f"{variant}: the crowd gave up")
            after, memory = _usage(bot.pid)
        finally:
            for process in (bot, crowd):
                if process is not None:
                    process.kill()
                    process.wait()
    told = json.loads(answer)
    return Run(
        rate=told["updates"] / told["seconds"],
        p50=told["p50_ms"],
        p99=told["p99_ms"],
        cpu=(after - before) * 1000 / told["updates"],
        memory=memory,
    )


def compare(*, rounds: int = 3, people: int = 1000, in_flight: int = 200) -> dict[str, list[Run]]:
    """All variants in turn, `rounds` times; prints medians and the ratio to the first."""
    runs: dict[str, list[Run]] = {variant: [] for variant in VARIANTS}
    for _ in range(rounds):
        for variant in VARIANTS:
            runs[variant].append(run(variant, people=people, in_flight=in_flight))
    first = next(iter(VARIANTS))
    print(f"\nthe street: {people} users, {in_flight} in flight, polling; medians of {rounds}")
    print(f"{'':28}{'updates/s':>10}{'ratio':>7}{'p50 ms':>8}{'p99 ms':>8}{'CPU ms':>8}{'MB':>6}")
    for variant, of in runs.items():
        ratio = median(a.rate / b.rate for a, b in zip(of, runs[first], strict=True))
        print(
            f"{variant:28}{median(r.rate for r in of):10.0f}{ratio:7.2f}"
            f"{median(r.p50 for r in of):8.0f}{median(r.p99 for r in of):8.0f}"
            f"{median(r.cpu for r in of):8.2f}{median(r.memory for r in of):6.0f}"
        )
    return runs


def _cores() -> tuple[set[int], set[int]]:
    cores = sorted(os.sched_getaffinity(0))
    return ({cores[0]}, {cores[1]}) if len(cores) > 1 else ({cores[0]}, {cores[0]})


def _start(
    command: Sequence[str], settings: dict[str, str], cores: set[int], *, capture: bool
) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE if capture else subprocess.DEVNULL,
        text=True,
    )
    os.sched_setaffinity(process.pid, cores)
    return process


def _usage(pid: int) -> tuple[float, float]:
    """CPU seconds and resident megabytes of a live process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int(fields[21])
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    began = time.monotonic()
    compare(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    print(f"({time.monotonic() - began:.0f} s)")

"""Starts a demo of its own, lets people and services at it, and prints what they experienced.

    python -m loadtests.run            200 people and 200 services for 60 s
    python -m loadtests.run --short    the same for 20 s

Ends with 1 where anything failed. It stops what it started, and nothing else.
"""

import argparse
import csv
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

STARTING = 30.0
STOPPING = 15.0
"""Seconds that the demo gets to become ready, and to stop."""

BUSY = 0.8
"""Share of a core beyond which the generator itself slows the figures."""

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
ROOT = Path(__file__).parent.parent

console = Console()


@dataclass(frozen=True, slots=True)
class Plan:
    """How many come, and for how long (seconds)."""

    people: int
    services: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that runs in a folder of its own."""

    folder: Path
    environment: dict[str, str]
    api: str
    sandbox: str


def main(arguments: list[str] | None = None) -> int:
    """Run, and return the exit code."""
    plan = _plan(arguments)
    with tempfile.TemporaryDirectory(prefix="yabot-load-") as folder, _demo(Path(folder)) as demo:
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        code, seconds = _locust(plan, demo)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        _print_table(plan, Path(folder) / "load_stats.csv")
        cpu = (used.ru_utime + used.ru_stime - begun.ru_utime - begun.ru_stime) / seconds
        _print_costs(demo, cpu)
        if code:
            _print_failures(Path(folder))
    return code


@contextmanager
def _demo(folder: Path) -> Iterator[Demo]:
    """A demo on private ports; it is stopped when the block ends."""
    sandbox_port, api_port = _free_ports(2)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment = kept | {
        "PYTHONPATH": str(ROOT),
        "SANDBOX_PORT": str(sandbox_port),
        "API_PORT": str(api_port),
        "LOG_LEVEL": "warning",
    }
    api = f"http://127.0.0.1:{api_port}"
    with (folder / "demo.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "yabot", "demo"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(process, f"{api}/readyz", folder / "demo.log")
        yield Demo(folder, environment, api, f"http://127.0.0.1:{sandbox_port}")
    finally:
        _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends = time.monotonic() + STARTING
    while process.poll() is None and time.monotonic() < ends:
        try:
            with urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    console.print(log.read_text(errors="replace")[-2000:], markup=False)
    raise SystemExit("the demo did not become ready; its last words are above")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPPING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _locust(plan: Plan, demo: Demo) -> tuple[int, float]:
    """Run Locust in a process of its own; its exit code, and how many seconds it took."""
    minted = subprocess.run(
        [sys.executable, "-m", "yabot", "token", "load"],
        cwd=demo.folder,
        env=demo.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    environment = demo.environment | {
        "YABOT_SANDBOX": demo.sandbox,
        "YABOT_API": demo.api,
        "YABOT_API_TOKEN": minted.stdout.strip(),
        "LOAD_TELEGRAM_USERS": str(plan.people),
        "LOAD_API_CLIENTS": str(plan.services),
        "LOAD_THINK_TIME": os.environ.get("LOAD_THINK_TIME", "5"),
    }
    everybody = plan.people + plan.services
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "--skip-log-setup"]
    command += ["--locustfile", str(LOCUSTFILE), "--csv", str(demo.folder / "load")]
    command += ["--users", str(everybody), "--spawn-rate", str(max(1, everybody // 5))]
    command += ["--run-time", f"{plan.seconds}s", "--stop-timeout", "20"]
    begun = time.monotonic()
    with (demo.folder / "locust.log").open("wb") as log:
        done = subprocess.run(
            command,
            cwd=demo.folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=plan.seconds + 120,
            check=False,
        )
    return done.returncode, time.monotonic() - begun


def _print_table(plan: Plan, statistics: Path) -> None:
    title = f"{plan.people} people, {plan.services} services, {plan.seconds} s"
    caption = "milliseconds; CHAT is until the answer is on the screen"
    table = Table(title=title, caption=caption, box=SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    for column in ("count", "failed", "per s", "p50", "p95", "p99", "max"):
        table.add_column(column, justify="right")
    with statistics.open(newline="") as file:
        for row in csv.DictReader(file):
            figures = [row["Request Count"], row["Failure Count"]]
            figures += [f"{float(row['Requests/s']):.1f}", row["50%"], row["95%"], row["99%"]]
            table.add_row(_short(f"{row['Type']} {row['Name']}"), *figures, row["100%"])
    console.print(table)


def _short(name: str) -> str:
    return name.replace("/api/v1/", "").replace("user/{user_id}/", "").strip()


def _print_costs(demo: Demo, generator: float) -> None:
    with urlopen(f"{demo.api}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    memory = re.search(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)
    processor = re.search(r"^process_cpu_seconds_total (\S+)", text, re.MULTILINE)
    if memory and processor:
        mib, seconds = float(memory[1]) / 2**20, float(processor[1])
        console.print(f"bot and local Telegram: {mib:.0f} MiB, {seconds:.1f} s of processor time")
    warning = ": too busy, the figures are worse than the bot" if generator > BUSY else ""
    console.print(f"load generator: {generator:.0%} of a core{warning}")


def _print_failures(folder: Path) -> None:
    with (folder / "load_failures.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            line = f"{row['Occurrences']} x {row['Method']} {row['Name']}: {row['Error']}"
            console.print(line, markup=False)
    for name in ("demo.log", "locust.log"):
        console.print(f"the end of {name}:", markup=False)
        console.print((folder / name).read_text(errors="replace")[-2000:], markup=False)


def _free_ports(number: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _plan(arguments: list[str] | None) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m loadtests.run", description=__doc__)
    parser.add_argument("--people", type=int, default=200, help="people in the chat")
    parser.add_argument("--services", type=int, default=200, help="clients of the API")
    parser.add_argument("--seconds", type=int, default=60, help="how long, at most 600")
    parser.add_argument("--short", action="store_true", help="20 seconds")
    given = parser.parse_args(arguments)
    return Plan(given.people, given.services, 20 if given.short else min(given.seconds, 600))


if __name__ == "__main__":
    sys.exit(main())

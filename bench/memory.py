"""The memory of `wenguo up` at rest, with its own database, and whether a web worker grows under 50 000 requests."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from itertools import cycle, islice
from pathlib import Path

from bench import client
from bench.figures import Figure, table
from bench.house import ROOT, Where, descendants

REST_SECONDS = 20


def mib(pids: list[int], what: str = "Pss") -> float:
    """Proportional set size: what several share is counted once."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))
    return total / 1024


def measure(number: int = 50_000) -> list[Figure]:
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o755)
        port = 8600 + os.getpid() % 300
        environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
        environment |= {"WENGUO_HOME": home, "WENGUO_PORT": str(port), "WENGUO_DEMO": "1", "WENGUO_DEMO_CASES": "30"}
        up = subprocess.Popen(
            [sys.executable, "-m", "wenguo.config.cli", "up"], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            _wait(port)
            time.sleep(REST_SECONDS)
            while any("demo" in _command(pid) for pid in descendants(up.pid)):
                time.sleep(2)
            time.sleep(REST_SECONDS)
            idle = mib(_with_database(up.pid, home))
            web = [pid for pid in descendants(up.pid) if " web" in _command(pid)]
            where = Where("127.0.0.1", port, up.pid)
            gets = [client.get(path) for path in ("/", "/new/", "/track/", "/verify/")]
            client.drive(where, islice(cycle(gets), number // 10), at_once=8)
            warm = mib(web)
            run = client.drive(where, islice(cycle(gets), number), at_once=8)
            grown = (mib(web) / warm - 1) * 100
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait(30)
    told = (
        f"{number:,} requests after {number // 10:,} to warm, {run.rate:.0f}/s, {warm:.0f} MiB, answers {run.statuses}"
    )
    return [
        Figure(
            "`wenguo up` at rest", idle, "MiB", 700, settings="web, live, worker and database, proportional set size"
        ),
        Figure("growth of the web worker", grown, "%", 5, settings=told),
    ]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _with_database(pid: int, home: str) -> list[int]:
    """The processes of `wenguo up`, and those of its PostgreSQL wherever they hang."""
    servers = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and f"{home}/" in _command(int(p.name))]
    return sorted({pid for one in [pid, *servers] for pid in descendants(one)})


def _wait(port: int) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _attempt in range(600):
        try:
            opener.open(f"http://127.0.0.1:{port}/", timeout=5)
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("wenguo up does not answer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=50_000)
    print(table(measure(parser.parse_args().number), "memory"))


if __name__ == "__main__":
    main()

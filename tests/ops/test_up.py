"""`wenguo up` as an operator sees it: it answers, heals, refuses a second one, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from .conftest import environment, made_home

pytestmark = pytest.mark.slow


class Running:
    def __init__(self, home: Path, ports: tuple[int, int]) -> None:
        self.log = home / "up.log"
        self.port, live = ports
        env = environment(home, WENGUO_PORT=str(self.port), WENGUO_LIVE_PORT=str(live))
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "wenguo.config.cli", "up"]
            self.process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        self.env = env

    def until(self, what: Callable[[], bool], seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline and self.process.poll() is None, self.log.read_text()
            time.sleep(0.2)

    def health(self, path: str = "/healthz") -> dict[str, str]:
        try:
            return dict(httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=20).json())
        except (httpx.HTTPError, ValueError):
            return {}

    def well(self) -> bool:
        return self.health() == {"database": "ok", "worker": "ok"}

    def child(self, name: str) -> psutil.Process:
        [found] = [p for p in psutil.Process(self.process.pid).children() if name in " ".join(p.cmdline())]
        return found


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Founded by the first of these tests; the next one starts what is there."""
    with made_home() as made:
        yield made


@pytest.fixture
def running(home: Path, ports: tuple[int, int]) -> Iterator[Running]:
    up = Running(home, ports)
    try:
        up.until(up.well)
        yield up
    finally:
        if up.process.poll() is None:
            up.process.terminate()
            up.process.wait(40)


def test_up_heals_its_parts_and_stops_without_leaving_any(running: Running, home: Path) -> None:
    running.until(lambda: "闻过已启动" in running.log.read_text())
    assert "admin" in running.log.read_text()  # the first administrator, once
    second = subprocess.run(
        [sys.executable, "-m", "wenguo.config.cli", "up"], env=running.env, capture_output=True, text=True, timeout=60
    )
    assert second.returncode == 78 and "已由另一个 wenguo up 使用" in second.stderr

    web = running.child("cli web")
    web.kill()
    running.until(lambda: "「web」意外结束" in running.log.read_text() and running.well())
    running.child("pginstall/bin/postgres").kill()
    running.until(lambda: "正在恢复" in running.log.read_text() and running.well())

    # A log that cannot be opened stands for whatever keeps a database from starting, and passes.
    held = home / "log/postgres.log"
    held.rename(home / "log/before.log")
    held.mkdir()
    running.child("pginstall/bin/postgres").kill()
    running.until(lambda: "秒后再试" in running.log.read_text())
    held.rmdir()
    running.until(running.well)

    everybody = psutil.Process(running.process.pid).children(recursive=True)
    began = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(40) == 0
    assert time.monotonic() - began < 20
    _gone, alive = psutil.wait_procs(everybody, timeout=5)
    assert not alive
    assert "database system is shut down" in (home / "log/postgres.log").read_text()


def test_when_the_supervisor_is_killed_its_children_go_too(running: Running) -> None:
    everybody = psutil.Process(running.process.pid).children(recursive=True)
    assert len(everybody) >= 5
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.wait()
    _gone, alive = psutil.wait_procs(everybody, timeout=30)
    assert not alive, [p.cmdline() for p in alive]

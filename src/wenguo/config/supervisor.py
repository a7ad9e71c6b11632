"""`wenguo up`: the database, the web, the live endpoint, the workers and the growing demonstration, under one roof.

The supervisor itself stays small: it never loads Django; what needs models runs as a child. Children that die are
started again, a little later each time. Ctrl-C or SIGTERM stops everything within seconds; if the supervisor is killed
outright, the kernel tells each child, and they stop by themselves.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from wenguo.config import database, serve
from wenguo.config.embedded import CannotStart, Server, die_with_parent

BAD_SETTING = 78  # exit code of a child that cannot start as things are: trying again would not help
STOP_SECONDS = 10.0
ALIVE_SECONDS = 60.0  # after this long a child counts as well, and its next fall as its first
LONGEST_PAUSE = 30.0
DATABASE_PAUSE = 5.0
FIRST_PAGE_SECONDS = 60.0


def say(line: str) -> None:
    print(line, flush=True)


@dataclass
class Child:
    """One process we keep alive. `once`: it is done when it ends well."""

    name: str
    arguments: list[str]
    once: bool = False
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    falls: int = 0
    again_at: float = 0.0
    done: bool = False

    def start(self, environment: dict[str, str]) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wenguo.config.cli", *self.arguments],
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C in the terminal reaches us alone, and we stop them in order
            preexec_fn=die_with_parent,
        )

    def look(self, environment: dict[str, str]) -> None:
        """Start again what has fallen, when its pause is over."""
        if self.done or self.process is None:
            return
        code = self.process.poll()
        if code is None:
            return
        now = time.monotonic()
        if not self.again_at:
            self.sweep()
            if code == BAD_SETTING:
                raise CannotStart(f"「{self.name}」不能启动，原因见上 ({self.name} cannot start, see above)")
            if self.once and code == 0:
                self.done = True
                return
            self.falls = 1 if now - self.started > ALIVE_SECONDS else self.falls + 1
            pause = min(LONGEST_PAUSE, 0.5 * 2 ** (self.falls - 1))
            self.again_at = now + pause
            say(f"「{self.name}」意外结束（{code}），{pause:g} 秒后重新启动 ({self.name} ended, starting again)")
        elif now >= self.again_at:
            self.again_at = 0.0
            self.start(environment)

    def tell(self, signum: int) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signum)

    def sweep(self) -> None:
        """End whatever the child itself had started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


class Stopping(BaseException):
    """Ctrl-C or SIGTERM while something was under way."""


@dataclass
class Supervisor:
    settings: Any
    server: Server | None = None
    children: list[Child] = field(default_factory=list)
    _lock: int | None = None
    _asked: bool = False
    _database_again: float = 0.0  # when to start the fallen database again; 0: it runs

    def run(self) -> None:
        """Until asked to stop. CannotStart: one sentence why not."""
        for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if asked == signal.SIGTERM or signal.getsignal(asked) != signal.SIG_IGN:  # nohup, & in a script
                signal.signal(asked, self._stop_asked)
        try:
            self._take_home()
            self._check_ports()
            self._start_database()
            report = self._prepare()
            self._start_children(report)
            self._announce(report)
            while True:
                time.sleep(0.25)
                self._look()
        except Stopping:
            say("正在停止 … (stopping)")
        finally:
            self._stop()

    # -- up --------------------------------------------------------------------------------------------------------

    def _take_home(self) -> None:
        self._lock = os.open(self.settings.HOME / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(
                f"{self.settings.HOME} 已由另一个 wenguo up 使用，请先停止它，或设置 WENGUO_HOME 和 WENGUO_PORT "
                "(another `wenguo up` is running on this home)"
            ) from error

    def _check_ports(self) -> None:
        if self.settings.PORT == self.settings.LIVE_PORT:
            raise CannotStart("WENGUO_PORT 与 WENGUO_LIVE_PORT 不能相同 (the two ports must differ)")
        serve.check_port(self.settings.HOST, self.settings.PORT, "WENGUO_PORT")
        serve.check_port(self.settings.HOST, self.settings.LIVE_PORT, "WENGUO_LIVE_PORT")

    def _start_database(self) -> None:
        if self.settings.DATABASE_URL:
            version = database.check(self.settings.DATABASES["default"])
            say(f"数据库：外部 PostgreSQL {version} (external database)")
            return
        self.server = Server(self.settings.HOME, say=say)
        self.server.start()
        say(f"数据库：内置 PostgreSQL，数据在 {self.server.data} (embedded database)")

    def _prepare(self) -> dict[str, Any]:
        """Migrate and fill in what is missing, in a child of its own. Returns what it has to report."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            arguments = ["migrate", "--report", str(report), "--demo" if self.settings.DEMO else "--admin"]
            child = Child("migrate", arguments, once=True)
            self.children.append(child)
            child.start(self._environment())
            assert child.process is not None
            while child.process.poll() is None:
                time.sleep(0.05)
                if self.server is not None and self.server.died():
                    raise CannotStart(f"数据库意外停止，详见 {self.server.log} (the database stopped, see its log)")
            self.children.remove(child)
            if child.process.returncode:
                raise CannotStart("准备数据库没有成功，原因见上 (preparing the database failed, see above)")
            return dict(json.loads(report.read_text()))

    def _start_children(self, report: dict[str, Any]) -> None:
        self.children = [Child("web", ["web"]), Child("live", ["live"])]
        self.children += [Child(f"worker {n + 1}", ["worker"]) for n in range(self.settings.WORKERS)]
        for child in self.children:
            child.start(self._environment())
        if missing := report.get("demo_cases_missing", 0):
            growing = Child("demo", ["demo", "--cases", str(missing), "--gently"], once=True)
            self.children.append(growing)
            growing.start(self._environment())

    def _announce(self, report: dict[str, Any]) -> None:
        """Once the first page answers: where, and who may sign in."""
        deadline = time.monotonic() + FIRST_PAGE_SECONDS
        while not _answers(self.settings.HOST, self.settings.PORT):
            if time.monotonic() > deadline:
                raise CannotStart("网页服务迟迟没有应答，原因见上 (the web service does not answer, see above)")
            self._look()
            time.sleep(0.1)
        where = self.settings.PUBLIC_URL
        say("")
        say("  闻过已启动 (Wenguo is running)")
        say(f"    客户 (customers)     {where}/")
        say(f"    员工 (staff)         {where}/desk/")
        say(f"    接口 (API)           {where}/api/v1/openapi.json")
        for account in report.get("accounts", []):
            say(f"    {account['title']:　<10} {account['username']}  /  {account['password']}")
        say("  按 Ctrl-C 停止 (press Ctrl-C to stop)")
        say("")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "WENGUO_SUPERVISED": "1"}

    def _look(self) -> None:
        if self.server is not None:
            self._heal(self.server)
        for child in self.children:
            child.look(self._environment())

    def _heal(self, server: Server) -> None:
        """A database that once ran is started again as often as it takes: what stops it now, a full disk, passes."""
        if server.died():
            say("数据库意外停止，正在恢复 (the database stopped, recovering)")
            server.stop()
            self._database_again = time.monotonic()
        if self._database_again and time.monotonic() >= self._database_again:
            try:
                server.start()
                self._database_again = 0.0
            except (CannotStart, OSError) as error:
                say(f"✗ {error} {DATABASE_PAUSE:g} 秒后再试 (trying again)")
                self._database_again = time.monotonic() + DATABASE_PAUSE

    # -- down ------------------------------------------------------------------------------------------------------

    def _stop_asked(self, signum: int, frame: FrameType | None) -> None:
        if not self._asked:
            self._asked = True
            raise Stopping
        for child in self.children:  # asked twice: at once
            child.sweep()

    def _stop(self) -> None:
        self._asked = True
        for child in self.children:
            child.tell(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children:
            if child.process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(max(0.1, deadline - time.monotonic()))
                child.sweep()
                child.process.wait()
        if self.server is not None:
            self.server.stop()
        if self._lock is not None:
            os.close(self._lock)


def _answers(host: str, port: int) -> bool:
    shown = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else f"[{host}]" if ":" in host else host
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy of the environment
    try:
        with opener.open(f"http://{shown}:{port}/", timeout=5) as answer:
            return bool(answer.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False

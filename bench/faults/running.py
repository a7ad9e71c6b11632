"""A `wenguo up` of its own home, ports and database, to be tormented; and a mail server that counts."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil
import psycopg
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

ROOT = Path(__file__).resolve().parents[2]


def free_ports(n: int) -> list[int]:
    """n ports of this machine nobody listens on."""
    sockets = [socket.socket() for _ in range(n)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Mailbox(Message):
    """Counts what arrives, by its Message-ID."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: Counter[str] = Counter()

    def handle_message(self, message: object) -> None:
        self.arrived[str(message["Message-ID"])] += 1  # type: ignore[index]


class House:
    """`wenguo up` with a founded company and no cases. Use as a context; everything goes with it.

    `home`: where its data lie (a temporary directory unless given); `more`: further settings of the environment.
    """

    def __init__(self, home: Path | None = None, **more: str) -> None:
        self.port, self.live, self.smtp = free_ports(3)
        self.home = home or Path(tempfile.mkdtemp(prefix="wg-faults-", dir="/tmp"))
        self.home.mkdir(exist_ok=True)
        self.home.chmod(0o755)  # the server's own user must pass through
        self.log = self.home.parent / f"{self.home.name}.log"
        self.mailbox = Mailbox()
        kept = {k: v for k, v in os.environ.items() if not k.startswith("WENGUO_") and k != "DATABASE_URL"}
        self.env = {
            **kept, "PYTHONPATH": str(ROOT / "src"), "WENGUO_HOME": str(self.home), "WENGUO_PORT": str(self.port),
            "WENGUO_LIVE_PORT": str(self.live), "WENGUO_DEMO": "1", "WENGUO_DEMO_CASES": "0",
            "WENGUO_SMTP_HOST": "127.0.0.1", "WENGUO_SMTP_PORT": str(self.smtp), "WENGUO_SMTP_SSL": "0",
            "WENGUO_SMTP_STARTTLS": "0", **more,
        }  # fmt: skip
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> House:
        self.mails = Controller(self.mailbox, hostname="127.0.0.1", port=self.smtp)
        self.mails.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.mails.stop()
        if "WENGUO_KEEP" not in os.environ:
            shutil.rmtree(self.home, ignore_errors=True)
            self.log.unlink(missing_ok=True)

    def start(self, wait: bool = True) -> None:
        with self.log.open("a") as log:
            command = [sys.executable, "-m", "wenguo.config.cli", "up"]
            self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        if wait:
            self.until_well(120)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def run(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wenguo.config.cli", *arguments]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=timeout, check=False)

    def token(self, username: str, scope: str = "write") -> str:
        done = self.run("token", username, "--name", "faults", "--scope", scope, "--days", "2")
        return next(word for word in done.stdout.split() if word.startswith("wg_"))

    def health(self) -> dict[str, str]:
        try:
            return dict(httpx.get(f"{self.url}/healthz", timeout=5).json())
        except (httpx.HTTPError, ValueError):
            return {}

    def is_well(self) -> bool:
        return self.health() == {"database": "ok", "worker": "ok"}

    def until_well(self, seconds: float) -> float:
        """Wait until web, database and worker answer; how long that took. Raises with the log when it does not."""
        began = time.monotonic()
        while not self.is_well():
            if time.monotonic() - began > seconds or self.process.poll() is not None:
                raise RuntimeError(f"not well after {seconds} s\n" + "".join(self.log.read_text()[-3000:]))
            time.sleep(0.1)
        return time.monotonic() - began

    def parts(self) -> dict[str, list[psutil.Process]]:
        """The processes by what they are: web, live, worker, database (its main process), backend."""
        found: dict[str, list[psutil.Process]] = {k: [] for k in ("web", "live", "worker", "database", "backend")}
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                line, parent = process.cmdline(), process.parent()
            except psutil.Error:
                continue
            words = " ".join(line)
            if "pginstall/bin/postgres" in words:
                found["database"].append(process)
            elif words.startswith("postgres: "):
                found["backend"].append(process)
            elif parent is not None:
                for kind in ("web", "live", "worker"):
                    if line[-1:] == [kind]:
                        found[kind].append(process)
        return found

    def database(self) -> psycopg.Connection:
        """A connection of our own to the embedded database."""
        return psycopg.connect(host=str(self.home / "run"), user="wenguo", dbname="wenguo", autocommit=True)

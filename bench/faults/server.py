"""A PostgreSQL 15 server of our own, and a client that remembers what was acknowledged."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg

BIN = Path("/usr/lib/postgresql/15/bin")

# A disk that takes its time: every flush sleeps the milliseconds that stand in the file $WG_SLOW, if it is there.
SLOW_FLUSH = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void drag(void) {
    FILE *f = fopen(getenv("WG_SLOW"), "r");
    int ms = 0;
    if (f) { if (fscanf(f, "%d", &ms) == 1) usleep(ms * 1000); fclose(f); }
}
int fsync(int fd) { drag(); return ((int (*)(int)) dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { drag(); return ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(fd); }
"""


class Server:
    """A PostgreSQL 15 of our own on a Unix socket, as the user postgres where we are root."""

    def __init__(self, room: Path, options: str = "") -> None:
        """`options`: further -c settings, such as a TCP address or archiving."""
        self.room, self.data, self.run_dir, self.options = room, room / "data", room / "run", options
        self.is_root = os.geteuid() == 0
        for folder in (self.data, self.run_dir):
            folder.mkdir(parents=True)
            if self.is_root:
                account = pwd.getpwnam("postgres")
                os.chown(folder, account.pw_uid, account.pw_gid)
        self.slow = self.run_dir / "slow"
        self.drag = self._slow_flush()
        self.as_server(BIN / "initdb", "-D", self.data, "-U", "wenguo", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.start()
        with psycopg.connect(host=str(self.run_dir), user="wenguo", dbname="postgres", autocommit=True) as db:
            db.execute("CREATE DATABASE wenguo")
        self.url = f"postgresql://wenguo@/wenguo?host={self.run_dir}"

    def as_server(self, *command: object) -> None:
        step_down = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if self.is_root else []
        subprocess.run(
            [*step_down, *map(str, command)], check=True, stdout=subprocess.DEVNULL, env={**os.environ, **self.drag}
        )

    def _slow_flush(self) -> dict[str, str]:
        """What the environment needs for flushes that can be slowed; nothing where there is no C compiler."""
        if shutil.which("cc") is None:
            return {}
        source, library = self.run_dir / "slow.c", self.run_dir / "slow.so"
        source.write_text(SLOW_FLUSH)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        return {"LD_PRELOAD": str(library), "WG_SLOW": str(self.slow)}

    def slow_down(self, milliseconds: int) -> None:
        """From now on every flush to disk takes that much longer; 0: as fast as it is. Needs a C compiler."""
        if not self.drag:
            raise RuntimeError("no C compiler: the disk cannot be slowed")
        self.slow.write_text(str(milliseconds)) if milliseconds else self.slow.unlink(missing_ok=True)

    def start(self) -> None:
        small = "-c max_connections=60 -c max_wal_size=48MB -c min_wal_size=32MB"
        options = f"-k {self.run_dir} -c listen_addresses='' {small} {self.options}"
        self.as_server(BIN / "pg_ctl", "-D", self.data, "-l", self.run_dir / "log", "-o", options, "-w", "start")

    def stop(self, how: str = "immediate") -> None:
        self.as_server(BIN / "pg_ctl", "-D", self.data, "-m", how, "-w", "stop")

    def do(self, statement: str) -> None:
        with psycopg.connect(host=str(self.run_dir), user="wenguo", dbname="postgres", autocommit=True) as db:
            db.execute(statement)

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url) as db:
            return db.execute(statement).fetchall()


class Sender:
    """Submits, remembers what was acknowledged, and how the refusals read."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        self.acknowledged: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0
        self.words = ""

    def send(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.send_one()
            time.sleep(0.3)

    def send_one(self) -> bool:
        id_, began = uuid4().hex, time.monotonic()
        body = {
            "channel": "api", "external_id": id_, "name": "陈晨", "phone": f"137{int(id_[:7], 16) % 10**8:08d}",
            "text": f"冰箱不制冷,单号 {id_}。" + "食物全坏了。" * 300,
        }  # fmt: skip
        try:
            answer = self.http.post("/api/v1/submissions", json=body)
        except httpx.HTTPError as error:
            self.answers[type(error).__name__] += 1
            return False
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)
        self.answers[str(answer.status_code)] += 1
        if answer.status_code == 201:
            self.acknowledged.add(id_)
            return True
        self.words = answer.json().get("detail") or answer.json().get("title", "")
        return False

    def page(self, path: str = "/track/") -> int:
        try:
            return self.http.get(path).status_code
        except httpx.HTTPError:
            return 0

#!/usr/bin/env python3
"""A database that is away for a minute, read-only, or on a full disk; 200 connections that say nothing.

    python bench/faults/trouble.py [--only away,readonly,full,slow] [--away 60]

Each on a PostgreSQL 15 server of its own (Debian's), with data on a small file system in memory where the disk is to
fill up (needs root). Asked for: while it lasts a clear word (503, what to do) within 20 s and pages that read where
reading is possible; afterwards work goes on without hands, and of everything acknowledged nothing is lost or doubled.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.faults.running import House

BIN = Path("/usr/lib/postgresql/15/bin")


class Server:
    """A PostgreSQL 15 of our own on a Unix socket, as the user postgres where we are root."""

    def __init__(self, room: Path) -> None:
        self.room, self.data, self.run_dir = room, room / "data", room / "run"
        self.is_root = os.geteuid() == 0
        for folder in (self.data, self.run_dir):
            folder.mkdir(parents=True)
            if self.is_root:
                account = pwd.getpwnam("postgres")
                os.chown(folder, account.pw_uid, account.pw_gid)
        self._as(BIN / "initdb", "-D", self.data, "-U", "wenguo", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.start()
        with psycopg.connect(host=str(self.run_dir), user="wenguo", dbname="postgres", autocommit=True) as db:
            db.execute("CREATE DATABASE wenguo")
        self.url = f"postgresql://wenguo@/wenguo?host={self.run_dir}"

    def _as(self, *command: object) -> None:
        step_down = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if self.is_root else []
        subprocess.run([*step_down, *map(str, command)], check=True, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        options = (
            f"-k {self.run_dir} -c listen_addresses='' -c max_connections=60 -c max_wal_size=48MB -c min_wal_size=32MB"
        )
        self._as(BIN / "pg_ctl", "-D", self.data, "-l", self.run_dir / "log", "-o", options, "-w", "start")

    def stop(self, how: str = "immediate") -> None:
        self._as(BIN / "pg_ctl", "-D", self.data, "-m", how, "-w", "stop")

    def do(self, statement: str) -> None:
        with psycopg.connect(host=str(self.run_dir), user="wenguo", dbname="postgres", autocommit=True) as db:
            db.execute(statement)

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url) as db:
            return db.execute(statement).fetchall()


class Sender:
    """Submits, remembers what was acknowledged, and how the refusals read."""

    def __init__(self, house: House) -> None:
        self.http = httpx.Client(
            base_url=house.url, headers={"Authorization": f"Bearer {house.token('xuemei')}"}, timeout=30
        )
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


def away(house: House, server: Server, sender: Sender, seconds: float) -> None:
    server.stop()
    sender.send(seconds)
    server.start()


def readonly(house: House, server: Server, sender: Sender, seconds: float) -> None:
    """As after a failover to a standby: everything reads, nothing writes."""
    server.do("ALTER DATABASE wenguo SET default_transaction_read_only = on")
    server.do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'wenguo'")
    sender.send(seconds)
    print(f"  a page that only reads: {sender.page()}")
    server.do("ALTER DATABASE wenguo RESET default_transaction_read_only")
    server.do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'wenguo'")


def full(house: House, server: Server, sender: Sender, seconds: float) -> None:
    """The disk fills up: PostgreSQL refuses, or falls and cannot write its log; then room is made."""
    filler = server.room / "filler"
    with filler.open("wb") as file:
        try:
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        except OSError:
            pass
    sender.send(seconds)
    filler.unlink()
    try:
        server.ask("SELECT 1")
    except psycopg.Error:
        server.stop() if (server.data / "postmaster.pid").exists() else None
        server.start()


def slow(house: House, server: Server, sender: Sender, seconds: float) -> None:
    """200 connections that begin a request and never end it."""
    held = []
    for _n in range(200):
        one = socket.create_connection(("127.0.0.1", house.port), timeout=5)
        one.sendall(b"POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n")
        held.append(one)
    sender.send(seconds)
    for one in held:
        one.close()


SCENES: dict[str, Callable[[House, Server, Sender, float], None]] = {
    "away": away, "readonly": readonly, "full": full, "slow": slow,
}  # fmt: skip


@contextmanager
def small_disk(mib: int) -> Iterator[Path]:
    room = Path(tempfile.mkdtemp(prefix="wg-disk-", dir="/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "tmpfs", str(room)], check=True)
    try:
        yield room
    finally:
        subprocess.run(["umount", "-l", str(room)], check=True)
        room.rmdir()


@contextmanager
def ordinary_disk() -> Iterator[Path]:
    room = Path(tempfile.mkdtemp(prefix="wg-disk-", dir="/tmp"))
    room.chmod(0o755)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def play(name: str, seconds: float) -> bool:
    with small_disk(220) if name == "full" else ordinary_disk() as room:
        server = Server(room)
        try:
            with House(DATABASE_URL=server.url) as house:
                sender = Sender(house)
                sender.send(3)
                before, sender.answers = sender.answers, Counter()
                sender.slowest = 0.0
                SCENES[name](house, server, sender, seconds)
                during, words, slowest = sender.answers, sender.words, sender.slowest
                began = time.monotonic()
                while not sender.send_one() and time.monotonic() - began < 120:
                    time.sleep(0.2)
                healed = time.monotonic() - began
                house.until_well(120)
                time.sleep(2)
                rows = [str(r[0]) for r in server.ask("SELECT external_id FROM cases_submission WHERE channel = 'api'")]
                verified = house.run("verify")
        finally:
            server.stop()
    counted = Counter(rows)
    lost = len(sender.acknowledged - counted.keys())
    doubled = sum(n > 1 for n in counted.values())
    print(
        f"{name:9} before {dict(before)} · during {dict(during)} in at most {slowest:.1f} s, saying {words!r}\n"
        f"{'':9} well {healed:.1f} s after · acknowledged {len(sender.acknowledged)} stored {len(rows)} "
        f"doubled {doubled} lost {lost} · verify {'ok' if not verified.returncode else verified.stdout[-200:]}",
        flush=True,
    )
    return not lost and not doubled and not verified.returncode and healed < 60 and "500" not in during


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--only", default=",".join(SCENES))
    given.add_argument("--away", type=float, default=60)
    asked = given.parse_args()
    well = [play(name, asked.away if name == "away" else 10) for name in asked.only.split(",")]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())

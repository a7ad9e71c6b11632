#!/usr/bin/env python3
"""A database that is away for a minute, read-only, or on a full or slow disk; 200 connections that say nothing.

    python bench/faults/trouble.py [--only away,readonly,full,disk,slow] [--away 60]

Each on a PostgreSQL 15 server of its own (Debian's), with data on a small file system in memory where the disk is to
fill up (needs root). Asked for: while it lasts a clear word (503, what to do) within 20 s and pages that read where
reading is possible; afterwards work goes on without hands, and of everything acknowledged nothing is lost or doubled.
"""

from __future__ import annotations

import argparse
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

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.faults.running import House
from bench.faults.server import Sender, Server


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


def disk(house: House, server: Server, sender: Sender, seconds: float) -> None:
    """Every flush takes half a second, as on a dying disk or a neighbour's backup; nothing may fail, only wait."""
    server.slow_down(500)
    sender.send(seconds)
    print(f"  a page that only reads: {sender.page()}")
    server.slow_down(0)


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
    "away": away, "readonly": readonly, "full": full, "disk": disk, "slow": slow,
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
                sender = Sender(house.url, house.token("xuemei"))
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

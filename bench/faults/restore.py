#!/usr/bin/env python3
"""A backup made while complaints come in, restored on an empty home; then point-in-time recovery by archived WAL.

    python bench/faults/restore.py [--seconds 20]

Asked for: the backup's manifest and the restored tables agree to the row, every journal verifies, everything that was
acknowledged before the backup began is there; with archiving, everything acknowledged before the chosen moment and
nothing acknowledged after it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tarfile
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.faults.running import House
from bench.faults.server import Sender, Server
from bench.faults.trouble import ordinary_disk


def under_load(seconds: float) -> bool:
    """`wenguo backup` while two clients submit; `wenguo restore` into a home of its own."""
    target = Path(tempfile.mkdtemp(prefix="wg-backup-", dir="/tmp"))
    target.chmod(0o755)
    with House() as house:
        senders = [Sender(house.url, house.token("xuemei")) for _n in range(2)]
        threads = [threading.Thread(target=one.send, args=(seconds,)) for one in senders]
        for thread in threads:
            thread.start()
        time.sleep(seconds / 2)
        before = set().union(*(one.acknowledged.copy() for one in senders))
        began = time.monotonic()
        made = house.run("backup", str(target / "one.tar"))
        took = time.monotonic() - began
        for thread in threads:
            thread.join()
        sent = sum(len(one.acknowledged) for one in senders)
        refused = sum((one.answers for one in senders), senders[0].answers.__class__())
        empty = House(home=target / "home")
        restored = empty.run("restore", str(target / "one.tar"))
        verified = empty.run("verify")
        with tarfile.open(target / "one.tar") as tar:
            counts = json.load(tar.extractfile("manifest.json"))["counts"]  # type: ignore[arg-type]
        try:
            empty.start()
            with empty.database() as db:
                there = {str(r[0]) for r in db.execute("SELECT external_id FROM cases_submission").fetchall()}
                events = db.execute("SELECT count(*) FROM journal_event").fetchone()[0]  # type: ignore[index]
        finally:
            empty.stop()
    shutil.rmtree(target, ignore_errors=True)
    lost = len(before - there)
    print(
        f"under load: backup {took:.1f} s while {sent} were acknowledged ({dict(refused)}); {len(before)} before it, "
        f"restored {len(there)}, lost {lost}; rows of submissions {counts['cases_submission']} in the manifest; "
        f"events {counts['journal_event']} in the manifest, {events} after the first start; "
        f"verify {'ok' if not verified.returncode else 'FAILED'}",
        flush=True,
    )
    good = not (made.returncode or restored.returncode or verified.returncode or lost)
    return good and counts["cases_submission"] == len(there) and counts["journal_event"] <= events


def to_a_moment() -> bool:
    """Base backup, archived WAL, recovery to a moment between two submissions."""
    with ordinary_disk() as room:
        archive = room / "archive"
        archive.mkdir(mode=0o777)
        archive.chmod(0o777)
        server = Server(room, f"-c wal_level=replica -c archive_mode=on -c archive_command='cp %p {archive}/%f'")
        with House(DATABASE_URL=server.url) as house:
            sender = Sender(house.url, house.token("xuemei"))
            sender.send(3)
            server.as_server(
                "/usr/lib/postgresql/15/bin/pg_basebackup",
                "-h",
                server.run_dir,
                "-U",
                "wenguo",
                "-D",
                server.run_dir / "base",
            )
            sender.send(5)
            early = sender.acknowledged.copy()
            time.sleep(1.5)
            moment = datetime.now(UTC)
            time.sleep(1.5)
            sender.send(5)
            late = sender.acknowledged - early
            server.do("SELECT pg_switch_wal()")
            time.sleep(2)
        server.stop()
        server.data = server.run_dir / "base"
        server.options = (
            f"-c restore_command='cp {archive}/%f %p' -c recovery_target_action=promote "
            f"-c recovery_target_time='{moment:%Y-%m-%d %H:%M:%S.%f+00}'"
        )
        server.as_server("touch", server.data / "recovery.signal")
        server.start()
        with House(DATABASE_URL=server.url) as house:
            there = {str(r[0]) for r in server.ask("SELECT external_id FROM cases_submission")}
            verified = house.run("verify")
        server.stop()
    lost, ghosts = len(early - there), len(late & there)
    print(
        f"to a moment: acknowledged before {len(early)}, after {len(late)}; restored {len(there)}, lost {lost}, "
        f"of later ones {ghosts}; verify {'ok' if not verified.returncode else 'FAILED'}"
    )
    return not (lost or ghosts or verified.returncode)


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--seconds", type=float, default=20)
    asked = given.parse_args()
    well = [under_load(asked.seconds), to_a_moment()]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Two machines on one PostgreSQL 15, each a network namespace with a web and a worker; one is cut off, one killed.

    python bench/faults/machines.py [--cut 30] [--seconds 120]        (root, Linux)

Three namespaces of our own: the hub with a bridge, the database, a mail server and the clients; `a` and `b`, each on
a cable to that bridge. Nothing leaves them. Clients submit through both webs, half of them by habit to `a`, and turn to
the other when one does not answer; a submission is sent again until acknowledged, everything else once.

Then the cable of `a` is pulled for `--cut` seconds, and later the worker of `b` is killed and not started again.
Promised: nothing acknowledged is lost, nothing happens twice, every clock fires once, and the rest carries on.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
from aiosmtpd.controller import Controller

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.faults import kills
from bench.faults.running import ROOT, Mailbox
from bench.faults.server import BIN, Server

HUB, NET, SMTP = f"wgf{os.getpid()}h", "10.251.77", 2525
CLIENTS_EACH = 2


def ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, stderr=None if check else subprocess.DEVNULL)


@contextmanager
def cables(hub: str) -> Iterator[list[str]]:
    """The hub and two machines, [namespace of a, of b]; gone afterwards whatever happens."""
    machines = [hub[:-1] + one for one in "ab"]
    try:
        for name in (hub, *machines):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", hub, "link", "add", "bridge", "type", "bridge")
        ip("-n", hub, "addr", "add", f"{NET}.1/24", "dev", "bridge")
        ip("-n", hub, "link", "set", "bridge", "up")
        for n, name in enumerate(machines):
            ip("-n", hub, "link", "add", f"to{n}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("-n", hub, "link", "set", f"to{n}", "master", "bridge", "up")
            ip("-n", name, "addr", "add", f"{NET}.{n + 2}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
        yield machines
    finally:
        for name in (hub, *machines):
            ip("netns", "del", name, check=False)


class Machine:
    """A namespace with a `wenguo web` and a `wenguo worker`."""

    def __init__(self, n: int, namespace: str, room: Path, env: dict[str, str]) -> None:
        self.name, self.namespace, self.url = "ab"[n], namespace, f"http://{NET}.{n + 2}:8000"
        home = room / f"home-{self.name}"
        home.mkdir()
        self.log = (room / f"{self.name}.log").open("a")
        self.env = {**env, "WENGUO_HOME": str(home), "WENGUO_HOST": f"{NET}.{n + 2}", "WENGUO_PORT": "8000"}
        self.processes = {kind: self._start(kind) for kind in ("web", "worker")}

    def _start(self, kind: str) -> subprocess.Popen[bytes]:
        command = ["ip", "netns", "exec", self.namespace, sys.executable, "-m", "wenguo.config.cli", kind]
        return subprocess.Popen(
            command, env=self.env, stdout=self.log, stderr=self.log, start_new_session=True, cwd=ROOT
        )

    def kill(self, *kinds: str) -> None:
        for kind in kinds or self.processes:
            process = self.processes[kind]
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def until_up(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=5).json() == {"database": "ok", "worker": "ok"}:
                    return
            except (httpx.HTTPError, ValueError):
                pass
            time.sleep(0.3)
        raise RuntimeError(f"machine {self.name} does not answer, see {self.log.name}")


class Site:
    """What `kills.judge` asks: the database and the mailbox of the whole."""

    def __init__(self, server: Server) -> None:
        self.server, self.mailbox = server, Mailbox()

    def database(self) -> psycopg.Connection:
        return psycopg.connect(self.server.url, autocommit=True)


class Client(kills.Client):
    """Turns to the other web when the one it speaks to does not answer. `gaps`: (began, seconds without an answer)."""

    def __init__(self, urls: list[str], token: str, ledger: kills.Ledger, stop: threading.Event, n: int) -> None:
        super().__init__(type("At", (), {"url": urls[0]}), token, ledger, stop, n)  # type: ignore[arg-type]
        headers = {"Authorization": f"Bearer {token}"}
        self.doors = [httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=4) for url in urls]
        self.http = self.doors[0]
        self.gaps: list[tuple[float, float]] = []
        self.heard = time.monotonic()
        self.acknowledged = 0

    def _post(self, path: str, body: dict[str, Any]) -> httpx.Response | None:
        answer = super()._post(path, body)
        moment = time.monotonic()
        if answer is None or answer.status_code >= 500:
            self.doors.reverse()
            self.http = self.doors[0]
            return answer
        self.gaps.append((self.heard, moment - self.heard))
        self.heard = moment
        self.acknowledged += 1
        return answer


def longest(clients: list[Client], since: float, until: float) -> float:
    return max((gap for one in clients for began, gap in one.gaps if since - 10 < began < until), default=0.0)


def rescued(site: Site, seconds: float) -> float:
    """How long until no job is in the hands of a worker that was at it at this moment."""
    with site.database() as db:
        held = [r[0] for r in db.execute("SELECT id FROM procrastinate_jobs WHERE status = 'doing'").fetchall()]
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            left = db.execute(
                "SELECT count(*) FROM procrastinate_jobs WHERE id = ANY(%s) AND status = 'doing'", [held]
            ).fetchone()
            if left == (0,):
                break
            time.sleep(0.5)
        return time.monotonic() - began


def doubled_jobs(site: Site) -> tuple[int, int, int]:
    """(jobs that succeeded, of these twice or more, begun more than once)."""
    with site.database() as db:
        row = db.execute(
            "SELECT count(*) FILTER (WHERE done > 0), count(*) FILTER (WHERE done > 1),"
            " count(*) FILTER (WHERE begun > 1) FROM (SELECT count(*) FILTER (WHERE type = 'succeeded') AS done,"
            " count(*) FILTER (WHERE type = 'started') AS begun FROM procrastinate_events GROUP BY job_id) AS j"
        ).fetchone()
    return row  # type: ignore[return-value]


def lateness(site: Site) -> tuple[float, float]:
    """Seconds between the passing of a deadline and its firing: median and most."""
    with site.database() as db:
        row = db.execute(
            "SELECT coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY late), 0), coalesce(max(late), 0) FROM ("
            "SELECT extract(epoch FROM f.fired_at - c.due_at) AS late FROM cases_firing f JOIN cases_clock c"
            " ON c.id = f.clock_id WHERE c.rule = 'LETTER' AND f.percent = 100) AS x"
        ).fetchone()
    return float(row[0]), float(row[1])  # type: ignore[index]


def play(asked: argparse.Namespace, hub: str, room: Path) -> bool:
    server = Server(room, f"-c listen_addresses={NET}.1 -c max_connections=100")
    try:
        with (server.data / "pg_hba.conf").open("a") as file:
            file.write(f"host all all {NET}.0/24 trust\n")
        server.as_server(BIN / "pg_ctl", "-D", server.data, "reload")
        return torment(asked, hub, room, server)
    finally:
        server.stop()


def torment(asked: argparse.Namespace, hub: str, room: Path, server: Server) -> bool:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WENGUO_")}
    env = {
        **kept, "PYTHONPATH": str(ROOT / "src"), "DATABASE_URL": f"postgresql://wenguo@{NET}.1/wenguo",
        "WENGUO_HOME": str(room / "home"), "WENGUO_SECRET_KEY": "k" * 40, "WENGUO_FILES": str(room / "files"),
        "WENGUO_DEMO_CASES": "0", "WENGUO_SMTP_HOST": f"{NET}.1", "WENGUO_SMTP_PORT": str(SMTP),
        "WENGUO_SMTP_SSL": "0", "WENGUO_SMTP_STARTTLS": "0",
    }  # fmt: skip

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "wenguo.config.cli", *words]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout + done.stderr

    run("migrate", "--demo")
    token = next(w for w in run("token", "xuemei", "--scope", "write", "--days", "2").split() if w.startswith("wg_"))
    site = Site(server)
    mails = Controller(site.mailbox, hostname=f"{NET}.1", port=SMTP)
    mails.start()
    machines: list[Machine] = []
    try:
        machines += [Machine(n, hub[:-1] + one, room, env) for n, one in enumerate("ab")]
        for machine in machines:
            machine.until_up(120)
        ledger, stop = kills.Ledger(), threading.Event()
        urls = [machine.url for machine in machines]
        clients = [Client(urls if n % 2 == 0 else urls[::-1], token, ledger, stop, n) for n in range(2 * CLIENTS_EACH)]
        began = time.monotonic()
        for client in clients:
            client.start()
        time.sleep(15)
        cut = time.monotonic()
        ip("-n", hub, "link", "set", "to0", "down")
        time.sleep(asked.cut)
        ip("-n", hub, "link", "set", "to0", "up")
        mended = time.monotonic()
        machines[0].until_up(120)
        back = time.monotonic() - mended
        time.sleep(10)
        before_kill = time.monotonic()
        machines[1].kill("worker")
        taken_up = rescued(site, 400)
        time.sleep(max(0.0, began + asked.seconds - time.monotonic()))
        stop.set()
        for client in clients:
            client.join(60)
        time.sleep(75)  # the last deadlines pass
        kills.until_quiet(site, 400)  # type: ignore[arg-type]
        table = kills.judge(site, ledger)  # type: ignore[arg-type]
        jobs, twice, again = doubled_jobs(site)
        late = lateness(site)
        verified = run("verify").strip().splitlines()[-1]
    finally:
        for machine in machines:
            machine.kill()
        mails.stop()
    for n, client in enumerate(clients):
        print(f"client {n}, by habit to {'ab'[n % 2]}: {client.acknowledged} answers, longest silence "
              f"{max(g for _b, g in client.gaps):.1f} s")  # fmt: skip
    print(f"seen by the clients: {dict(ledger.troubles)}; wrong answers: {len(ledger.wrong)} {ledger.wrong[:3]}")
    print(f"a cut off for {asked.cut:.0f} s: clients silent for at most {longest(clients, cut, mended):.1f} s; "
          f"a answered again {back:.1f} s after the cable was back")  # fmt: skip
    print(f"worker of b killed: clients silent for at most {longest(clients, before_kill, before_kill + 60):.1f} s; "
          f"its jobs done by the other {taken_up:.0f} s later")  # fmt: skip
    print(f"jobs: {jobs} done, {twice} done twice, {again} begun again; deadlines fired {late[0]:.0f} s (median) to "
          f"{late[1]:.0f} s after they passed")  # fmt: skip
    print(f"{'':18}{'sent':>8}{'stored':>8}{'doubled':>9}{'lost':>6}")
    for what, *figures in table:
        print(f"{what:18}{figures[0]:8}{figures[1]:8}{figures[2]:9}{figures[3]:6}")
    print("verify:", verified)
    bad = ledger.wrong or any(row[4] for row in table) or any(row[3] for row in table if row[0] != "mails")
    return not bad


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--cut", type=float, default=30)
    given.add_argument("--seconds", type=float, default=120)
    given.add_argument("--inside", help=argparse.SUPPRESS)
    asked = given.parse_args()
    if asked.inside:
        room = Path(tempfile.mkdtemp(prefix="wg-machines-", dir="/tmp"))
        room.chmod(0o755)
        try:
            return 0 if play(asked, asked.inside, room) else 1
        finally:
            if "WENGUO_KEEP" not in os.environ:
                shutil.rmtree(room, ignore_errors=True)
    if os.geteuid() or not shutil.which("ip"):
        print("skipped: network namespaces need root and the command ip")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with cables(HUB):
        inside = ["ip", "netns", "exec", HUB, sys.executable, __file__, *sys.argv[1:], "--inside", HUB]
        return subprocess.run(inside, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

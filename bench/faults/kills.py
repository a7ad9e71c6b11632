#!/usr/bin/env python3
"""Kill web, worker, live, database and its backends at random under mixed load; then count what was lost or doubled.

    python bench/faults/kills.py [--kills 300] [--seed 1]

Load: submissions with an id of their own, sent again until acknowledged; acceptance and a note on each, the note
never sent again; a deadline a minute ahead on every tenth; a mail of acknowledgement each, to a server that counts.
Promised: nothing acknowledged is lost, nothing happens twice, every journal verifies, each clock fires once. A mail may
arrive twice when the worker dies between the mail server's "250" and our commit; both then bear one Message-ID.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.faults.running import House

WEIGHTS = {"web": 4, "worker": 4, "live": 1, "backend": 3, "database": 2}
TROUBLES = ("漏电", "漏水", "噪音大", "不制冷", "按键失灵", "屏幕闪", "充不进电", "异味", "松动", "开裂")
THINGS = ("电热水壶", "空调", "洗衣机", "路由器", "台灯", "电饭煲", "手机", "平板", "冰箱", "吹风机")


@dataclass
class Ledger:
    """What the clients know: what was acknowledged, and what they cannot know."""

    numbers: dict[str, str] = field(default_factory=dict)  # external id → number acknowledged
    noted: dict[str, bool] = field(default_factory=dict)  # text of a note → acknowledged?
    accepted: set[str] = field(default_factory=set)
    deadlines: set[str] = field(default_factory=set)
    troubles: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Client(threading.Thread):
    """One program at the API, submitting and working its own cases until told to stop."""

    def __init__(self, house: House, token: str, ledger: Ledger, stop: threading.Event, n: int) -> None:
        super().__init__(daemon=True)
        self.house, self.ledger, self.stop, self.n = house, ledger, stop, n
        self.random = random.Random(n)
        self.http = httpx.Client(
            base_url=f"{house.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=15
        )

    def run(self) -> None:
        turn = 0
        while not self.stop.is_set():
            turn += 1
            number = self._submits()
            if number:
                self._works(number, turn)
            time.sleep(0.05)

    def _submits(self) -> str:
        id_ = uuid4().hex
        body = {
            "channel": "api", "external_id": id_, "name": f"客户{id_[:6]}", "mail": f"{id_}@example.com",
            "phone": f"139{int(id_[:7], 16) % 10**8:08d}",
            "text": f"{self.random.choice(THINGS)}{self.random.choice(TROUBLES)},单号 {id_},请尽快处理。",
        }  # fmt: skip
        while not self.stop.is_set():
            answer = self._post("/submissions", body)
            if answer is not None and answer.status_code in {200, 201}:
                told = answer.json()
                if not told["number"] or told["joined"]:
                    self.ledger.wrong.append(f"{id_}: {told}")
                    return ""
                self.ledger.numbers[id_] = told["number"]
                return str(told["number"])
            time.sleep(0.2)
        return ""

    def _works(self, number: str, turn: int) -> None:
        if self._acts(number, "accept", {}):
            self.ledger.accepted.add(number)
        text = f"记一笔 {uuid4().hex}"
        self.ledger.noted[text] = self._acts(number, "note", {"text": text})
        if turn % 10 == 0:
            until = (datetime.now(UTC) + timedelta(seconds=70)).isoformat()
            if self._acts(number, "set_deadline", {"until": until, "title": f"市监局来函 {turn}"}):
                self.ledger.deadlines.add(number)

    def _acts(self, number: str, act: str, body: dict[str, Any]) -> bool:
        """Once, again where somebody else was first; True when acknowledged."""
        answer = self._post(f"/cases/{number}/{act}", body)
        while answer is not None and answer.status_code == 409 and "刚被他人更新" in answer.text:
            answer = self._post(f"/cases/{number}/{act}", body)
        if answer is None or answer.status_code >= 500:
            return False
        if answer.status_code >= 400:
            self.ledger.wrong.append(f"{number} {act}: {answer.status_code} {answer.text[:200]}")
            return False
        return True

    def _post(self, path: str, body: dict[str, Any]) -> httpx.Response | None:
        try:
            answer = self.http.post(path, json=body)
        except httpx.HTTPError as error:
            self.ledger.troubles[type(error).__name__] += 1
            return None
        if answer.status_code >= 500:
            self.ledger.troubles[str(answer.status_code)] += 1
        return answer


def torment(house: House, kills: int, chance: random.Random) -> Counter[str]:
    """`kills` processes, one at a time, each a moment after the house was well again or had 15 s to become so."""
    done: Counter[str] = Counter()
    while sum(done.values()) < kills:
        kind = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        victims = house.parts()[kind]
        if victims:
            victim = chance.choice(victims)
            try:
                victim.send_signal(signal.SIGKILL)
            except psutil.Error:
                continue
            done[kind] += 1
            n = sum(done.values())
            if n % 20 == 0 or n == kills:
                print(f"  {n} of {kills} killed: {dict(done)}", flush=True)
        deadline = time.monotonic() + 20
        if chance.random() < 0.85:  # else the next falls while this one is being healed
            while not house.is_well() and time.monotonic() < deadline:
                time.sleep(0.1)
        time.sleep(chance.uniform(0.1, 1.5))
    return done


def judge(house: House, ledger: Ledger) -> list[tuple[str, int, int, int, int]]:
    """(what, sent, stored, doubled, lost) for everything that was promised."""
    with house.database() as db:
        rows = db.execute(
            "SELECT s.external_id, c.number, count(*) OVER (PARTITION BY s.external_id) FROM cases_submission s"
            " LEFT JOIN cases_case c ON c.id = s.case_id WHERE s.channel = 'api'"
        ).fetchall()
        stored = {id_: number for id_, number, _n in rows}
        doubled = sum(n > 1 for _id, _number, n in rows)
        lost = sum(stored.get(id_) != number for id_, number in ledger.numbers.items())
        table = [("submissions", len(ledger.numbers), len(stored), doubled, lost)]

        notes = Counter(
            t for (t,) in db.execute("SELECT private->>'body' FROM journal_event WHERE type = 'case.noted'").fetchall()
        )
        table.append((
            "notes", sum(ledger.noted.values()), sum(notes.values()), sum(n > 1 for n in notes.values()),
            sum(known and notes[t] != 1 for t, known in ledger.noted.items()),
        ))  # fmt: skip

        accepts = Counter(
            n for (n,) in db.execute(
                "SELECT c.number FROM journal_event e JOIN cases_case c ON c.stream_id = e.stream_id"
                " WHERE e.type = 'case.accepted'"
            ).fetchall()
        )  # fmt: skip
        table.append((
            "accepts", len(ledger.accepted), len(accepts), sum(n > 1 for n in accepts.values()),
            sum(accepts[n] != 1 for n in ledger.accepted),
        ))  # fmt: skip

        fired = Counter(
            (clock, percent) for clock, percent in db.execute(
                "SELECT e.data->>'clock', e.data->>'percent' FROM journal_event e"
                " WHERE e.type IN ('clock.warned', 'clock.breached')"
            ).fetchall()
        )  # fmt: skip
        letters = [str(pk) for (pk,) in db.execute("SELECT id FROM cases_clock WHERE rule = 'LETTER'").fetchall()]
        late = {clock for clock, percent in fired if int(percent) >= 100}  # of marks passed at once the last is told
        table.append((
            "deadlines passed", len(ledger.deadlines), len(letters), sum(n > 1 for n in fired.values()),
            sum(pk not in late for pk in letters),
        ))  # fmt: skip

        sent = db.execute("SELECT count(*) FROM channels_delivery").fetchone()[0]  # type: ignore[index]
        unsent = db.execute("SELECT count(*) FROM channels_delivery WHERE state <> 'sent'").fetchone()[0]  # type: ignore[index]
    arrived = house.mailbox.arrived
    table.append(("mails", sent, len(arrived), sum(n - 1 for n in arrived.values()), max(unsent, sent - len(arrived))))
    return table


def until_quiet(house: House, seconds: float) -> None:
    """Until no job waits and no clock is due."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with house.database() as db:
            jobs, due = db.execute(
                "SELECT (SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND"
                " (scheduled_at IS NULL OR scheduled_at < now() + interval '10 minutes')),"
                " (SELECT count(*) FROM cases_clock WHERE rule = 'LETTER' AND fired_percent < 100 AND due_at < now())"
            ).fetchone()  # type: ignore[misc]
        if not jobs and not due:
            return
        time.sleep(1)
    print(f"  still waiting after {seconds:.0f} s: {jobs} jobs, {due} clocks")


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--kills", type=int, default=300)
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--clients", type=int, default=4)
    asked = given.parse_args()
    chance = random.Random(asked.seed)
    with House() as house:
        ledger, stop = Ledger(), threading.Event()
        token = house.token("xuemei")
        clients = [Client(house, token, ledger, stop, n) for n in range(asked.clients)]
        for client in clients:
            client.start()
        began = time.monotonic()
        killed = torment(house, asked.kills, chance)
        stop.set()
        for client in clients:
            client.join(40)
        took = time.monotonic() - began
        healed = house.until_well(120)
        time.sleep(75)  # the last deadlines pass
        until_quiet(house, 600)
        table = judge(house, ledger)
        verified = house.run("verify")
    print(f"{sum(killed.values())} kills in {took:.0f} s {dict(killed)}; well again {healed:.1f} s after the last")
    print(f"seen by the clients: {dict(ledger.troubles)}; wrong answers: {len(ledger.wrong)} {ledger.wrong[:3]}")
    print(f"{'':18}{'sent':>8}{'stored':>8}{'doubled':>9}{'lost':>6}")
    for what, *figures in table:
        print(f"{what:18}{figures[0]:8}{figures[1]:8}{figures[2]:9}{figures[3]:6}")
    print("verify:", (verified.stdout + verified.stderr).strip().splitlines()[-1])
    bad = ledger.wrong or verified.returncode or any(row[4] for row in table)
    bad = bad or any(row[3] for row in table if row[0] != "mails")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The portal under a flood: from one address, and from many; and a stream of a gigabyte.

    python bench/faults/flood.py [--seconds 20] [--clients 16] [--most 6000]

Everything stays on 127.0.0.0/8: a "customer elsewhere" is another address of that block. Bounded in time and number.
Asked for: whoever floods is answered 429 with a page that says why and what to do instead; meanwhile customers at other
addresses are served, and so are the staff; no 5xx. Two web processes, so the limits must hold over both.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.faults.running import House

CLEAR = ("太多", "服务电话")  # what the page of a 429 says


class Visitor:
    """A customer at an address of their own."""

    def __init__(self, house: House, address: str) -> None:
        way = httpx.HTTPTransport(local_address=address)
        self.http = httpx.Client(base_url=house.url, transport=way, timeout=30)
        self.answers: Counter[int] = Counter()
        self.times: list[float] = []
        self.unclear = 0

    def ask(self, method: str, path: str, **more: object) -> httpx.Response | None:
        began = time.monotonic()
        try:
            answer = self.http.request(method, path, **more)  # type: ignore[arg-type]
        except httpx.HTTPError:
            self.answers[0] += 1
            return None
        self.times.append(time.monotonic() - began)
        self.answers[answer.status_code] += 1
        self.unclear += answer.status_code == 429 and not all(word in answer.text for word in CLEAR)
        return answer

    def complains(self, n: int) -> bool:
        """As a person would: open the form, fill it in, send it. True when it was taken in."""
        page = self.ask("GET", "/new/")
        key = re.search(r'name="key" value="([0-9a-f]{32})"', page.text) if page is not None else None
        if key is None:
            return False
        text = f"第 {n} 次来反映：新买的电饭煲煮饭夹生，换过一次还是这样。"
        form = {"key": key.group(1), "text": text, "phone": f"138{n % 10**8:08d}"}
        answer = self.ask("POST", "/new/", data=form)
        return answer is not None and answer.status_code == 302

    def p95(self) -> float:
        return statistics.quantiles(self.times, n=20)[-1] if len(self.times) > 1 else 0.0


def flood(house: House, visitors: list[Visitor], seconds: float, most: int) -> int:
    """Every visitor posts as fast as it can, `most` requests together. Returns how many were sent."""
    until, sent, lock = time.monotonic() + seconds, 0, threading.Lock()

    def run(visitor: Visitor) -> None:
        nonlocal sent
        while time.monotonic() < until:
            with lock:
                if sent >= most:
                    return
                sent += 1
                n = sent
            form = {"key": f"{n:032x}", "text": f"洪水 {n} " + "水" * 200, "phone": f"139{n % 10**8:08d}"}
            visitor.ask("POST", "/new/" if n % 2 else "/track/", data=form)

    threads = [threading.Thread(target=run, args=(v,)) for v in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sent


def beside(house: House, seconds: float, act: object) -> tuple[Visitor, int, int]:
    """One ordinary customer while `act` goes on in threads of its own: (visitor, complaints tried, taken in)."""
    calm = Visitor(house, "127.9.9.9")
    worker = threading.Thread(target=act)  # type: ignore[arg-type]
    worker.start()
    tried = taken = 0
    while worker.is_alive():
        if tried < 50:  # below what one address may hand in
            tried += 1
            taken += calm.complains(tried + int(time.time() * 100) % 10**6 * 100)
        time.sleep(0.3)
    return calm, tried, taken


def stored(house: House) -> int:
    with house.database() as db:
        return int(db.execute("SELECT count(*) FROM cases_submission WHERE channel = 'web'").fetchone()[0])  # type: ignore[index]


def told(title: str, flooders: list[Visitor], calm: Visitor, tried: int, taken: int, seconds: float, kept: int) -> bool:
    answers = sum((v.answers for v in flooders), Counter())
    sent = sum(answers.values())
    unclear = sum(v.unclear for v in flooders)
    bad = sum(n for code, n in answers.items() if code >= 500 or code == 0)
    print(
        f"{title}: {sent} posts in {seconds:.0f} s ({sent / seconds:.0f}/s), answers {dict(sorted(answers.items()))}, "
        f"{kept} taken in; 429 without clear words {unclear}\n"
        f"  meanwhile a customer elsewhere: {taken} of {tried} complaints taken in, p95 {calm.p95() * 1000:.0f} ms, "
        f"answers {dict(calm.answers)}",
        flush=True,
    )
    return not bad and not unclear and taken == tried


def from_one(house: House, asked: argparse.Namespace) -> bool:
    before, began = stored(house), time.monotonic()
    flooders = [Visitor(house, "127.1.1.1") for _n in range(asked.clients)]
    calm, tried, taken = beside(house, asked.seconds, lambda: flood(house, flooders, asked.seconds, asked.most))
    kept = stored(house) - before - taken
    good = told("one address", flooders, calm, tried, taken, time.monotonic() - began, kept)
    print(f"  the limit is 60 complaints in ten minutes: {'held' if kept <= 60 + asked.clients else 'BROKEN'} ({kept})")
    return good and kept <= 60 + asked.clients


def from_many(house: House, asked: argparse.Namespace) -> bool:
    before, began = stored(house), time.monotonic()
    flooders = [Visitor(house, f"127.2.{n // 250}.{n % 250 + 1}") for n in range(asked.clients)]
    calm, tried, taken = beside(house, asked.seconds, lambda: flood(house, flooders, asked.seconds, asked.most))
    kept = stored(house) - before - taken
    return told(f"{asked.clients} addresses", flooders, calm, tried, taken, time.monotonic() - began, kept)


def huge(house: House, mib: int) -> bool:
    """A form with one file of `mib` MiB made while it is sent: refused, without memory or disk filling up."""
    webs = [p for one in house.parts()["web"] for p in [one, *one.children(recursive=True)]]
    free = psutil.disk_usage("/tmp").free
    least, most = free, 0
    rest = sum(p.memory_info().rss for p in webs)
    watching = threading.Event()

    def watch() -> None:
        nonlocal least, most
        while not watching.wait(0.05):
            least = min(least, psutil.disk_usage("/tmp").free)
            most = max(most, sum(p.memory_info().rss for p in webs if p.is_running()))

    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n\x00\x00\x00\x18ftypmp42'
    tail = b"\r\n--x--\r\n"

    def body() -> Iterator[bytes]:
        yield head
        for _n in range(mib):
            yield bytes(2**20)
        yield tail

    watcher = threading.Thread(target=watch)
    watcher.start()
    length = len(head) + mib * 2**20 + len(tail)
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(length)}
    began = time.monotonic()
    try:
        answer = httpx.post(f"{house.url}/new/", content=body(), headers=headers, timeout=120)
        said = f"{answer.status_code}, {'in words' if '超过' in answer.text else 'WITHOUT WORDS'}"
        good = answer.status_code in {413, 429} and "超过" in answer.text
    except httpx.HTTPError as error:  # the answer came before the body was sent, and the connection was closed
        said, good = f"refused while sending ({type(error).__name__})", True
    took = time.monotonic() - began
    watching.set()
    watcher.join()
    disk, memory = (free - least) / 2**20, (most - rest) / 2**20
    print(
        f"{mib} MiB in one file: {said} after {took:.1f} s; "
        f"memory of the web grew by {memory:.0f} MiB, disk by {disk:.0f} MiB"
    )
    return good and memory < 200 and house.health().get("database") == "ok"


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--seconds", type=float, default=20)
    given.add_argument("--clients", type=int, default=16)
    given.add_argument("--most", type=int, default=6000)
    asked = given.parse_args()
    with House(WENGUO_WEB_WORKERS="2") as house:
        well = [from_one(house, asked), from_many(house, asked), huge(house, 1024)]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())

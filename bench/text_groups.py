"""Are groups found: many people about one matter, in the order in which they wrote? Rows of `python -m bench text`.

Data: taidi2020 hot_issues, 3 201 messages of citizens in the order of their time; `issue_group` names 16 groups by
rules over names of places, of which those with three users or more count. The data are not part of the project
(WENGUO_DATA, else ../shared/data). They do not say that what is in no
group belongs to none: so precision is given twice, with and without pairs of which only one message is named.

The replay is the real thing in memory: the same marks, the same limits on what is looked up, how common a piece is
counted only from what came on the days before. There is one figure to choose (how alike is one matter): it was chosen
on this set, so the interval says how the groups vary, not how another house would.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from bench.text_rows import Row, share
from wenguo.text import alike, facts

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("WENGUO_DATA", ROOT.parent / "shared" / "data"))
DATASET = "taidi2020 hot_issues"
LEAST = 0.18  # the standard policy pack: group_likeness
PEOPLE = 3  # group_people
NEWEST, CANDIDATES, SOON = 48, 32, timedelta(days=14)  # as in cases/alike.py


@dataclass
class Message:
    number: int
    user: str
    subject: str
    text: str
    at: datetime
    group: str
    matter: int = -1
    told: alike.Told | None = field(default=None, repr=False)


def messages() -> list[Message]:
    rows: list[Message] = []
    with gzip.open(DATA / "taidi2020_gov_messages/hot_issues.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            at = row["time"].replace("/", "-")
            pattern = "%Y-%m-%d %H:%M:%S" if at.count(":") == 2 else "%Y-%m-%d %H:%M"
            when = datetime.strptime(at, pattern)
            rows.append(Message(0, row["user"], row["subject"], row["detail"], when, row["issue_group"]))
    rows.sort(key=lambda m: m.at)
    for number, message in enumerate(rows):
        message.number = number
    return rows


def replay(rows: Sequence[Message], window: timedelta, least: float = LEAST) -> list[list[Message]]:
    """The matters with `PEOPLE` different users within the window, each with its messages."""
    posted: dict[int, list[int]] = defaultdict(list)
    matters: dict[int, list[int]] = {}
    common, counted, day = alike.everyday(), 0, rows[0].at.date()
    raised: dict[int, list[set[int]]] = defaultdict(list)
    names: dict[int, set[int]] = {}
    for message in rows:
        if message.at.date() > day:  # the night between: count what came until then
            day = message.at.date()
            if message.number - counted >= max(20, counted // 10):
                counted = message.number
                since = [f"{m.subject}\n{m.text}" for m in rows[max(0, counted - 20_000) : counted]]
                common = alike.Commonness.of(since, alike.everyday() if counted < 1000 else None)
        words = f"{message.subject}\n{message.text}"
        message.told = message.told or alike.told(message.subject, words)
        mine = alike.Weighed(message.told, common)
        copies = alike.copy_marks(words)
        called = facts.places(words)
        places = alike.place_marks(called, common)
        beside = common.saying(alike.beside(words, called)) if places.found_by else None
        asked, kept = [*mine.marks(alike.ASKED), *copies], [*mine.marks(), *copies, *places.found_by]
        met = Counter(n for mark in asked for n in posted[mark][-NEWEST:] if rows[n].at >= message.at - window)
        nearest = [n for n, _times in sorted(met.items(), key=lambda item: (-item[1], -item[0]))[:CANDIDATES]]
        soon, same = min(window, SOON), set(places.same)
        at_place = [
            n for mark in places.found_by for n in posted[mark][-NEWEST:]
            if rows[n].at >= message.at - soon and names[n] & same
        ]  # fmt: skip
        there = {}
        if beside is not None:
            there = alike.same_thing(beside, {n: told for n in at_place if (told := rows[n].told)}, common)
        together = alike.of_one_thing(there, PEOPLE)
        nearest = list(dict.fromkeys([*nearest, *there]))
        names[message.number] = set(places.kept)
        others = {n: told for n in nearest if (told := rows[n].told) is not None}
        likes = dict(zip(others, mine.same_matters(list(others.values())), strict=True))
        near = {rows[n].matter for n in likes}
        within = {m: [n for n in matters[m] if rows[n].at >= message.at - window] for m in near}
        found = alike.nearest_matter(likes, within, least)
        if found is None and together:
            found = Counter(rows[n].matter for n in together).most_common(1)[0][0]
        message.matter = message.number if found is None else found
        matters.setdefault(message.matter, []).append(message.number)
        for mark in kept:
            posted[mark].append(message.number)
        direct = {n: rows[n].told for n, score in likes.items() if score >= least * alike.DIRECT}
        close = {n: told for n, told in direct.items() if told and rows[n].matter == message.matter}
        event = {message.number, *together, *alike.of_one_event(message.told, close, common, PEOPLE, beside)}
        if len({rows[n].user for n in event}) >= PEOPLE:
            met_before = (group for groups in raised.values() for group in groups if group & event)
            known = next(met_before, None)
            if known is None:
                raised[message.matter].append(event)
            else:
                known.update(event)
    return [[rows[n] for n in sorted(group)] for groups in raised.values() for group in groups]


def judge(rows: Sequence[Message], groups: Sequence[Sequence[Message]], window: timedelta, split: str) -> Iterator[Row]:
    """Which true groups are found, and how many of the pairs put together are right."""
    true: dict[str, list[Message]] = defaultdict(list)
    for message in rows:
        if message.group:
            true[message.group].append(message)
    wanted = {}
    for name, members in true.items():
        users = [len({m.user for m in members if a.at <= m.at <= a.at + window}) for a in members]
        if max(users) >= PEOPLE:
            wanted[name] = len({m.user for m in members})
    found: set[str] = set()
    right, wrong, wrong_named, repeats = [], [], [], 0
    for group in groups:
        names = Counter(m.group for m in group if m.group)
        repeats += len({m.user for m in group}) < PEOPLE
        if not names:
            continue
        name = names.most_common(1)[0][0]
        if len({m.user for m in group if m.group == name}) >= PEOPLE:
            found.add(name)
        same = sum(n * (n - 1) // 2 for n in names.values())
        named, size = sum(names.values()), len(group)
        touched = size * (size - 1) // 2 - (size - named) * (size - named - 1) // 2
        right.append(same)
        wrong.append(touched - same)
        wrong_named.append(named * (named - 1) // 2 - same)
    chance = random.Random(1)
    precise = sorted(
        sum(right[k] for k in ks) / max(sum(right[k] + wrong[k] for k in ks), 1)
        for ks in (chance.choices(range(len(right)), k=len(right)) for _ in range(1000))
    )
    strict = sum(right) / max(sum(right) + sum(wrong), 1)
    lenient = sum(right) / max(sum(right) + sum(wrong_named), 1)
    at_rest = window > timedelta(days=30)
    yield share(f"groups, {split}: found", [name in found for name in wanted], DATASET,
                f"of those with {PEOPLE} users or more in time; likeness ≥ {LEAST} chosen on this set",
                0.85 if at_rest else None)  # fmt: skip
    yield Row(f"groups, {split}: pairs right", strict, DATASET, "pairs with a message of a true group; by bootstrap",
              0.9 if at_rest else None, low=precise[25], high=precise[974], n=sum(right) + sum(wrong))  # fmt: skip
    yield Row(f"groups, {split}: pairs right, both named", lenient, DATASET, "pairs of two messages of true groups",
              n=sum(right) + sum(wrong_named))  # fmt: skip
    yield Row(f"groups, {split}: one person's repeats taken for one", float(repeats), DATASET,
              f"of {len(groups)} groups raised", 0.0, True, "times")  # fmt: skip


def speed(rows: Sequence[Message]) -> Row:
    """One text, one core: its marks, and comparing it with as many others as are compared."""
    common, taken = alike.everyday(), []
    others = [alike.told(other.subject, f"{other.subject}\n{other.text}").to_bytes() for other in rows[:CANDIDATES]]
    for message in rows[:300]:
        words = f"{message.subject}\n{message.text}"
        start = time.process_time()
        mine = alike.Weighed(alike.told(message.subject, words), common)
        mine.marks(), mine.marks(alike.ASKED), alike.copy_marks(words)
        mine.same_matters([alike.Told.from_bytes(other) for other in others])
        taken.append((time.process_time() - start) * 1000)
    taken.sort()
    return Row(f"marks of a text and {CANDIDATES} comparisons, p95", taken[int(len(taken) * 0.95)], DATASET,
               "300 texts, CPU, without the database", unit="ms", n=len(taken))  # fmt: skip


def measure() -> Iterator[Row]:
    rows = messages()
    for split, window in (("no window", timedelta(days=365)), ("72 hours", timedelta(hours=72))):
        yield from judge(rows, replay(rows, window), window, split)
    yield speed(rows)

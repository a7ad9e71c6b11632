"""上个月会命中什么: what changed words would have heard in last month's complaints, and what would have come of it.

The index finds the cases the words may stand in; only those are read, the newest first, at most `READ` and for at most
`SECONDS`. Of those in which a changed word is meant, at most `COMPARED` are weighed and sorted anew under both packs,
for at most as long again. What was left out for that is said. Words pulled apart by a
sign (退.款) are not in the index and are counted only where the case is found otherwise. Source: TR-2, TR-3.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from wenguo.cases import gravity, model
from wenguo.cases.case import Case
from wenguo.cases.intake import facts_of_case
from wenguo.policy import severity
from wenguo.policy.schema import Pack
from wenguo.text import personal
from wenguo.text.lexicon import Lexicon, Term
from wenguo.text.own import CUE, shipped
from wenguo.text.reading import understand
from wenguo.text.search import tsquery_text

DAYS = 30
READ = 2_000
COMPARED = 300
SECONDS = 2.0
AT_ONCE = 200  # cases fetched between two looks at the clock
WORDS = 60
SAMPLES = 12
AROUND = 40  # characters on each side of a word in a sample

SIGNAL, HARMLESS = "signal.", "harmless."


@dataclass(frozen=True)
class Sample:
    """A place where a word stands, masked. `text`: (words, is it one of the words?)."""

    number: str
    received_at: datetime
    standing: str
    text: list[tuple[str, bool]]


@dataclass
class Trial:
    """`read`: cases looked at, of `found` that the index names (`back_to`: how far back, where not all were); `hit`:
    those with a changed word that is meant, `compared` of them; `standing`: places by how they are meant. `levels`,
    `categories`: (before, after, cases) where it changes, the first suggestion for the latter."""

    words: tuple[str, ...]
    read: int = 0
    hit: int = 0
    compared: int = 0
    found: int = 0
    back_to: datetime | None = None
    seconds: float = 0.0
    standing: Counter[str] = field(default_factory=Counter)
    levels: list[tuple[int, int, int]] = field(default_factory=list)
    categories: list[tuple[str, str, int]] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


def lists_of(pack: Pack) -> dict[str, tuple[str, ...]]:
    """Every list of words as this pack has it, {list: words}: signals, what lets a signal pass, feelings, cue words."""
    lists: dict[str, tuple[str, ...]] = {}
    for signal in pack.severity.signals:
        lists[SIGNAL + signal.code] = tuple(signal.terms)
        lists[HARMLESS + signal.code] = tuple(signal.unless)
    own = {part.list: part for part in pack.words}
    names = dict.fromkeys([*shipped(), *(CUE + sub.code for sub in pack.subs), *own])
    for name in names:
        part = own.get(name)
        gone = set(part.withdraw) if part else set()
        added = part.add if part else ()
        lists[name] = (*(w for w in shipped().get(name, ()) if w not in gone), *added)
    return lists


def changed(before: Pack, after: Pack) -> list[tuple[str, str]]:
    """(list, word) of every word that one of both has and the other has not."""
    old, new = lists_of(before), lists_of(after)
    return [
        (name, word)
        for name in dict.fromkeys([*old, *new])
        for word in dict.fromkeys([*old.get(name, ()), *new.get(name, ())])
        if (word in old.get(name, ())) != (word in new.get(name, ()))
    ]


def trial(before: Pack, after: Pack, words: Iterable[str], cases: Any, *, at: datetime, samples: bool) -> Trial:
    """Among `cases` of the last `DAYS` days. `samples`: may the reader see what customers wrote?"""
    began = time.perf_counter()
    wanted = tuple(dict.fromkeys(words))[:WORDS]
    told = Trial(wanted)
    if not wanted:
        return told
    heard = Lexicon([Term(word, word) for word in wanted])
    found = _may_hold(cases.filter(received_at__gte=at - timedelta(days=DAYS), received_at__lte=at), wanted)
    ids = list(found.order_by("-received_at").values_list("pk", flat=True))
    told.found = len(ids)
    meant: list[tuple[Case, str]] = []
    for case in _newest(ids[:READ], until=began + SECONDS):
        told.read, told.back_to = told.read + 1, case.received_at
        text = f"{case.record.description}\n{case.record.wish}"[:20_000]
        hits = heard.scan(text)
        if not hits:
            continue
        told.standing.update(hit.standing for hit in hits)
        if samples and len(told.samples) < SAMPLES:
            told.samples.append(_sample(case, text, heard, hits[0]))
        if any(hit.standing not in {"denied", "quoted"} for hit in hits):
            meant.append((case, text))
    if told.read == told.found:
        told.back_to = None
    told.hit = len(meant)
    _compare(told, meant[:COMPARED], before, after, until=time.perf_counter() + SECONDS)
    told.seconds = time.perf_counter() - began
    return told


def _newest(ids: Sequence[int], *, until: float) -> Iterator[Case]:
    """These cases in their order, until the clock says enough; the first ones in any case."""
    for start in range(0, len(ids), AT_ONCE):
        if start and time.perf_counter() >= until:
            return
        rows = Case.objects.select_related("record", "customer").defer("search").in_bulk(ids[start : start + AT_ONCE])
        yield from (rows[pk] for pk in ids[start : start + AT_ONCE] if pk in rows)


def _may_hold(cases: Any, words: Sequence[str]) -> Any:
    """Those of `cases` whose index holds all pieces of one of the words."""
    asked = [f"({query})" for word in words if (query := tsquery_text(word))]
    return (
        cases.extra(where=["cases_case.search @@ %s::tsquery"], params=[" | ".join(asked)]) if asked else cases.none()
    )


def _sample(case: Case, text: str, heard: Lexicon, hit: Any) -> Sample:
    start, end = max(0, hit.start - AROUND), min(len(text), hit.end + AROUND)
    piece = personal.mask(text[start:end].replace("\n", " "))
    shown: list[tuple[str, bool]] = [("…", False)] if start else []
    at = 0
    for one in heard.scan(piece):
        if one.start >= at:
            shown += [(piece[at : one.start], False), (piece[one.start : one.end], True)]
            at = one.end
    shown.append((piece[at:] + ("…" if end < len(text) else ""), False))
    return Sample(case.number, case.received_at, hit.standing, [part for part in shown if part[0]])


def _compare(told: Trial, meant: Sequence[tuple[Case, str]], before: Pack, after: Pack, *, until: float) -> None:
    by = model.in_force().model
    packs = (before, after)
    listens = [gravity.listening(pack) for pack in packs]
    alike = before.words == after.words  # then one reading serves both
    levels: Counter[tuple[int, int]] = Counter()
    categories: Counter[tuple[str, str]] = Counter()
    for case, text in meant:
        if told.compared and time.perf_counter() >= until:
            break
        told.compared += 1
        facts = facts_of_case(case)
        first = understand(text, reasons=False, model=by, own=before.own)
        reads = (first, first if alike else understand(text, reasons=False, model=by, own=after.own))
        a, b = (
            severity.score(pack, words.scan(text), {**read.gravity, **facts}).level
            for pack, words, read in zip(packs, listens, reads, strict=True)
        )
        levels[a, b] += a != b
        was, now = (read.judgement.best.code if read.judgement.best else "" for read in reads)
        categories[was, now] += was != now
    told.levels = sorted((a, b, n) for (a, b), n in levels.items() if n)
    told.categories = [(was, now, n) for (was, now), n in categories.most_common(20) if n]

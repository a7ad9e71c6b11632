"""The demonstration company lives through a year: batches of stories, each acted out once, the newest first.

A batch is an event of the journal (`demo.begun`: seed, size, moment), so the same stories can be woven again; a story
is one transaction, and the submission it begins with carries its id. So growing may be killed at any moment and goes on
where it was, without doubles.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from wenguo import journal
from wenguo.breath import in_one_breath
from wenguo.cases import group
from wenguo.cases.alike import keep_counts
from wenguo.cases.intake import Submission
from wenguo.cases.number import reserve
from wenguo.demo.cast import Cast
from wenguo.demo.corpus import year
from wenguo.demo.corpus.year import SHANGHAI
from wenguo.demo.crew import Story, at_once
from wenguo.demo.deciding import decide
from wenguo.demo.desks import Wanted, wanted
from wenguo.demo.models import BEGUN
from wenguo.demo.play import perform
from wenguo.demo.scene import Scene
from wenguo.errors import NotNow
from wenguo.people.actor import SYSTEM

log = logging.getLogger("wenguo.demo")

SEED = 2026
PREFIX = "demo-"
LOCK = 0x64656D6F  # one process grows at a time
CROWD = 200  # customers a batch has at least; the next batch brings its own
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Batch:
    """`size` stories of the year before `now`, woven from `seed`; its customers stand at `first` and after.

    `serials`: the first number set aside for it in each month (yymm), so that numbers rise with time although the
    newest stories are acted out first.
    """

    number: int
    seed: int
    size: int
    now: datetime
    first: int
    serials: Mapping[str, int] = field(default_factory=dict)


def cases_so_far() -> int:
    """How many stories have been acted out in this database."""
    return Submission.objects.filter(external_id__startswith=PREFIX).count()


def how_far() -> tuple[int, int] | None:
    """(made, wanted) while a process grows in this database; None when none does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND classid = 0 AND objid::bigint = %s)",
            [LOCK],
        )
        if not cursor.fetchone()[0]:
            return None
    total = sum(batch.size for batch in _known())
    done = cases_so_far()
    return (done, total) if done < total else None


def _known() -> list[Batch]:
    return [_read(event) for event in journal.Event.objects.filter(stream__kind="demo", type=BEGUN).order_by("seq")]


def grow(
    cases: int = 300,
    progress: Progress | None = None,
    now: datetime | None = None,
    *,
    processes: int = 1,
    strict: bool = False,
) -> int:
    """Act out `cases` more stories, what a killed run left undone first. Returns how many were made.

    progress(done, total, words) after each. `now`: the present of a new batch. `processes`: so many work at once.
    `strict`: an act that refuses is a bug of the driver and rises; otherwise it is logged and the next story goes on.
    NotNow: another process grows already.
    """
    made = tried = 0
    with _alone():
        done = _done()
        for batch in _batches(cases, now):
            families = [_undone(family, done) for family in _families(batch)]
            families = _first(families, cases - tried)
            tried += sum(map(len, families))
            for story, well in _acted(families, processes, strict):
                made += well
                if progress is not None and well:
                    progress(made, cases, f"{story.woven.received_at:%Y-%m-%d} {story.woven.title}")
            if any(families):
                _decided(batch)
    return made


def _decided(batch: Batch) -> None:
    """Once all of it has been acted out."""
    told = {story.external_id: story.woven.scenario for story in _stories(batch)}
    known = Submission.objects.filter(external_id__in=told, case__isnull=False).values_list("case_id", "external_id")
    if len(_done() & told.keys()) == len(told):
        decide({case: told[external] for case, external in known if external}, Cast(), at=batch.now)


def _undone(family: list[Story], done: set[str]) -> list[Story]:
    return [story for story in family if story.external_id not in done]


def _first(families: list[list[Story]], most: int) -> list[list[Story]]:
    """The first families with together not more than `most` stories."""
    kept: list[list[Story]] = []
    for family in families:
        if most > 0 and family:
            kept.append(family[:most])
            most -= len(kept[-1])
    return kept


def _acted(families: list[list[Story]], processes: int, strict: bool) -> Iterator[tuple[Story, bool]]:
    """Each story and whether it went well, as they end."""
    if processes > 1 and len(families) > processes:
        yield from at_once(families, processes, strict, act_out)
        return
    cast = Cast()
    for family in families:
        for story in family:
            yield story, act_out(story, cast, strict=strict)


def _batches(cases: int, now: datetime | None) -> Iterator[Batch]:
    """Those begun, then a new one for what they do not hold."""
    known = _known()
    pending = sum(batch.size for batch in known) - cases_so_far()
    yield from known
    if cases > pending:
        yield _begin(known, cases - pending, now or timezone.now())


def _done() -> set[str]:
    rows = Submission.objects.filter(external_id__startswith=PREFIX)
    return {id for id in rows.values_list("external_id", flat=True) if id}


def _read(event: journal.Event) -> Batch:
    data = event.data
    now = datetime.fromisoformat(data["now"])
    return Batch(data["number"], data["seed"], data["size"], now, data["first"], data.get("serials", {}))


@transaction.atomic
def _begin(known: list[Batch], size: int, now: datetime) -> Batch:
    number = len(known) + 1
    first = sum(max(CROWD, batch.size) for batch in known)
    batch = Batch(number, SEED + number - 1, size, now.replace(microsecond=0), first)
    told = _told(batch)
    months = Counter(_month(one) for one in told)
    batch = replace(batch, serials={month: reserve(month, months[month]) for month in sorted(months)})
    data = {
        "number": number, "seed": batch.seed, "size": size, "now": batch.now.isoformat(), "first": first,
        "serials": batch.serials,
    }  # fmt: skip
    # What a house counts at night: which words are common here, before the first is compared with the others.
    keep_counts([f"{one.woven.title}\n{one.woven.text}" for one in told], at=batch.now)
    journal.append(
        journal.open_stream("demo", "company"), [journal.Entry(BEGUN, SYSTEM.journal_ref, batch.now, data=data)]
    )
    return batch


def _told(batch: Batch) -> list[Wanted]:
    extra = wanted(batch.now, batch.seed, first=batch.first) if batch.number == 1 else []
    extra = extra[: batch.size * 2 // 3]
    ordinary = year(batch.size - len(extra), batch.now, seed=batch.seed, first=batch.first)
    return [*(Wanted(woven, "") for woven in ordinary), *extra]


def _month(one: Wanted) -> str:
    return one.woven.received_at.astimezone(SHANGHAI).strftime("%y%m")


def _families(batch: Batch) -> list[list[Story]]:
    """The newest first, so that the desks have work at once; one customer's stories together, in their own order."""
    stories = _stories(batch)
    stories.sort(key=lambda s: (s.woven.customer.phone, s.woven.received_at))
    families = [list(family) for _phone, family in groupby(stories, key=lambda s: s.woven.customer.phone)]
    return sorted(families, key=lambda family: family[-1].woven.received_at, reverse=True)


def _stories(batch: Batch) -> list[Story]:
    """Each told with its id (its place) and its number of the month (its rank in time)."""
    told, serials = list(enumerate(_told(batch))), dict(batch.serials)
    made = []
    for place, one in sorted(told, key=lambda pair: (pair[1].woven.received_at, pair[0])):
        id, month = f"{PREFIX}{batch.number}-{place}", _month(one)
        serial = serials.get(month)
        if serial is not None:
            serials[month] = serial + 1
        made.append(Story(id, one.woven, one.stop, f"{batch.seed}:{id}", batch.now, serial))
    return made


def act_out(story: Story, cast: Cast, *, strict: bool) -> bool:
    """One story in one transaction: it is there as a whole or not at all. Returns whether it is."""
    try:
        try:
            _lived(story, cast, in_haste=True)
        except Exception:
            log.info("demo.again story=%s", story.external_id)
            _lived(story, cast, in_haste=False)
    except Exception as failure:
        if strict:
            raise
        # The traceback would hold a customer's words; what refused and where is enough to find it.
        log.error("demo.failed story=%s scenario=%s why=%s", story.external_id, story.woven.scenario, _where(failure))
        return False
    _noticed(story)
    return True


def _noticed(story: Story) -> None:
    """What the program would have noticed when the complaint came: whom else it resembles. In a transaction of its own,
    for one text at a time is compared."""
    known = Submission.objects.filter(external_id=story.external_id, state=Submission.State.ACCEPTED)
    for pk in known.values_list("case_id", flat=True):
        group.meet(pk, at=story.woven.received_at)


def _lived(story: Story, cast: Cast, *, in_haste: bool) -> None:
    """`in_haste`: no act can be undone by itself, which saves a fifth of the queries; and the number that was set
    aside is used, which another version of these stories may have given away.

    The jobs that acts queue fall away: what they would do is done in the story, at its own moment.
    """
    woven, rng = story.woven, random.Random(story.seed)
    scene = Scene(woven, rng, cast, story.now, story.external_id, woven.received_at, stop=story.stop)
    serial = story.serial if in_haste else None
    with transaction.atomic(), in_one_breath(serial=serial), scene.listening():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
        if not in_haste:
            perform(scene)
            return
        features = connection.features
        features.uses_savepoints = False
        try:
            perform(scene)
        finally:
            features.uses_savepoints = True


def _where(failure: Exception) -> str:
    trace, place = failure.__traceback__, ""
    while trace is not None:
        place, trace = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}", trace.tb_next
    return f"{type(failure).__name__} at {place}"


@contextmanager
def _alone() -> Iterator[None]:
    """NotNow unless no other process grows in this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise NotNow(_("演示公司正在另一个进程中生成，请稍后再试"))
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])

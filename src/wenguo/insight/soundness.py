"""Is the whole journal what it was? Asked by a person, answered in the background, and the answer is journalled.

Source: SY-2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _lazy

from wenguo import journal
from wenguo.later import later, task
from wenguo.people.actor import SYSTEM, Actor, permit, record

ASKED = journal.define("journal.check_asked", _lazy("要求校验全部日志"))
CHECKED = journal.define("journal.checked", _lazy("全部日志校验完毕"))

SHOWN = 50  # findings kept with the result


@dataclass(frozen=True)
class Check:
    """The last check of everything. `at` None: asked for at `asked_at` and not finished yet."""

    asked_at: datetime | None
    at: datetime | None
    ok: bool
    streams: int
    events: int
    roots: int
    broken_count: int
    broken: tuple[tuple[str, str], ...]

    @property
    def is_running(self) -> bool:
        return self.asked_at is not None and (self.at is None or self.at < self.asked_at)


@transaction.atomic
def ask(*, by: Actor, at: datetime) -> None:
    """Have a worker check everything. Asked twice, it runs once. NotYours: may not read the journal."""
    permit(by, "journal.see", at)
    record("system", "journal", ASKED, by=by, at=at)
    later("insight.check_journal", unique="insight.check_journal")


@task("insight.check_journal", lock="insight.check_journal")
def check_journal() -> None:
    """Check everything and write down what was found; places by name, no words of anybody."""
    found = journal.verify_all()
    broken = [[where, verdict.why] for where, verdict in list(found.broken.items())[:SHOWN]]
    facts: dict[str, Any] = {
        "ok": found.ok, "streams": found.streams, "events": found.events, "roots": found.roots,
        "broken_count": found.broken_count, "broken": broken,
    }  # fmt: skip
    with transaction.atomic():
        record("system", "journal", CHECKED, by=SYSTEM, at=timezone.now(), data=facts)


def last_check() -> Check | None:
    """What the last check found, or that one is under way; None: nobody ever asked. Two queries."""
    rows = journal.Event.objects.filter(stream__kind="system", stream__ref="journal").order_by("-seq")
    asked = rows.filter(type=ASKED).values_list("at", flat=True).first()
    done = rows.filter(type=CHECKED).values_list("at", "data").first()
    if asked is None and done is None:
        return None
    at, facts = done or (None, {})
    return Check(
        asked_at=asked,
        at=at,
        ok=facts.get("ok", True),
        streams=facts.get("streams", 0),
        events=facts.get("events", 0),
        roots=facts.get("roots", 0),
        broken_count=facts.get("broken_count", 0),
        broken=tuple((where, why) for where, why in facts.get("broken", ())),
    )

"""A pack is drafted by one person and published by another, for the time to come; what is published stays."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from wenguo import journal
from wenguo.errors import Invalid, NotNow, NotYours, Overtaken
from wenguo.people.actor import SYSTEM
from wenguo.policy import loading, versions
from wenguo.policy.versions import PolicyVersion

NOW = datetime(2026, 11, 16, 1, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=10)

pytestmark = pytest.mark.django_db


class Somebody:
    """A member of staff with every permission, or none."""

    def __init__(self, person: Any, allowed: bool = True) -> None:
        self.pk, self.journal_ref, self.allowed = person.pk, f"staff:{person.pk}", allowed

    def may(self, permission: str, at: datetime | None = None) -> bool:
        return self.allowed


@pytest.fixture
def drafter(db: None) -> Somebody:
    from wenguo.people.staff import Person

    return Somebody(Person.objects.create(username="draws", name="起草人"))


@pytest.fixture
def publisher(db: None) -> Somebody:
    from wenguo.people.staff import Person

    return Somebody(Person.objects.create(username="signs", name="发布人"))


@pytest.fixture
def standard(db: None) -> PolicyVersion:
    return versions.install_standard(at=NOW - timedelta(days=400))


def limits(**changes: int) -> dict[str, str]:
    text = (loading.STANDARD / "limits.yaml").read_text()
    for name, value in changes.items():
        line = next(line for line in text.splitlines() if line.strip().startswith(f"{name}:"))
        text = text.replace(line, f"  {name}: {value}")
    return {"limits.yaml": text}


def test_the_first_start_installs_the_standard_pack_once(standard: PolicyVersion) -> None:
    again = versions.install_standard(at=NOW)
    assert again.pk == standard.pk and PolicyVersion.objects.published().count() == 1
    assert versions.in_force(datetime(2020, 1, 1, tzinfo=UTC)).pk == standard.pk
    assert versions.pack(standard.pk) == loading.standard()
    assert versions.digest_of(PolicyVersion.objects.get(pk=standard.pk).content) == standard.digest


def test_a_change_takes_effect_on_its_date_and_not_before(standard, drafter, publisher) -> None:
    new = versions.draft(limits(group_people=4), by=drafter, at=NOW, note="集体投诉口径调整")
    assert versions.in_force(LATER + timedelta(days=1)).pk == standard.pk, "a draft governs nothing"
    versions.publish(new, effective_from=LATER, by=publisher, at=NOW)
    assert versions.in_force(LATER - timedelta(seconds=1)).pk == standard.pk
    assert versions.in_force(LATER).pk == new.pk
    assert versions.in_force(LATER).pack.thresholds.group_people == 4
    assert versions.pack(standard.pk).thresholds.group_people == 3, "yesterday's case keeps yesterday's rule"


def test_both_are_written_in_the_journal(standard, drafter, publisher) -> None:
    new = versions.draft(limits(group_people=4), by=drafter, at=NOW, note="口径调整")
    versions.publish(new, effective_from=LATER, by=publisher, at=NOW)
    events = list(journal.Event.objects.filter(stream__kind="policy", stream__ref="pack").order_by("seq"))[-2:]
    assert [(e.type, e.by) for e in events] == [
        ("policy.drafted", drafter.journal_ref),
        ("policy.published", publisher.journal_ref),
    ]
    assert events[1].data["digest"] == new.digest and events[1].data["number"] == new.number


def test_nobody_publishes_their_own_draft(standard, drafter, publisher) -> None:
    new = versions.draft(limits(group_people=4), by=drafter, at=NOW)
    with pytest.raises(NotYours):
        versions.publish(new, effective_from=LATER, by=drafter, at=NOW)
    new.refresh_from_db()
    assert new.state == "draft"
    versions.publish(new, effective_from=LATER, by=publisher, at=NOW)
    assert new.state == "published" and new.published_by_id == publisher.pk


def test_not_even_past_the_house_rules(standard, drafter) -> None:
    new = versions.draft(limits(group_people=4), by=drafter, at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyVersion.objects.filter(pk=new.pk).update(published_by_id=drafter.pk)


def test_who_may_not_may_not(standard, drafter, publisher) -> None:
    drafter.allowed = False
    with pytest.raises(NotYours):
        versions.draft(limits(group_people=4), by=drafter, at=NOW)
    drafter.allowed, publisher.allowed = True, False
    new = versions.draft(limits(group_people=4), by=drafter, at=NOW)
    with pytest.raises(NotYours):
        versions.publish(new, effective_from=LATER, by=publisher, at=NOW)
    with pytest.raises(NotYours):
        versions.import_notice({"year": 2027, "days": []}, by=publisher, at=NOW)


def test_nothing_takes_effect_in_the_past(standard, drafter, publisher) -> None:
    new = versions.draft(limits(group_people=4), by=drafter, at=NOW)
    with pytest.raises(Invalid) as caught:
        versions.publish(new, effective_from=NOW - timedelta(seconds=1), by=publisher, at=NOW)
    assert "effective_from" in caught.value.fields


def test_a_draft_is_published_once(standard, drafter, publisher) -> None:
    new = versions.draft(limits(group_people=4), by=drafter, at=NOW)
    stale = PolicyVersion.objects.get(pk=new.pk)
    versions.publish(new, effective_from=LATER, by=publisher, at=NOW)
    with pytest.raises((NotNow, Overtaken)):
        versions.publish(stale, effective_from=LATER, by=publisher, at=NOW)
    with pytest.raises(NotNow):
        versions.discard(new, by=drafter, at=NOW)


def test_a_draft_made_before_another_publication_must_be_made_again(standard, drafter, publisher) -> None:
    first = versions.draft(limits(group_people=4), by=drafter, at=NOW)
    second = versions.draft(limits(group_people=5), by=drafter, at=NOW)
    versions.publish(first, effective_from=LATER, by=publisher, at=NOW)
    with pytest.raises(Overtaken):
        versions.publish(second, effective_from=LATER, by=publisher, at=NOW + timedelta(minutes=1))


def test_a_draft_can_be_discarded(standard, drafter, publisher) -> None:
    new = versions.draft(limits(group_people=4), by=drafter, at=NOW)
    versions.discard(new, by=drafter, at=NOW)
    with pytest.raises(NotNow):
        versions.publish(new, effective_from=LATER, by=publisher, at=NOW)


def test_a_bad_file_and_an_unchanged_one_are_refused_and_leave_nothing(standard, drafter) -> None:
    with pytest.raises(loading.PackInvalid, match=r"limits\.yaml 第 \d+ 行"):
        versions.draft(limits(group_people=1), by=drafter, at=NOW)
    with pytest.raises(Invalid, match="完全相同"):
        versions.draft(limits(), by=drafter, at=NOW)
    with pytest.raises(Invalid):
        versions.draft({}, by=drafter, at=NOW)
    assert PolicyVersion.objects.count() == 1


def test_the_database_refuses_to_rewrite_what_is_published(standard) -> None:
    for attempt in (
        lambda: PolicyVersion.objects.filter(pk=standard.pk).update(effective_from=NOW),
        lambda: PolicyVersion.objects.filter(pk=standard.pk).update(content={}),
        lambda: PolicyVersion.objects.filter(pk=standard.pk).delete(),
    ):
        with pytest.raises(DatabaseError, match="never rewritten"), transaction.atomic():
            attempt()


# ── calendars ─────────────────────────────────────────────────────────────────────────────────────────────

NOTICE = {
    "year": 2027,
    "papers": [],
    "days": [
        {"name": "元旦", "date": "2027-01-01", "isOffDay": True},
        {"name": "元旦", "date": "2027-01-02", "isOffDay": True},
        {"name": "元旦", "date": "2027-01-03", "isOffDay": True},
        {"name": "元旦", "date": "2027-01-04", "isOffDay": False},
        {"name": "春节", "date": "2027-02-05", "isOffDay": True},
        {"name": "春节", "date": "2027-02-20", "isOffDay": False},
        {"name": "劳动节", "date": "2027-05-01", "isOffDay": True},
        {"name": "国庆节", "date": "2027-10-01", "isOffDay": True},
    ],
}


def test_calendars_come_from_the_pack(standard) -> None:
    office, shop, hotline = (versions.calendar(code) for code in ("standard", "retail", "hotline"))
    assert office.standard_day_minutes == 450 and office.title == "客服中心"
    assert not office.is_working_day(date(2026, 10, 1)) and shop.is_working_day(date(2026, 10, 1))
    assert office.is_working_day(date(2026, 10, 10)), "a Saturday worked for the National Day"
    assert hotline.add(NOW, 30) == NOW + timedelta(minutes=30)
    assert versions.calendar("standard") is office, "kept in memory"


def test_a_notice_changes_the_calendar_at_once(standard, publisher) -> None:
    assert 2027 not in versions.known_years()
    before = versions.calendar("standard")
    preview = versions.import_notice(NOTICE, by=publisher, at=NOW, check_only=True)
    assert any("2027-02-20" in line for line in preview.changes)
    assert not before.is_working_day(date(2027, 2, 20)) and versions.Holiday.objects.count() == 0
    done = versions.import_notice(json.dumps(NOTICE), by=publisher, at=NOW, source="国务院办公厅通知")
    assert (done.year, done.days) == (2027, 8)
    assert versions.calendar("standard").is_working_day(date(2027, 2, 20))
    assert not versions.calendar("standard").is_working_day(date(2027, 2, 5))
    assert 2027 in versions.known_years()
    event = journal.Event.objects.filter(type="calendar.notice_imported").latest("id")
    assert event.data["year"] == 2027 and len(event.data["days"]) == 8


def test_a_corrected_notice_replaces_the_first(standard, publisher) -> None:
    versions.import_notice(NOTICE, by=publisher, at=NOW)
    corrected = {**NOTICE, "days": [d for d in NOTICE["days"] if d["date"] != "2027-02-20"]}
    versions.import_notice(corrected, by=publisher, at=NOW)
    assert versions.Holiday.objects.count() == 7
    assert not versions.calendar("standard").is_working_day(date(2027, 2, 20))


def test_a_bad_notice_changes_nothing(standard, publisher) -> None:
    versions.import_notice(NOTICE, by=publisher, at=NOW)
    with pytest.raises(Invalid):
        versions.import_notice(b"\x89PNG\r\n\x1a\n", by=publisher, at=NOW)
    assert versions.Holiday.objects.count() == 8


def test_an_unknown_year_is_announced(standard, publisher) -> None:
    summer, november = datetime(2026, 7, 1, tzinfo=UTC), NOW
    assert versions.calendar_warnings(summer) == []
    (warning,) = versions.calendar_warnings(november)
    assert warning.year == 2027 and not warning.grave and "2027" in warning.message
    assert versions.calendar_warnings(datetime(2027, 3, 1, tzinfo=UTC))[0].grave
    versions.import_notice(NOTICE, by=publisher, at=NOW)
    assert versions.calendar_warnings(november) == []


def test_a_calendar_that_was_taken_away_still_serves_old_promises(standard, drafter, publisher) -> None:
    raw = loading.standard().model_dump(mode="json")
    calendars = [c for c in raw["calendars"] if c["code"] != "retail"]
    new = versions.draft({"c.yaml": json.dumps({"calendars": calendars})}, by=drafter, at=NOW)
    versions.publish(new, effective_from=NOW, by=publisher, at=NOW)
    assert versions.calendar("retail", version_id=new.pk).title.startswith("门店")


def test_looking_up_costs_one_query_and_then_none(standard, django_assert_num_queries) -> None:
    versions.calendar("standard")
    versions.forget()
    with django_assert_num_queries(1):
        versions.calendar("standard")
        versions.calendar("standard")
        versions.calendar("standard")
    with django_assert_num_queries(0):
        assert versions.in_force(NOW).pack.levels


def test_the_system_does_not_sign_its_own_draft(standard) -> None:
    new = versions.draft(limits(group_people=4), by=SYSTEM, at=NOW)
    with pytest.raises(NotYours):
        versions.publish(new, effective_from=LATER, by=SYSTEM, at=NOW)

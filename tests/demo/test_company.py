"""The demonstration company: founded quickly, grown by real acts, nothing twice, nothing tomorrow."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import authenticate
from django.db import connection, transaction

from wenguo import journal
from wenguo.cases.case import PROJECTED, Case, fold, plain
from wenguo.cases.clock import Clock, Firing
from wenguo.cases.group import Group, Member
from wenguo.cases.intake import Complaint, Submission, receive
from wenguo.cases.lifecycle import Stage
from wenguo.cases.number import next_number
from wenguo.cases.payment import Payment
from wenguo.channels.outbox import Delivery, State
from wenguo.customers.customer import Customer
from wenguo.demo import company, deciding, growth, words
from wenguo.demo.cast import Cast
from wenguo.demo.corpus import Woven, load, planted, year
from wenguo.demo.crew import Story
from wenguo.demo.desks import SCENES, wanted
from wenguo.errors import NotNow
from wenguo.insight.span import period, span_of
from wenguo.insight.volume import volume
from wenguo.people.deputies import Deputy
from wenguo.people.staff import Person, Post
from wenguo.people.units import Unit

pytestmark = pytest.mark.django_db  # what one test grows is gone before the next
NOW = datetime(2026, 11, 20, 7, 30, tzinfo=UTC)  # a Friday afternoon in Beijing
LOCAL = ZoneInfo("Asia/Shanghai")
SIZE = 39  # two thirds of them stand still at the desks


class Killed(BaseException):
    """As if somebody had pulled the plug."""


@pytest.fixture(scope="module")
def founded(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The demonstration company in a database that held nobody, taken back at the end of the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        Post.objects.all().delete()
        Person.objects.all().delete()
        for unit in Unit.objects.order_by("-path"):
            unit.delete()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")  # what tests before us queued and nobody worked off
        company.build(NOW)
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def grown(founded: None) -> list[Case]:
    assert growth.grow(SIZE, now=NOW, strict=True) == SIZE
    return list(Case.objects.select_related("record", "customer"))


@pytest.fixture(scope="module")
def a_year() -> list[Woven]:
    return year(2000, NOW)


# Founded


def test_the_company_has_everybody_of_the_corpus(founded: None) -> None:
    told = load().company
    assert Unit.objects.count() == len(told.units) and Unit.objects.filter(kind="branch").count() == 3
    assert Person.objects.count() == len(told.staff) >= 40
    held = set(Post.objects.values_list("role__code", flat=True))
    assert held == {post.role for one in told.staff for post in one.posts} and len(held) == 13
    assert Deputy.objects.active(NOW).get().deputy.username == "xuemei"


def test_every_demo_account_signs_in_and_is_told_what_to_try(founded: None) -> None:
    accounts = company.accounts()
    assert len({account["title"] for account in accounts}) == len(accounts) == 13
    assert all(account["try_this"] and account["name"] for account in accounts)
    for account in (accounts[0], accounts[-1]):
        assert authenticate(None, username=account["username"], password=account["password"]) is not None


def test_it_is_founded_once_and_only_where_nobody_is(founded: None) -> None:
    assert company.is_built()
    with pytest.raises(NotNow):
        company.build(NOW)


def test_the_desks_a_visitor_is_sent_to_have_their_story() -> None:
    stories = wanted(NOW, 1)
    assert [one.stop for one in stories] == [scene[4] for scene in SCENES]
    assert all(NOW - timedelta(days=24) < one.woven.received_at < NOW for one in stories)
    assert len({one.woven.customer.phone for one in stories}) == len(stories)


# Grown


@pytest.mark.slow
def test_what_is_said_fits_the_case_and_its_stage(grown: list[Case]) -> None:
    for case in grown:
        signing = offered = False
        titles = set()
        for event in journal.Event.objects.filter(stream_id=case.stream_id).order_by("seq"):
            signing = event.type == "approval.asked" or (
                signing and event.type not in {"option.proposed", "measure.added"}
            )
            offered = event.type == "option.proposed" or (offered and event.type != "option.answered")
            said = "\n".join(str(words) for words in (event.private or {}).values())
            titles |= set(re.findall(rf"{case.record.contact_name[:1]}(女士|先生|老师)[，,]", said))
            if event.type in {"message.sent", "message.called"}:
                assert "正在审批" not in said or signing, f"{case.number} {event.seq}: {said}"
                assert "请看过以后答复" not in said or offered, f"{case.number} {event.seq}: {said}"
                assert "检测" not in said or case.category.startswith(("product.", "aftersales.")), said
            if event.type == "option.drafted":
                assert not re.search("不同意|不满意|不接受", said), f"{case.number}: {said}"
        assert len(titles) <= 1, f"{case.number}: {titles}"


@pytest.mark.slow
def test_every_journal_verifies_and_tells_every_column(grown: list[Case]) -> None:
    for case in grown:
        assert journal.verify(case.stream_id).ok
        columns = fold(case)
        assert columns.keys() == PROJECTED
        assert {name: plain(getattr(case, name)) for name in PROJECTED} == columns, case.number


@pytest.mark.slow
def test_nothing_happens_after_now_or_out_of_order(grown: list[Case]) -> None:
    for case in grown:
        told = list(journal.Event.objects.filter(stream_id=case.stream_id).order_by("seq").values_list("at", "type"))
        assert told[-1][0] <= NOW
        for (before, first), (after, second) in pairwise(told):
            assert before <= after, f"{case.number}: {second} at {after} after {first} at {before}"
    assert not journal.Event.objects.filter(stream__kind="customer", at__gt=NOW).exists()
    assert not Customer.objects.filter(created_at__gt=NOW).exists()


@pytest.mark.slow
def test_staff_act_while_they_are_at_work(grown: list[Case]) -> None:
    acts = journal.Event.objects.filter(stream__kind="case", by__startswith="staff:")
    late = acts.exclude(type__in=["case.received", "clock.started", "evidence.added"])  # the hotline hears until 23:00
    hours = Counter((type, at.astimezone(LOCAL).hour) for at, type in late.values_list("at", "type"))
    assert [one for one in hours if not 8 <= one[1] <= 21] == []


@pytest.mark.slow
def test_clocks_fired_at_their_own_moments(grown: list[Case]) -> None:
    assert Firing.objects.exists()
    assert not Clock.objects.filter(next_fire_at__lte=NOW).exists()
    anew = set(journal.Event.objects.filter(type="clock.rederived").values_list("data__clock", flat=True))
    breaches = [f for f in Firing.objects.filter(percent=100) if f.clock_id not in anew]
    assert breaches and all(f.fired_at == f.due_at for f in breaches)


@pytest.mark.slow
def test_nothing_is_left_for_the_worker_to_mail(grown: list[Case]) -> None:
    assert not Delivery.objects.exclude(state=State.SENT).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
        assert cursor.fetchone()[0] == 0


@pytest.mark.slow
def test_money_was_paid_by_a_third_person(grown: list[Case]) -> None:
    for payment in Payment.objects.all():
        assert len({payment.proposed_by_id, payment.approved_by_id, payment.paid_by_id}) == 3


@pytest.mark.slow
def test_the_desks_stand_where_they_should(grown: list[Case]) -> None:
    places = {
        "received": "received", "class": "triage", "triage": "triage", "handover": "investigation",
        "misrouted": "investigation", "investigation": "investigation", "waiting": "investigation",
        "report": "investigation", "approval": "resolution", "consent": "resolution", "execution": "execution",
        "review": "reply", "reply": "reply", "followup": "followup", "closed": "closed",
    }  # fmt: skip
    for place, one in enumerate(wanted(NOW, growth.SEED), SIZE - len(SCENES)):
        submission = Submission.objects.get(external_id=f"{growth.PREFIX}1-{place}")
        if one.stop == "tray":
            assert submission.case is None and submission.state == "unsorted" and submission.why
        else:
            assert submission.case is not None and submission.case.stage == places[one.stop], one.woven.scenario


def test_numbers_rise_with_time(grown: list[Case]) -> None:
    told = sorted((case.received_at, case.number) for case in grown if case.number.startswith("TS-2611"))
    assert len(told) > 10 and [number for _at, number in told] == sorted(number for _at, number in told)
    latest = Case.objects.filter(number__startswith="TS-2611").order_by("-number").values_list("number", flat=True)[0]
    assert next_number(NOW) > latest


@pytest.mark.slow
def test_the_greatest_group_is_decided_to_be_one_and_the_smallest_to_be_none(grown: list[Case]) -> None:
    going = [case for case in grown if case.is_open and case.customer_id]
    supervisor = Person.objects.get(username="xuemei")
    seen = list(Case.objects.filter(pk__in=[c.pk for c in going]).visible_to(supervisor, NOW).order_by("received_at"))
    few, many, mixed = seen[:3], seen[3:7], seen[7:12]

    def suggested(cases: list[Case]) -> Group:
        group = Group.objects.create(matter=cases[0].pk, people=len(cases), made_at=NOW, newest_at=NOW)
        for case in cases:
            Member.objects.create(group=group, case=case, at=NOW)
        return group

    def states() -> list[str]:
        return [Group.objects.get(pk=group.pk).state for group in groups]

    groups = [suggested(many), suggested(mixed)]
    told = {case.pk: "points" for case in many} | {case.pk: "colour" for case in few}
    told |= {case.pk: f"something else {n}" for n, case in enumerate(mixed)}
    deciding.decide(told, Cast(), at=NOW)
    assert states() == ["suggested", "suggested"], "of one alone nobody can show both"
    groups.append(suggested(few))
    for _twice in range(2):
        deciding.decide(told, Cast(), at=NOW)
        assert states() == ["confirmed", "suggested", "dismissed"]
    assert Group.objects.get(pk=groups[0].pk).lead == many[0]
    for case in Case.objects.filter(pk__in=[case.pk for case in many]):
        assert {"group", "major"} <= set(case.flags), "four people: a major complaint, as the policy says"
    assert Group.objects.get(pk=groups[2].pk).reason == deciding.WHY_NOT


def test_killed_in_the_middle_it_goes_on_without_doubles(founded: None, grown: list[Case]) -> None:
    seen: list[tuple[int, int]] = []

    def watch(done: int, total: int, words: str) -> None:
        seen.append((done, total))
        if done == 3:
            raise Killed

    before, customers = growth.cases_so_far(), Customer.objects.count()
    with pytest.raises(Killed):
        growth.grow(7, watch, now=NOW, strict=True)
    assert growth.cases_so_far() == before + 3
    assert growth.grow(4, now=NOW + timedelta(hours=1), strict=True) == 4
    assert growth.cases_so_far() == before + 7
    assert journal.Event.objects.filter(stream__kind="demo", type="demo.begun").count() == 2
    ids = list(Submission.objects.filter(external_id__startswith=growth.PREFIX).values_list("external_id", flat=True))
    assert len(ids) == len(set(ids)) and Case.objects.count() <= len(ids)
    assert Customer.objects.count() > customers


@pytest.mark.slow
def test_a_small_company_has_work_at_every_stage(grown: list[Case]) -> None:
    assert {case.stage for case in grown} == set(Stage.values)
    assert Clock.objects.filter(state="met").count() > 5 * Firing.objects.filter(percent=100).count()
    late = [case for case in grown if case.is_open and case.next_due_at and case.next_due_at < NOW]
    assert 0 < len(late) < 0.5 * sum(case.is_open for case in grown)


@pytest.mark.slow
def test_every_ending_is_reached(founded: None, a_year: list[Woven]) -> None:
    cast, ends = Cast(), {}
    for ending in ("refused", "withdrawn", "consultation", "praise", "reassessed", "reopened"):
        old = (w for w in a_year if w.ending == ending and w.received_at < NOW - timedelta(days=90))
        story = Story(f"end-{ending}", next(old), "", ending, NOW)
        assert growth.act_out(story, cast, strict=True)
        case = Submission.objects.get(external_id=story.external_id).case
        assert case is not None and case.stage == "archived", ending
        ends[ending] = case
    assert ends["refused"].outcome == "refused" and ends["withdrawn"].outcome == "withdrawn"
    assert ends["consultation"].nature == "consultation" and ends["praise"].nature == "praise"
    assert events_of(ends["reassessed"], "case.reassessed").exists() and ends["reopened"].round == 2


@pytest.mark.slow
def test_who_praised_is_not_unhappy_afterwards(
    founded: None, a_year: list[Woven], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wenguo.demo.ending.UNHAPPY_RATES", 1.0)
    old = next(w for w in a_year if w.ending == "praise" and w.received_at < NOW - timedelta(days=90))
    woven = replace(old, survey=replace(old.survey, csat=1))
    assert growth.act_out(Story("glad", woven, "", "glad", NOW), Cast(), strict=True)
    case = Submission.objects.get(external_id="glad").case
    assert case is not None and case.nature == "praise" and "reassessed" not in case.flags
    assert not events_of(case, "case.reassessed").exists()


@pytest.mark.slow
def test_who_comes_again_while_the_case_is_open_is_heard_in_it(
    founded: None, a_year: list[Woven], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wenguo.demo.opening.COMES_AGAIN", 1.0)
    one = next(w for w in a_year if w.ending == "normal" and w.level == 3 and not w.planted)
    assert growth.act_out(Story("twice", one, "", "twice", NOW), Cast(), strict=True)
    case = Submission.objects.get(external_id="twice").case
    again = Submission.objects.get(external_id="again-twice")
    assert again.case == case and again.state == "joined" and "repeat" in case.flags


def test_a_story_goes_the_same_way_each_time(founded: None) -> None:
    """Whichever process acts it out, and after whatever others."""
    (one,) = year(1, NOW, seed=11)
    ways = []
    for _again in range(2):
        with transaction.atomic():
            assert growth.act_out(Story("way-1", one, "", "seed", NOW, 9000), Cast(), strict=True)
            case = Submission.objects.get(external_id="way-1").case
            assert case is not None
            told = events_of(case).values_list("type", "at", "by")
            ways.append((case.number, [(type, at, by if "staff" in by else by[:8]) for type, at, by in told]))
            transaction.set_rollback(True)
    assert ways[0] == ways[1] and len(ways[0][1]) > 5


# The stories hidden in the year


@pytest.fixture(scope="module")
def hidden(founded: None) -> dict[str, list[Case]]:
    """One or two of each, acted out; by the name of the story, in order of time."""
    wanted_of = {"late": 1, "regulator": 2, "vip": 1, "migration": 2, "professional": 2, "group": 2, "bad_batch": 1}
    told, cast = [one for one in year(150, NOW) if one.planted], Cast()
    chosen = [one for one in told if [o for o in told if o.planted == one.planted].index(one) < wanted_of[one.planted]]
    cases: dict[str, list[Case]] = {}
    for place, one in enumerate(sorted(chosen, key=lambda one: one.received_at)):
        assert one.planted is not None
        assert growth.act_out(Story(f"hidden-{place}", one, "", f"seed-{place}", NOW), cast, strict=True)
        case = Submission.objects.get(external_id=f"hidden-{place}").case
        assert case is not None
        cases.setdefault(one.planted, []).append(case)
    return cases


def told_of(case: Case, *types: str) -> list[dict[str, Any]]:
    return [event.private or {} for event in events_of(case, *types)]


def events_of(case: Case, *types: str) -> Any:
    told = journal.Event.objects.filter(stream_id=case.stream_id).order_by("seq")
    return told.filter(type__in=types) if types else told


@pytest.mark.slow
def test_the_authority_asks_about_a_complaint_that_was_answered_late(hidden: dict[str, list[Case]]) -> None:
    (earlier,) = hidden["late"]
    letter = next(case for case in hidden["regulator"] if case.customer_id == earlier.customer_id)
    assert letter.received_at > earlier.received_at and letter.channel == "regulator"
    statutory = letter.clocks.get(kind="statutory")
    assert not statutory.pausable and statutory.due_at > letter.received_at
    assert earlier.clocks.filter(kind="solve", firings__percent=100).exists()
    assert any(earlier.number in str(note) for note in told_of(letter, "case.noted"))


@pytest.mark.slow
def test_a_valued_customer_is_sent_to_and_fro_until_a_supervisor_steps_in(hidden: dict[str, list[Case]]) -> None:
    (case,) = hidden["vip"]
    assert "vip" in case.flags and case.handovers.filter(returned_at__isnull=False).count() == 2
    assert case.supervisions.exists() and not case.is_open


@pytest.mark.slow
def test_after_the_failed_weekend_all_are_told_the_same(hidden: dict[str, list[Case]]) -> None:
    monday = planted(NOW).migration + timedelta(days=2)
    for case in hidden["migration"]:
        (letter,) = [event for event in events_of(case, "message.sent") if "统一说明" in str(event.private)]
        assert letter.at.astimezone(LOCAL).date() == monday and case.number in letter.private["body"]


@pytest.mark.slow
def test_one_claimant_comes_again_and_is_never_paid_what_he_asks(hidden: dict[str, list[Case]]) -> None:
    claims = hidden["professional"]
    assert len({case.customer_id for case in claims}) == 1
    for case in claims:
        assert case.record.claim_fen
        assert not Payment.objects.filter(option__case=case, measure__kind="compensation").exists()


@pytest.mark.slow
def test_the_office_sees_that_the_courier_was_changed(founded: None, a_year: list[Woven]) -> None:
    """As the overview counts it: the complaints received in a stretch before the change and one after."""
    story, category = planted(NOW), "service.slow"
    for place, one in enumerate(w for w in a_year if w.category == category):
        complaint = Complaint(
            channel="web", text=one.text, category=category, phone=one.customer.phone, external_id=f"slow-{place}"
        )
        receive(complaint, at=one.received_at)
    since = story.measure_worked[1]
    boss = Person.objects.get(username="gaoyuan").as_of(NOW)

    def counted(first: date, last: date) -> int:
        found = volume(span_of(boss, period("custom", NOW, first, last), NOW))
        return next((part.n for part in found.by_category if part.key == category), 0)

    length = timedelta(days=90)
    before, after = counted(since - length, since - timedelta(days=1)), counted(since, since + length)
    assert before > 25 and after < 0.6 * before


def test_where_no_sentence_fits_the_story_is_told_all_the_same():
    assert words.pick(random.Random(1), "requests", next(iter(words.pools()["requests"])), fits=lambda _text: False)

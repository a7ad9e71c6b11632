"""One complaint tells of several matters: each goes on as a case of its own, and nothing is said twice or lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from wenguo.cases import acceptance, evidence, forgetting, triage
from wenguo.cases import split as splitting
from wenguo.cases.case import PROJECTED, Case, fold, plain
from wenguo.cases.notice import Notice
from wenguo.cases.split import Part, split
from wenguo.channels.outbox import Delivery
from wenguo.errors import Invalid, NotNow, NotYours, Overtaken
from wenguo.journal import Event
from wenguo.text.matters import matters, sentences

TWO = (
    "我11月3日在你们店买了一台净化器。用了三天就不出风了,怎么按都没反应。"
    "打电话给客服,那个女的态度特别恶劣,还骂我是乡巴佬。要求换一台新的,并且当面道歉。"
)
FAN, RUDE = "product.function", "service.attitude"


@pytest.fixture
def told_twice(desk):
    case = desk.receives(TWO, mail="wang@example.com", order_number="DD20261101", order_fen=199_900)
    stored = evidence.store("照片.txt", iter(["出风口".encode()]))
    evidence.attach(case, stored, by=desk.agent, at=desk.now, note="出风口", public=True)
    acceptance.accept(case, by=desk.agent, at=desk.wait(hours=1))
    return case


PARTS = (Part(FAN, (0, 1, 3)), Part(RUDE, (0, 2, 3)))


def test_the_sentences_show_which_matter_they_speak_of():
    found = matters(TWO)
    assert [TWO[a:b] for a, b in found.sentences] == [f"{s}。" for s in TWO.split("。") if s]
    assert found.codes == (FAN, RUDE)
    assert found.of == ("", FAN, RUDE, "")  # where it began and what is asked for belong to both


@pytest.mark.parametrize("text", ["", "。", "啊", "好" * 30_000, "!!!???", "屏幕碎了", "a. b. c.\n\n\n", "😡😡😡"])
def test_no_text_is_cut_so_that_something_is_lost(text):
    assert "".join(text[a:b] for a, b in sentences(text)) == text
    assert len(matters(text).codes) < 2


def test_each_matter_has_its_number_and_promises_from_the_first_receipt(desk, told_twice):
    received = told_twice.received_at
    (new,) = split(told_twice, PARTS, by=desk.agent, at=desk.wait(hours=2))
    assert new.number != told_twice.number and new.split_from == told_twice
    assert told_twice.subject.startswith("用了三天就不出风") and new.subject.startswith("打电话给客服")
    assert (told_twice.category, new.category) == (FAN, RUDE)
    assert new.received_at == received and new.stage == "triage" and new.owner_id == desk.agent.pk
    assert new.customer_id == told_twice.customer_id and new.record.order_number == "DD20261101"
    assert {c.kind for c in new.clocks.all()} == {"respond", "solve"}
    assert all(c.started_at == received for c in new.clocks.all())
    assert "乡巴佬" not in told_twice.record.description and "不出风" not in new.record.description
    assert all(part.record.description.endswith("当面道歉。") for part in (told_twice, new))
    assert list(splitting.family(told_twice)) == [new] and list(splitting.family(new)) == [told_twice]
    for case in (told_twice, Case.objects.get(pk=new.pk)):
        assert fold(case) == {name: plain(getattr(case, name)) for name in PROJECTED}


def test_the_whole_story_stays_in_the_journal_and_the_customer_is_told_once(desk, told_twice):
    (new,) = split(told_twice, PARTS, by=desk.agent, at=desk.wait(hours=2))
    first = Event.objects.get(stream_id=told_twice.stream_id, type="case.received")
    assert first.private["text"] == TWO
    sent = Event.objects.filter(type="message.sent", because="split")
    assert [e.stream_id for e in sent] == [told_twice.stream_id]
    body = sent[0].private["body"]
    assert told_twice.number in body and new.number in body and "/t/" in body
    assert Delivery.objects.filter(event=sent[0], to="wang@example.com").count() == 1
    assert not new.clocks.filter(kind="acknowledge").exists()
    assert "case.acknowledged" not in desk.timeline(new)


def test_the_evidence_is_the_same_file_and_goes_with_the_last_case(desk, told_twice):
    from django.core.files.storage import default_storage

    (new,) = split(told_twice, PARTS, by=desk.agent, at=desk.wait(hours=2))
    one, same = told_twice.evidence.get(), new.evidence.get()
    assert (one.key, one.sha256, one.added_at, one.note) == (same.key, same.sha256, same.added_at, same.note)
    forgetting._forget(new, by="system", at=desk.now)
    assert default_storage.exists(one.key) and evidence.is_intact(one)
    forgetting._forget(told_twice, by="system", at=desk.now)
    assert not default_storage.exists(one.key)


def test_pressed_twice_it_is_split_once(desk, told_twice):
    other = Case.objects.select_related("record", "customer").get(pk=told_twice.pk)
    news = split(told_twice, PARTS, by=desk.agent, at=desk.wait(hours=2))
    again = Case.objects.get(pk=told_twice.pk)
    assert split(again, PARTS, by=desk.agent, at=desk.now) == news
    with pytest.raises((Overtaken, Invalid)):  # somebody else cut it otherwise, from a page that is out of date
        split(other, [Part(FAN, (0, 1)), Part(RUDE, (2, 3))], by=desk.other_agent, at=desk.now)
    assert Case.objects.filter(split_from=told_twice).count() == 1
    assert Event.objects.filter(type="message.sent", because="split").count() == 1


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([Part(FAN, (0, 1, 2, 3))], "parts"),
        ([Part(FAN, (0, 1)), Part(RUDE, (2,))], "parts"),  # the wish belongs to nobody
        ([Part(FAN, (0, 1, 2, 3)), Part(RUDE, ())], "part-2"),
        ([Part(FAN, (0, 1, 3)), Part(RUDE, (2, 99))], "part-2"),
        ([Part(FAN, (0, 1, 3)), Part("nonsense", (2,))], "category-2"),
        ([Part(FAN, (0, 1, 2, 3)), Part(FAN, (0, 1, 2, 3))], "parts"),
        ([Part(FAN, (0, 1, 3), level=1), Part(RUDE, (2,))], "level-1"),
        ([Part(FAN, (0, 1, 3)), Part(RUDE, (2,), level=9)], "level-2"),
        ([Part(FAN, (0, 1, 2, 3)), *(Part(RUDE, (i,)) for i in range(4)), Part(RUDE, (0, 1))], "parts"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field_named_and_leaves_nothing(desk, told_twice, parts, field):
    with pytest.raises(Invalid) as refused:
        split(told_twice, parts, by=desk.agent, at=desk.wait(hours=2))
    assert field in refused.value.fields
    assert Case.objects.count() == 1 and Case.objects.get().record.description == TWO


def test_past_triage_or_with_money_on_it_it_stays_whole(desk, remedy, told_twice):
    with pytest.raises(NotYours):
        split(told_twice, PARTS, by=desk.legal, at=desk.now)
    triage.classify(told_twice, FAN, by=desk.agent, at=desk.now)
    triage.grade(told_twice, 3, "核对后定级", by=desk.supervisor, at=desk.now)
    triage.assign(told_twice, told_twice.intake_unit, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow, match="调查中"):
        split(told_twice, PARTS, by=desk.agent, at=desk.now)
    remedy._concluded(told_twice)
    remedy.signed(remedy.drafts(told_twice))
    told_twice.refresh_from_db()
    triage.back_to_triage(told_twice, "还有一件事", by=desk.supervisor, at=desk.now)
    with pytest.raises(NotNow, match="补偿"):
        split(told_twice, PARTS, by=desk.agent, at=desk.now)


def test_a_legal_date_holds_for_every_part_and_grave_words_stay_with_their_matter(desk, told_twice):
    from wenguo.cases import clock

    until = told_twice.received_at + timedelta(days=7)
    clock.set_deadline(told_twice, until=until, title="市场监管局来函", by=desk.supervisor, at=desk.now)
    (new,) = split(told_twice, [PARTS[0], Part(RUDE, (0, 2, 3), "客服骂人", 2)], by=desk.agent, at=desk.now)
    assert new.level == 2 and new.subject == "客服骂人"
    assert new.clocks.get(kind="statutory").due_at == until
    assert fold(Case.objects.get(pk=new.pk))["level"] == 2


def test_split_wrongly_the_part_is_merged_back(desk, told_twice):
    (new,) = split(told_twice, PARTS, by=desk.agent, at=desk.wait(hours=2))
    acceptance.merge(new, told_twice, "其实是一件事", by=desk.senior, at=desk.now)
    assert new.outcome == "merged" and new.merged_into == told_twice
    told_twice.refresh_from_db()
    assert told_twice.repeats == 1


def test_the_owner_hears_of_it_when_a_colleague_split(desk, told_twice):
    (new,) = split(told_twice, PARTS, by=desk.supervisor, at=desk.wait(hours=2))
    told = Notice.objects.get(kind="case.split")
    assert told.person == desk.agent and new.number in str(told.names)

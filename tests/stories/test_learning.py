"""What people decide teaches the next night's model; a person puts it in force, and takes it back."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Any

import numpy as np
import pytest

from wenguo import journal
from wenguo.cases import acceptance, learning, model, reading, triage
from wenguo.cases.case import Case, Record
from wenguo.cases.model import ModelVersion
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people.actor import SYSTEM
from wenguo.text import category, teach
from wenguo.text.evaluation import Evaluation, compare

MATTER = "光合灯带的配对口令总是失效,小程序提示重新授权。"
SIMILAR = "家里光合灯带配对口令又失效了,还要重新授权,烦。"
WHAT_IT_IS_HERE = "security.account"


WRITTEN = list(category.written())


@pytest.fixture(autouse=True)
def fresh_model(monkeypatch):
    """The versions of another test were rolled back. Few shipped texts teach beside the own cases: quicker."""
    model.forget()
    category.built()  # with all of them, before some are hidden
    few = category.examples()[::20]
    monkeypatch.setattr(category, "examples", lambda: few)
    monkeypatch.setattr(teach, "FOLDS", 2)
    yield
    model.forget()
    model._loaded.cache_clear()


def decided_long_ago(desk: Any, n: int) -> list[Case]:
    """`n` cases beyond triage, with texts of many kinds."""
    first = desk.receives("门铃装上就不响。")
    texts = [(one.text, one.code) for one in WRITTEN if one.code != category.OTHER]
    chosen = list(islice(cycle(texts[:: max(1, len(texts) // n)]), n))
    streams = [type(first.stream)(kind="case", ref=f"TS-2501-8{k:04d}-0", seq=0) for k in range(n)]
    cases = []
    for stream, (_text, code) in zip(type(first.stream).objects.bulk_create(streams), chosen, strict=True):
        case = Case.objects.get(pk=first.pk) if not cases else Case(**_columns(cases[0]))
        case.pk, case.number, case.stream, case.category, case.stage = None, stream.ref, stream, code, "followup"
        cases.append(case)
    made = Case.objects.bulk_create(cases)
    records = [
        Record(case=case, description=f"{text}(第{k}位)")
        for k, (case, (text, _)) in enumerate(zip(made, chosen, strict=True))
    ]
    Record.objects.bulk_create(records)
    return made


def _columns(case: Case) -> dict[str, Any]:
    return {
        f.attname: getattr(case, f.attname) for f in Case._meta.concrete_fields if f.attname not in {"id", "search"}
    }


def first_guess(text: str) -> str:
    best = category.judge(text, model.in_force().model).best
    return best.code if best else ""


def test_a_correction_changes_the_next_nights_model(desk):
    decided_long_ago(desk, 260)
    before = first_guess(SIMILAR)
    assert before != WHAT_IT_IS_HERE

    # It arrives, is read, and the person says what it is here.
    assert not learning.held_out(MATTER)
    case = desk.receives(MATTER)
    read = reading.read(case.pk, at=desk.now)
    assert read is not None and read.category != WHAT_IT_IS_HERE and not read.by_model.startswith("own-")
    acceptance.accept(case, by=desk.agent, at=desk.wait(minutes=5))
    triage.classify(case, WHAT_IT_IS_HERE, by=desk.agent, at=desk.wait(minutes=1))

    night = desk.wait(hours=17)
    assert learning.has_news(night)
    candidate = learning.train(by=SYSTEM, at=night)
    assert candidate.state == "candidate" and candidate.corrections == 1
    assert candidate.held_out + candidate.examples == 261
    assert first_guess(SIMILAR) == before  # nothing changes before a person decides
    assert not learning.has_news(desk.wait(minutes=1))

    with pytest.raises(NotYours):
        model.promote(candidate, by=desk.supervisor, at=desk.now)
    model.promote(candidate, by=desk.admin, at=desk.wait(hours=6))
    assert first_guess(SIMILAR) == WHAT_IT_IS_HERE
    next_case = desk.receives(SIMILAR, phone="13900007777", name="赵六")
    assert reading.read(next_case.pk, at=desk.now).by_model == "own-1"  # type: ignore[union-attr]

    # Back to what came with the program, with a reason.
    with pytest.raises(Invalid):
        model.roll_back(None, " ", by=desk.admin, at=desk.now)
    model.roll_back(None, "误判太多", by=desk.admin, at=desk.now)
    assert first_guess(SIMILAR) == before
    candidate.refresh_from_db()
    assert candidate.state == "retired"
    model.roll_back(candidate, "还是新的好", by=desk.admin, at=desk.now)
    assert first_guess(SIMILAR) == WHAT_IT_IS_HERE
    events = journal.Event.objects.filter(stream__kind="model").order_by("seq")
    assert list(events.values_list("type", "by")) == [
        ("model.taught", "system"), ("model.promoted", desk.admin.journal_ref),
        ("model.rolled_back", desk.admin.journal_ref), ("model.rolled_back", desk.admin.journal_ref),
    ]  # fmt: skip


def test_what_is_measured_was_never_taught_and_both_models_see_the_same(desk):
    decided_long_ago(desk, 260)
    cases = learning.collect()
    measuring = [one for one in cases if one.held_out]
    assert 25 < len(measuring) < 90
    made = learning.train(by=SYSTEM, at=desk.now)
    own, before = Evaluation.of(made.evaluation["own"]), Evaluation.of(made.evaluation["before"])
    assert own.texts == before.texts == made.held_out == len(measuring)
    mixed = sum(n for _truth, _said, n in own.confusion)
    assert own.accuracy == pytest.approx(1 - mixed / own.texts)
    assert sum(b.texts for b in own.bins) == sum(c.texts for c in own.by_class) == own.texts
    gained = made.evaluation["only_own"] - made.evaluation["only_before"]
    assert (own.accuracy - before.accuracy) * own.texts == pytest.approx(gained)


def test_personal_data_is_covered_before_anything_is_taught(desk):
    case = desk.triages(desk.receives("师傅让我加他手机13912345678,身份证110101199003078515也要登记。"))
    text = next(one.text for one in learning.collect())
    assert case.category and "13912345678" not in text and "110101199003078515" not in text


def test_nothing_decided_and_too_little_are_said(desk):
    with pytest.raises(NotNow, match="还没有人工定类"):
        learning.train(by=SYSTEM, at=desk.now)
    decided_long_ago(desk, 12)
    with pytest.raises(NotNow, match="有 12 件，至少要 200 件"):
        learning.train(by=SYSTEM, at=desk.now)
    assert not ModelVersion.objects.exists()


def test_a_newer_candidate_supersedes_the_older_whose_bytes_go(desk, monkeypatch):
    decided_long_ago(desk, 220)
    monkeypatch.setattr(
        learning, "teach", lambda cases, note, progress: category.built()
    )  # what it learned is not the matter
    old = learning.train(by=SYSTEM, at=desk.now)
    new = learning.train(by=SYSTEM, at=desk.wait(days=1))
    old.refresh_from_db()
    assert (old.state, bytes(old.content), new.number) == ("superseded", b"", 2)
    with pytest.raises(NotNow):
        model.promote(old, by=desk.admin, at=desk.now)


def test_killed_in_the_middle_nothing_is_kept(desk, monkeypatch):
    decided_long_ago(desk, 220)

    def stopped(*_args: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(learning, "teach", lambda cases, note, progress: category.built())
    monkeypatch.setattr(learning, "evaluated", stopped)
    with pytest.raises(KeyboardInterrupt):
        learning.train(by=SYSTEM, at=desk.now)
    assert not ModelVersion.objects.exists()
    with learning._alone():  # the lock was given back
        assert learning.has_news(desk.now)


# ── above the threshold ───────────────────────────────────────────────────────────────────────────────────────────


def sure_case(desk: Any) -> Case:
    """A case whose reading is within the error budget and does not measure the models."""
    for n, one in enumerate(one for one in WRITTEN if one.code == "service.attitude"):
        words = f"{one.text}。态度恶劣,辱骂客户,服务态度太差了"
        best = category.judge(words, model.in_force().model, reasons=False).best
        if (
            best
            and best.probability >= category.APPLY
            and best.code == one.code
            and not learning.held_out(words + "\n")
        ):
            return desk.receives(words, channel="web", phone=f"137{n:08d}")
    raise AssertionError("no text is sure")


def test_above_the_threshold_it_is_applied_by_the_system_and_a_person_has_the_last_word(desk):
    case = sure_case(desk)
    reading.read_job(case.pk)
    case.refresh_from_db()
    assert case.category == "service.attitude" and learning.BY_PROGRAM in case.flags
    event = journal.Event.objects.get(stream_id=case.stream_id, type="case.classified")
    assert event.by == "system" and event.because.startswith("model:") and event.data["permille"] >= 850
    assert not learning.decided().filter(pk=case.pk).exists()  # what the program did teaches nothing

    acceptance.accept(case, by=desk.agent, at=desk.wait(minutes=5))
    triage.classify(case, "service.attitude", by=desk.agent, at=desk.now)  # one key: confirmed
    assert learning.BY_PROGRAM not in case.flags
    assert learning.decided().filter(pk=case.pk).exists()
    assert desk.timeline(case).count("case.classified") == 2


def test_applied_once_and_never_over_a_person(desk):
    case = sure_case(desk)
    acceptance.accept(case, by=desk.agent, at=desk.wait(minutes=5))
    triage.classify(case, "service.slow", by=desk.agent, at=desk.now)
    reading.read_job(case.pk)
    case.refresh_from_db()
    assert case.category == "service.slow" and not case.flags


def test_below_the_threshold_or_switched_off_it_waits(desk, monkeypatch):
    case = desk.receives("东西不太行。", channel="web")
    reading.read_job(case.pk)
    case.refresh_from_db()
    assert case.category == ""
    sure = sure_case(desk)
    monkeypatch.setattr(model.InForce, "applies_from", lambda self, pack: None)
    reading.read_job(sure.pk)
    sure.refresh_from_db()
    assert sure.category == ""


def test_the_threshold_keeps_the_error_budget(desk):
    pack = desk.receives("门铃装上就不响。").pack
    # Of 100 texts, from 0.5 on 75 are named and 10 of them wrong, from 0.6 on 6 of 70 (7/72 = 9.7 %), from 0.8 on none.
    said = [(0.95, True)] * 50 + [(0.75, True)] * 14 + [(0.65, False)] * 6 + [(0.55, True)] + [(0.55, False)] * 29
    made = np.array([[p, 1 - p] for p, _right in said])
    figures = compare(made, ("a", "b"), ["a" if right else "b" for _p, right in said])
    assert figures.cautious_bar(0.1) == pytest.approx(0.6)
    by = model.InForce(3, category.built(), figures)
    assert by.applies_from(pack) == pytest.approx(0.7)  # the pack's floor is higher
    strict = pack.model_copy(update={"thresholds": pack.thresholds.model_copy(update={"classify_error_budget": 0.03})})
    assert by.applies_from(strict) == pytest.approx(0.7)
    stricter = pack.model_copy(
        update={"thresholds": pack.thresholds.model_copy(update={"classify_error_budget": 0.01})}
    )
    assert by.applies_from(stricter) is None  # fifty are too few to promise that
    assert model.InForce(0, category.built()).applies_from(strict) is None  # nobody measured the shipped one so
    off = pack.model_copy(update={"thresholds": pack.thresholds.model_copy(update={"classify_apply_from": 1.0})})
    assert by.applies_from(off) is None

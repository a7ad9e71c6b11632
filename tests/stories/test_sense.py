"""Where a network reads whole sentences beside the words: a company's own model listens to it as far as its own cases
show that it helps; without it everything goes on by the words."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from tests.doors.visitor import at_desk
from tests.stories.test_learning import WRITTEN, decided_long_ago, fresh_model  # noqa: F401

from wenguo.cases import acceptance, learning, model, reading
from wenguo.cases.model import ModelVersion
from wenguo.people.actor import SYSTEM
from wenguo.text import network
from wenguo.text.evaluation import Evaluation
from wenguo.text.linear import Said
from wenguo.web.desk.suggestion import heard, proposal, suggest

CODES = tuple(sorted({one.code for one in WRITTEN}))
PLAIN = "东西和想的不一样，说不上来哪里不对。"


class Network:
    """A stand-in that knows what the shipped texts are about, four in five, and remembers what it was asked."""

    def __init__(self) -> None:
        self.known = {one.text: one.code for one in WRITTEN}
        self.known[PLAIN] = "price.hidden_fee"
        self.asked: list[str] = []

    def of(self, texts: list[str], progress: Any = None) -> list[Said]:
        return [Said("tiny-1", self._scores(text)) for n, text in enumerate(texts) if self._told(n, texts, progress)]

    def _told(self, n: int, texts: list[str], progress: Any) -> bool:
        self.asked.append(texts[n])
        if progress is not None:
            progress(n + 1, len(texts))
        return True

    def _scores(self, text: str) -> Any:
        code = self.known.get(text.strip().split("(第")[0], "")
        if not code or (text.strip() != PLAIN and Random(text).random() > 0.8):
            code = Random(text).choice(CODES)
        sure = 12.0 if text.strip() == PLAIN else 3.0
        scores = np.array([sure if one == code else 0.0 for one in CODES], np.float32)
        return scores - scores.mean()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Network:
    made = Network()
    monkeypatch.setattr(network, "installed", lambda: True)
    monkeypatch.setattr(network, "name", lambda: "tiny-1")
    monkeypatch.setattr(network, "classes", lambda: CODES)
    monkeypatch.setattr(network, "of", made.of)
    return made


@pytest.fixture
def listening(desk: Any, installed: Network) -> ModelVersion:
    """A model in force that listens to it."""
    decided_long_ago(desk, 330)
    made = learning.train(by=SYSTEM, at=desk.now)
    assert made.evaluation["own"]["texts"] == made.held_out
    model.promote(made, by=desk.admin, at=desk.wait(hours=1))
    return made


def test_it_is_measured_with_and_without_and_a_person_sees_both(desk, installed, monkeypatch):
    decided_long_ago(desk, 330)
    steps: list[str] = []
    made = learning.train(by=SYSTEM, at=desk.now, progress=lambda done, of, step: steps.append(step))
    own, words = (Evaluation.of(made.evaluation[key]) for key in ("own", "words"))
    assert own.texts == words.texts == made.held_out and own.accuracy > words.accuracy
    assert "network" in steps and made.recipe["network"] == "tiny-1"

    page = at_desk(desk.admin).get("/desk/admin/models/").content.decode()
    assert "只看字词时" in page and f"{words.accuracy:.1%}" in page

    # The measure of a model is that of how it reads here.
    model.promote(made, by=desk.admin, at=desk.wait(hours=1))
    assert model.in_force().figures == own
    assert "看：受理以后由后台读整句" in at_desk(desk.admin).get("/desk/admin/models/").content.decode()
    monkeypatch.setattr(network, "installed", lambda: False)
    model._loaded.cache_clear()
    assert model.in_force().figures == words
    assert "现在只看字词" in at_desk(desk.admin).get("/desk/admin/models/").content.decode()


def test_a_case_is_read_by_it_after_acceptance_and_the_page_says_what_decided(desk, installed, listening):
    installed.asked.clear()
    case = desk.receives(PLAIN, phone="13900007777")
    assert installed.asked == []  # who types waits for nothing
    read = reading.read(case.pk, at=desk.now)
    assert read is not None and read.category == "price.hidden_fee" and installed.asked == [f"{PLAIN}\n"]
    acceptance.accept(case, by=desk.agent, at=desk.wait(minutes=5))

    case = type(case).objects.get(pk=case.pk)
    said = heard(case)
    assert said is not None and said.by == "tiny-1" and abs(float(said.scores.sum())) < 0.2
    shown = proposal(case)
    assert shown is not None and shown.suggested[0].sub.code == "price.hidden_fee" and shown.suggested[0].by_sense
    assert "主要看整句的意思" in shown.suggested[0].why
    assert shown.suggested[0].probability == pytest.approx(read.probability, abs=0.02)
    assert [s.sub.code for s in suggest(case.pack, PLAIN)][:1] != ["price.hidden_fee"]
    assert installed.asked == [f"{PLAIN}\n"]  # a page asks no network


def test_without_it_and_with_another_one_the_words_decide(desk, installed, listening, monkeypatch):
    monkeypatch.setattr(network, "name", lambda: "tiny-2")  # a newer program
    model._loaded.cache_clear()
    installed.asked.clear()
    case = desk.receives(PLAIN, phone="13900007777")
    read = reading.read(case.pk, at=desk.now)
    assert read is not None and "network" not in read.seen and read.said is None and installed.asked == []
    assert read.category != "price.hidden_fee"


def test_where_it_does_not_help_nobody_listens(desk, installed):
    installed.known = {}  # knows nothing, guesses
    decided_long_ago(desk, 330)
    made = learning.train(by=SYSTEM, at=desk.now)
    assert "words" not in made.evaluation and made.recipe["network"] == "tiny-1"
    model.promote(made, by=desk.admin, at=desk.wait(hours=1))
    assert "没有让这一版更准" in at_desk(desk.admin).get("/desk/admin/models/").content.decode()
    installed.asked.clear()
    reading.read(desk.receives(PLAIN, phone="13900007777").pk, at=desk.now)
    assert installed.asked == []

"""A company's own model: taught on a base, calibrated on what was held back, and measured on what it has not seen."""

from __future__ import annotations

import dataclasses
import json
from random import Random

import numpy as np
import pytest

from wenguo.text import linear
from wenguo.text.calibration import surety
from wenguo.text.evaluation import Evaluation, compare, evaluate, wilson
from wenguo.text.teach import Example, Other, Recipe, teach

WORDS = {
    "quality.broken": ["坏了", "不通电", "没反应", "打不开", "不转了", "黑屏"],
    "quality.ugly": ["有划痕", "掉漆", "颜色不对", "有污渍", "毛边", "歪了"],
    "service.late": ["还没到", "等了三天", "没发货", "太慢", "没人送", "迟到"],
}
THINGS = ["手机", "电脑", "空调", "风扇", "锅", "灯", "杯子", "椅子", "水壶", "电视"]


def made_up(n: int, seed: int, noise: float = 0.0) -> list[Example]:
    chance = Random(seed)
    found = []
    for _ in range(n):
        code = chance.choice(list(WORDS))
        said = code if chance.random() >= noise else chance.choice(list(WORDS))
        found.append(Example(f"{chance.choice(THINGS)}{chance.choice(WORDS[code])}", {"category": said}))
    return found


def parts(examples: list[Example]) -> tuple[list[str], list[str]]:
    return [e.text for e in examples], [e.labels["category"] for e in examples]


def test_one_learns_what_was_corrected_and_the_base_helps_who_has_little():
    held = parts(made_up(200, 9))
    few = [Example("手机坏了", {"category": "quality.broken"}), Example("椅子还没到", {"category": "service.late"})]
    base = made_up(150, 2)
    alone = evaluate(teach(few, Recipe(least=1)), *held).accuracy
    standing = teach(few, Recipe(least=1), base=base)
    assert evaluate(standing, *held).accuracy > max(alone, 0.9)
    assert (standing.note["examples"], standing.note["base"]) == (2, 150)


def test_what_a_company_decides_otherwise_wins_over_the_base():
    base = [Example(f"{thing}还没到", {"category": code}) for thing in THINGS for code in ("late", "late", "lost")]
    own = [Example(f"{thing}还没到", {"category": "lost"}) for thing in THINGS]
    model = teach(own, Recipe(least=1), base=base)
    assert evaluate(model, ["手机还没到"], ["lost"]).accuracy == 1


def test_probabilities_are_calibrated_on_what_was_held_back():
    model = teach(made_up(600, 3, noise=0.4), Recipe(calibrate=True))
    assert evaluate(model, *parts(made_up(600, 4, noise=0.4))).ece < 0.13
    wild = linear.Linear(
        {"category": linear.Head(model.heads["category"].classes, 0, 20.0)},
        model.places, model.weights, model.rarity, model.bias, {},
    )  # fmt: skip
    assert evaluate(wild, *parts(made_up(600, 4, noise=0.4))).ece > 0.2


def test_a_piece_counts_the_more_the_more_it_tells_of_the_class():
    examples = [Example(f"{thing}{word}了", {"category": c}) for c in "ab" for thing in THINGS for word in WORDS_OF[c]]
    plain, telling = (teach(examples, Recipe(least=1, telling=t, cue=0.0)) for t in (0.0, 0.5))
    ratio = telling.rarity / plain.rarity
    assert plain.places == telling.places
    assert ratio[plain.places["漏"]] > 3 * ratio[plain.places["了"]]
    assert evaluate(telling, *parts(examples)).accuracy == 1


WORDS_OF = {"a": ["漏", "裂"], "b": ["慢", "迟"]}


def test_what_is_held_back_does_not_say_how_much_a_piece_tells():
    """Words without meaning, each in one text: whoever peeked at the classes held back would seem to know them."""
    chance = Random(5)
    examples = [Example("".join(chance.sample("甲乙丙丁戊己庚辛壬癸子丑寅卯", 6)), {"what": chance.choice("ab")})
                for _ in range(400)]  # fmt: skip
    model = teach(examples, Recipe(least=1, telling=1.0, calibrate=True))
    sure = [model.probabilities(model.vector(e.text), "what").max() for e in examples]
    assert np.mean(sure) < 0.65


def test_how_far_teaching_is_moves_and_ends_at_the_end():
    base, own = made_up(1300, 5), made_up(300, 6)
    told = []
    teach(own, base=base, progress=lambda done, of: told.append((done, of)))
    done = [one for one, _of in told]
    assert done == sorted(set(done)) and len(done) > 10
    assert {of for _done, of in told} == {told[-1][0]}


def test_who_is_too_sure_of_the_first_suggestion_is_told_so():
    chance = np.random.default_rng(4)
    scores = chance.normal(0, 3, (4000, 4))
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    honest = 0.3 + 0.5 * p.max(axis=1)  # neither so right nor so wrong as it seems
    labels = np.where(chance.random(4000) < honest, p.argmax(axis=1), (p.argmax(axis=1) + 1) % 4)
    slope, offset = surety(scores, labels)
    assert slope < 0.7
    head = linear.Head(("a", "b", "c", "d"), 0, 1.0, slope, offset)
    one = linear.Linear({"what": head}, {}, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), scores[0], {})
    for row in scores[:300]:
        told = dataclasses.replace(one, bias=row.astype(np.float32)).probabilities(ONLY_KNOWN, "what")
        assert told.argmax() == row.argmax() and abs(told.sum() - 1) < 1e-5
    told = np.array(
        [dataclasses.replace(one, bias=row.astype(np.float32)).probabilities(ONLY_KNOWN, "what") for row in scores]
    )
    assert compare(told, list(head.classes), [head.classes[k] for k in labels]).ece < 0.05
    assert compare(p, list(head.classes), [head.classes[k] for k in labels]).ece > 0.08


ONLY_KNOWN = linear.Vector([], np.zeros(0, np.float32), 1.0)


def test_the_mix_of_classes_is_that_of_one_s_own_cases(monkeypatch):
    base = made_up(300, 11, noise=0.3)
    own = [e for e in made_up(900, 12, noise=0.3) if e.labels["category"] != "quality.ugly"]

    def ugly() -> float:
        model = teach(own, base=base)
        which = model.heads["category"].classes.index("quality.ugly")
        return float(np.mean([model.probabilities(model.vector(f"{t}不行"), "category")[which] for t in THINGS]))

    with_mix = ugly()
    monkeypatch.setattr("wenguo.text.teach.MIX", 0.0)
    assert with_mix < 0.7 * ugly()


def test_a_class_seen_once_does_not_break_the_calibration():
    rare = Example("请问几点开门", {"category": "other"})
    model = teach([*made_up(60, 5), rare], Recipe(calibrate=True))
    assert "other" in model.heads["category"].classes


def test_figures_of_an_evaluation_by_hand():
    classes = ["a.x", "a.y", "b.z"]
    p = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25]])
    figures = compare(p, classes, ["a.x", "a.y", "b.z", "new"])
    assert (figures.texts, figures.accuracy, figures.top3) == (4, 0.5, 0.75)
    assert figures.main == 0.75
    assert figures.confusion == (("a.y", "a.x", 1), ("new", "a.x", 1))
    of = {c.code: c for c in figures.by_class}
    assert (of["a.x"].precision, of["a.x"].recall) == (pytest.approx(1 / 3), 1)
    assert of["a.y"].precision is None and of["a.y"].recall == 0 and of["new"].texts == 1
    assert figures.ece == pytest.approx((0.2 + 0.6 + 0.3 + 0.4) / 4)
    assert figures.bar(0.0) == pytest.approx(0.65) and figures.bar(0.34) == pytest.approx(0.45)
    assert compare(p[:2], classes, ["b.z", "b.z"]).bar(0.1) is None
    assert Evaluation.of(json.loads(json.dumps(figures.data))) == figures
    with pytest.raises(ValueError):
        compare(p[:0], classes, [])


def test_an_interval_of_a_share():
    low, high = wilson(50, 100)
    assert low == pytest.approx(0.4038, abs=1e-3) and high == pytest.approx(0.5962, abs=1e-3)
    assert wilson(0, 10)[0] == 0 and wilson(10, 10)[1] == 1


# ── another reader beside the words ──────────────────────────────────────────────────────────────────────────────


def another(truth: dict[str, str], seed: int = 3) -> Other:
    """One who knows the class of four texts in five and guesses that of the others."""
    classes = tuple(sorted(WORDS))

    def of(texts: list[str]) -> list[linear.Said]:
        made = []
        for text in texts:
            chance = Random(f"{text}{seed}")
            said = truth[text] if chance.random() < 0.8 else chance.choice(classes)
            scores = np.array([2.0 if one == said else 0.0 for one in classes], np.float32)
            made.append(linear.Said("he", scores - scores.mean()))
        return made

    return Other("category", classes, of)


def obscure(n: int, seed: int) -> list[Example]:
    """Texts whose words say little: of each class, every second has a word of another."""
    chance = Random(seed)
    found = []
    for k in range(n):
        code = chance.choice(list(WORDS))
        word = chance.choice(WORDS[code if chance.random() < 0.5 else chance.choice(list(WORDS))])
        found.append(Example(f"{chance.choice(THINGS)}{word}{k}号", {"category": code}))
    return found


def right(model: linear.Linear, examples: list[Example], said: list[linear.Said] | None) -> float:
    classes = model.heads["category"].classes
    heard = said or [None] * len(examples)
    made = [
        classes[int(model.probabilities(model.vector(e.text), "category", said=one).argmax())]
        for e, one in zip(examples, heard, strict=True)
    ]
    return float(np.mean([one == e.labels["category"] for one, e in zip(made, examples, strict=True)]))


def test_another_reader_is_trusted_as_far_as_he_helps():
    own, asked = obscure(300, 1), obscure(300, 2)
    truth = {e.text: e.labels["category"] for e in [*own, *asked]}
    he = another(truth)
    model = teach(own, base=made_up(200, 8), other=he)
    said = list(he.of([e.text for e in asked]))
    assert model.beside["category"].weight > 0
    assert right(model, asked, said) > right(model, asked, None) + 0.1
    sums = np.array(
        [model.probabilities(model.vector(e.text), "category", said=one) for e, one in zip(asked, said, strict=True)]
    )
    figures = compare(sums, model.heads["category"].classes, [e.labels["category"] for e in asked])
    assert figures.ece < 0.12, "the sum is calibrated by itself"

    # What is written into a file is what is read from it; what somebody else said is not heard.
    again = linear.parse(linear.dump(model))
    assert again.beside == model.beside
    stranger = [linear.Said("she", one.scores) for one in said]
    assert right(again, asked, stranger) == right(again, asked, None)
    assert not again.hears("category", None) and not again.hears("emotion", said[0])


def test_who_knows_nothing_and_who_was_asked_too_little_is_not_heard():
    own = obscure(300, 1)
    guesses = another({e.text: Random(e.text).choice(list(WORDS)) for e in own})
    assert teach(own, base=made_up(200, 8), other=guesses).beside == {}
    knows = another({e.text: e.labels["category"] for e in own})
    assert teach(own[:60], base=made_up(200, 8), other=knows).beside == {}


def test_of_many_cases_he_reads_some_and_a_class_he_does_not_know_is_not_spoken_against(monkeypatch):
    monkeypatch.setattr("wenguo.text.teach.MOST_HEARD", 150)
    own = [*obscure(300, 1), *(Example(f"发票{k}号", {"category": "invoice"}) for k in range(30))]
    he, read = another({e.text: e.labels["category"] for e in own}), []
    he = dataclasses.replace(he, of=lambda texts, of=he.of: read.extend(texts) or of(list(texts)))
    model = teach(own, base=made_up(200, 8), other=he)
    assert len(read) == 150
    assert right(model, own[-30:], list(he.of([e.text for e in own[-30:]]))) == 1

"""The texts the first classifier learns from are well formed, many, and not the same sentence over and over."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

import wenguo.text
from wenguo.policy.loading import standard
from wenguo.text import category

FILES = sorted((Path(wenguo.text.__file__).parent / "training").glob("*.tsv"))
CODES = {sub.code for sub in standard().subs}
WISHES = set(
    ["refund", "exchange", "repair", "apology", "explanation", "compensation", "punishment", "improvement", "delivery"]
)
FEWEST = 60
ALIKE = 0.7


def rows(file: Path) -> list[list[str]]:
    return [line.split("\t") for line in file.read_text("utf-8").splitlines()]


def named(listed: str) -> list[str]:
    return listed.split(",") if listed else []


def pairs(text: str) -> frozenset[str]:
    letters = re.sub(r"[\W_]+", "", text)
    return frozenset(letters[i : i + 2] for i in range(len(letters) - 1)) or frozenset({text})


def test_there_are_texts():
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_file_is_a_class_of_the_standard_pack_and_its_columns_hold_what_they_should(file: Path):
    assert file.stem in CODES | {"other"}
    wrong = []
    for number, row in enumerate(rows(file), 1):
        if len(row) != 6:
            wrong.append((number, f"{len(row)} columns"))
            continue
        text, also, level, emotion, wish, danger = row
        if not text.strip() or text != text.strip():
            wrong.append((number, "text empty or padded"))
        if not set(named(also)) <= CODES - {file.stem} or len(set(named(also))) != len(named(also)):
            wrong.append((number, f"also {also}"))
        if level not in {"1", "2", "3", "4"} or emotion not in {"0", "1", "2", "3"}:
            wrong.append((number, f"level {level}, emotion {emotion}"))
        if not set(named(wish)) <= WISHES:
            wrong.append((number, f"wish {wish}"))
        if danger not in {"", "1"} or ("product.safety" in {file.stem, *named(also)} and not danger):
            wrong.append((number, f"danger {danger}"))
    assert not wrong


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_file_holds_enough_truly_different_texts(file: Path):
    texts = [row[0] for row in rows(file)]
    assert len(texts) >= FEWEST
    sets = [(text, pairs(text)) for text in texts]
    alike = [(a, b) for (a, p), (b, q) in combinations(sets, 2) if len(p & q) > ALIKE * len(p | q)]
    assert not alike


def test_no_text_stands_in_two_files():
    places = Counter(row[0] for file in FILES for row in rows(file))
    assert [text for text, n in places.items() if n > 1] == []


def test_texts_that_are_asked_about_danger_alone_are_of_both_kinds_and_all_different():
    asked = list(category.asked_of_danger())
    assert {said for _text, said in asked} == {"0", "1"}
    assert min(sum(said == one for _text, said in asked) for one in ("0", "1")) >= 100
    sets = [(text, pairs(text)) for text, _said in asked]
    assert [(a, b) for (a, p), (b, q) in combinations(sets, 2) if len(p & q) > ALIKE * len(p | q)] == []
    assert {text for text, _said in asked}.isdisjoint(row[0] for file in FILES for row in rows(file))

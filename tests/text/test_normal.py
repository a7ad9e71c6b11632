from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.text.normal import clean, fold, normalise, one_line

ANY = st.text(st.characters())  # half surrogates and unassigned characters included
HUGE = 10_000_000


def test_traditional_full_width_and_capitals_compare_as_equal():
    assert normalise("熱水器漏電，ＡＢＣ１２３") == "热水器漏电,abc123"
    assert normalise("律\u200b师") == normalise("律師")


def test_a_character_has_one_form_wherever_it_stands():
    """By phrase 乾坤 would stay and 乾 alone become 干: then 乾 would not be found in 乾坤."""
    assert normalise("乾") in normalise("乾坤")


@given(ANY)
def test_normalising_twice_changes_nothing(s: str):
    assert normalise(normalise(s)) == normalise(s)


@given(ANY, st.text("漏電麼後裡乾坤著作水气"))
def test_a_chinese_piece_is_found_in_the_normalised_whole(s: str, piece: str):
    assert normalise(piece) in normalise(s + "。" + piece + "。" + s)


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("a\x00b\x07c\x1b[31m", "abc[31m"),
        ("一\r\n二\r三\u2028四\x0b五\x85六", "一\n二\n三\n四\n五\n六"),
        ("退款\u202e款退\u202c\u2066x\u2069", "退款款退x"),
        ("\ud83d\ude00 \ud83d 完 \ude00", "😀  完"),
        ("\ufeff \u3000 投诉\t内容 \n", "投诉\t内容"),
        ("مرحبا 👨‍👩‍👧 🇨🇳", "مرحبا 👨‍👩‍👧 🇨🇳"),
        ("", ""),
        ("\x00\r\x00\n", ""),
        ("a\r\x00\nb", "a\nb"),
    ],
)
def test_words_from_outside_lose_only_what_harms(given_: str, kept: str):
    assert clean(given_) == kept


@given(ANY, st.integers(-3, 30) | st.none())
def test_clean_words_can_be_stored_and_stay_clean(s: str, limit: int | None):
    kept = clean(s, limit)
    kept.encode()  # no half surrogates
    assert "\x00" not in kept and "\r" not in kept and not any(c in kept for c in "\u202e\u2066\u2069\ufeff")
    assert not any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in kept)
    assert kept == kept.strip() and clean(kept, limit) == kept
    assert limit is None or len(kept) <= max(limit, 0)


@given(ANY, st.integers(0, 20))
def test_one_line_is_one_line_within_its_limit(s: str, limit: int):
    line = one_line(s, limit)
    assert len(line) <= limit and len(line.splitlines()) <= 1 and "  " not in line


def test_one_line_does_not_tear_a_family_or_a_flag_apart():
    assert one_line("投诉 \n\t 第二行", 80) == "投诉 第二行"
    assert one_line("一二三四五六", 4) == "一二三…"
    assert one_line("好👨‍👩‍👧们都在这里", 5) == "好…"
    assert one_line("好🇨🇳🇨🇳们都", 5) == "好🇨🇳…"
    assert one_line("好👍🏽了吗", 3) == "好…"


@given(ANY)
def test_a_fold_points_back_to_its_original(s: str):
    folded = fold(s)
    for at, c in enumerate(folded.text):
        start, end = folded.span(at, at + 1)
        assert end == start + 1
        assert fold(s[start:end]).text == c


@pytest.mark.slow
@pytest.mark.parametrize(
    "evil",
    [
        "投诉漏電 abc\r\n" * (HUGE // 11),
        "\x00" * HUGE,
        "\x00好" * (HUGE // 2),
        "\u200b好" * (HUGE // 2),
        "a" + "\u0301\u0316" * (HUGE // 2),
        "\ud800" * HUGE,
        " " * HUGE + "a",
        "\r\n" * (HUGE // 2),
    ],
    ids=["words", "nul", "nul-mixed", "invisible", "zalgo", "surrogates", "blanks", "newlines"],
)
def test_ten_megabytes_are_only_long(evil: str):
    """Quadratic code would take hours; the limit leaves room for a slow and busy machine."""
    started = time.perf_counter()
    clean(evil, 100_000)
    one_line(evil, 80)
    normalise(evil)
    fold(evil)
    assert time.perf_counter() - started < 40

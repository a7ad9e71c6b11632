"""A number that can be read out: what is misheard is noticed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.cases.number import check_character, parse, possible, spell
from wenguo.errors import Invalid

serials = st.integers(1, 999_999_999)


def test_the_check_character_is_that_of_identity_cards():
    assert check_character("11010519491231002") == "X"


@given(serials)
def test_what_is_spelled_is_parsed_however_it_is_written(serial):
    number = spell("2611", serial)
    for said in (
        number,
        number.lower(),
        number.replace("-", ""),
        number.replace("-", " "),
        number[3:],
        number.replace("TS", "TS"),
    ):
        assert parse(said) == number


@given(serials, st.integers(0, 100), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(serial, place, change):
    number = spell("2611", serial)
    places = [i for i, c in enumerate(number[:-1]) if c.isdigit()]
    i = places[place % len(places)]
    wrong = number[:i] + str((int(number[i]) + change) % 10) + number[i + 1 :]
    with pytest.raises(Invalid):
        parse(wrong)


@given(serials, st.integers(0, 100))
def test_two_swapped_digits_are_noticed(serial, place):
    plain = spell("2611", serial).replace("-", "")[2:]
    i = place % (len(plain) - 2)
    swapped = plain[:i] + plain[i + 1] + plain[i] + plain[i + 2 :]
    if swapped == plain:
        return
    with pytest.raises(Invalid):
        parse(swapped)


@pytest.mark.parametrize("said", ["", "TS", "hello", "TS-2611-0042", "9" * 500, "TS-2611-0042-7\x00", "②⑥"])
def test_nonsense_is_refused_in_words(said):
    with pytest.raises(Invalid):
        parse(said)


@given(st.integers(1, 999_999), st.sampled_from(["2611", "2610", "2501"]))
def test_a_part_of_a_number_is_enough_to_find_it(serial, month):
    at = datetime(2026, 11, 29, tzinfo=UTC)
    number = spell(month, serial)
    plain = number[3:]
    for said in (plain[5:-2], plain[5:], plain[:-2], plain, number, number.lower().replace("-", " ")):
        assert number in possible(said, at), said


def test_words_and_telephones_are_no_part_of_a_number():
    at = datetime(2026, 11, 29, tzinfo=UTC)
    assert not any(possible(said, at) for said in ("漏电", "TS", "42", "2611年的投诉", "13812345678901", ""))
    assert len(possible("0042", at)) == 120  # ten years of months, and not one number of the next
    assert spell("2612", 42) not in possible("0042", at)

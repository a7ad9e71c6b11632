from __future__ import annotations

import email
import encodings.aliases
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wenguo.text.encoding import decode

Rows = Callable[[Path], Iterator[dict[str, str]]]
SIMPLE = "热水器漏电，要求退款350元，请尽快处理！"
TRADITIONAL = "熱水器漏電，要求退款350元，請盡快處理！"
NAMES = sorted({*encodings.aliases.aliases, *encodings.aliases.aliases.values(), "idna", "punycode", "unicode_escape"})


@pytest.mark.parametrize(
    "declared", [None, "", "utf-8", "GB2312", "gbk", "us-ascii", "iso-8859-1", "nonsense", "hex", "a\0b"]
)
@pytest.mark.parametrize(
    ("text", "written_in", "read_as"),
    [
        (SIMPLE, "utf-8", "utf-8"),
        (SIMPLE, "gbk", "gb18030"),
        (SIMPLE + "𠮷€", "gb18030", "gb18030"),
        (TRADITIONAL, "big5", "big5"),
        (SIMPLE, "utf-8-sig", "utf-8"),
        (SIMPLE, "utf-16", "utf-16-le"),
    ],
)
def test_chinese_is_read_whatever_was_declared(text: str, written_in: str, read_as: str, declared: str | None):
    assert decode(text.encode(written_in), declared) == (text, read_as)


@pytest.mark.parametrize(
    ("text", "written_in", "declared"),
    [
        ("ご注文の商品が届きません", "shift_jis", "Shift_JIS"),
        ("ご注文の商品", "iso2022_jp", "ISO-2022-JP"),
        ("물건이 오지 않습니다", "euc_kr", "euc-kr"),
        ("Товар не пришёл", "koi8-r", "KOI8-R"),
        ("Café à la crème", "cp1252", "windows-1252"),
        ("漏电", "hz", "HZ-GB-2312"),
        ("退款 refund", "utf-16-le", "utf-16le"),
        (SIMPLE, "utf-16-be", "utf-16"),
        ("一", "gbk", "gb2312"),
        ("plain", "ascii", None),
    ],
)
def test_other_writing_is_read_as_declared(text: str, written_in: str, declared: str | None):
    assert decode(text.encode(written_in), declared)[0] == text


def test_latin_words_in_sixteen_bits_need_no_mark():
    assert decode("refund please".encode("utf-16-le"), None) == ("refund please", "utf-16-le")


def test_utf8_that_says_gbk_is_still_utf8():
    assert decode(SIMPLE.encode(), "gbk") == (SIMPLE, "utf-8")


def test_gbk_that_says_utf16_is_still_gbk():
    assert decode(SIMPLE.encode("gbk"), "utf-16")[0] == SIMPLE


@pytest.mark.parametrize("written_in", ["utf-8", "gb18030", "big5"])
def test_a_torn_end_costs_one_character(written_in: str):
    whole = (TRADITIONAL if written_in == "big5" else SIMPLE) * 3
    text, name = decode((whole + "退").encode(written_in)[:-1], written_in)
    assert name == written_in and text.startswith(whole[:-1]) and len(text) <= len(whole) + 2


@settings(max_examples=500, deadline=None)
@given(
    st.binary(max_size=60) | st.text().map(lambda s: s.encode("gb18030", "ignore")),
    st.sampled_from(NAMES) | st.text() | st.none(),
)
def test_no_bytes_and_no_declaration_make_it_fail(raw: bytes, declared: str | None):
    text, name = decode(raw, declared)
    assert isinstance(text, str)
    assert isinstance(b"".decode(name), str)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufeff")))
def test_utf8_comes_back_as_it_was(text: str):
    assert decode(text.encode(), "utf-8")[0] == text


def test_derived_mails(data: Path):
    """Real words in built envelopes, with right, wrong and missing declarations: every one, and also undeclared."""
    folder = data / "mail_zh_derived"
    read = 0
    for expected in json.loads((folder / "expected.json").read_text()):
        message = email.message_from_bytes((folder / expected["path"]).read_bytes())
        part = next(part for part in message.walk() if part.get_content_type() == "text/plain")
        raw = part.get_payload(decode=True)
        for declared in (part.get_param("charset"), None):
            text, _ = decode(raw, declared)
            assert "".join(text.split()) == "".join(expected["text_plain"].split()), (expected["path"], declared)
        read += 1
    assert read >= 90


def test_short_undeclared_lines_are_nearly_always_read(data: Path, rows: Rows):
    """Subjects of 10 to 40 characters, without any declaration."""
    subjects = [row["subject"] for row in rows(data / "taidi2020_gov_messages" / "messages_unlabelled.csv.gz")]
    subjects = [s for s in random.Random(3).sample(subjects, 1000) if 10 <= len(s) <= 40]
    right = sum(decode(s.encode("gbk", "ignore"), None)[0] == s for s in subjects)
    assert right >= len(subjects) * 0.995, (right, len(subjects))


@pytest.mark.slow
def test_ten_megabytes_are_only_long():
    for raw in (SIMPLE.encode("gbk") * 250_000, b"\xff" * 10_000_000, b"\xc3\xa9" * 5_000_000, bytes(10_000_000)):
        assert isinstance(decode(raw, "gbk")[0], str)

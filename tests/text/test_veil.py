"""What is personal is covered before it leaves and put back where the covers return."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.inside import inside
from wenguo.text.veil import Veil


def test_the_same_value_has_the_same_cover_and_comes_back():
    veil = Veil({"姓名": ["王小明"], "地址": ["朝阳区建国路 8 号"]})
    said = "王小明住朝阳区建国路 8 号,电话13912345678;再打13912345678或010-62345678。"
    covered = veil.cover(said)
    assert covered == "⟦姓名1⟧住⟦地址1⟧,电话⟦电话1⟧;再打⟦电话1⟧或⟦座机1⟧。"
    assert veil.lift(covered) == said
    assert veil.lift("⟦姓名1⟧您好 ⟦电话7⟧", {"姓名": "王女士"}) == "王女士您好 ____"


def test_brackets_a_customer_writes_are_none_of_ours():
    veil = Veil({"姓名": ["王小明"]})
    covered = veil.cover("⟦姓名1⟧说⟦电话1⟧,我是王小明")
    assert covered.count("⟦") == 1 and veil.lift(covered) == "[姓名1]说[电话1],我是王小明"


@given(st.text(max_size=200))
def test_any_text_comes_back_as_it_was_but_for_the_brackets(s):
    veil = Veil()
    assert veil.lift(veil.cover(s)) == s.replace("⟦", "[").replace("⟧", "]")


@pytest.mark.parametrize(
    ("host", "own"),
    [("localhost", True), ("ollama", True), ("127.0.0.1", True), ("10.0.0.8", True), ("::1", True),
     ("api.example.com", False), ("8.8.8.8", False), ("169.254.169.254", False)],
)  # fmt: skip
def test_which_hosts_are_the_houses_own(host, own):
    assert inside(host) is own


def test_it_is_plain_data_in_json():
    assert "⟦电话1⟧" in json.dumps(Veil().cover("13912345678"), ensure_ascii=False)

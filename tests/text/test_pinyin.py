from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.text.pinyin import LONGEST, MOST, forms


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("王小明", ["wangxiaoming", "wxm"]),
        ("单田芳", ["shantianfang", "stf", "dantianfang", "dtf"]),
        ("單田芳", ["shantianfang", "dantianfang"]),
        ("曾志伟", ["zengzhiwei", "zzw", "cengzhiwei"]),
        ("仇英", ["qiuying", "qy", "chouying"]),
        ("解晓东", ["xiexiaodong", "xxd", "jiexiaodong"]),
        ("查良镛", ["zhaliangyong", "zly", "chaliangyong"]),
        ("欧阳晓峰", ["ouyangxiaofeng", "oyxf"]),
        ("单于雄", ["chanyuxiong", "cyx"]),
        ("万俟卨", ["moqixie", "mqx"]),
        ("尉迟恭", ["yuchigong", "ycg"]),
        ("吕布", ["lvbu", "lubu", "lb"]),
        ("李乐", ["lile", "liyue"]),
        ("凯文·杜兰特", ["kaiwendulante", "kwdlt"]),
        ("Tom 李", ["tomli", "tl"]),
        ("晨星电器有限公司", ["chenxingdianqi", "cxdq", "chenxingdianqiyouxiangongsi"]),
    ],
)
def test_a_name_is_found_by_what_people_type(name: str, wanted: list[str]):
    assert set(wanted) <= set(forms(name))


def test_the_likeliest_form_comes_first():
    assert [forms(name)[0] for name in ("单田芳", "曾志伟", "仇英", "解晓东")] == [
        "shantianfang",
        "zengzhiwei",
        "qiuying",
        "xiexiaodong",
    ]
    assert forms("王小明") == ["wangxiaoming", "wxm"]


def test_what_cannot_be_read_has_no_forms():
    assert forms("") == forms("😀——") == forms("\ud800") == []


@given(st.text() | st.text("单曾仇解乐行朝晟吕", max_size=80))
def test_forms_are_few_short_and_plain(name: str):
    found = forms(name)
    assert len(found) <= MOST and len(set(found)) == len(found)
    assert all(form.isascii() and form.isalnum() and form == form.lower() and len(form) <= LONGEST for form in found)

"""Chinese names in Latin letters, as somebody at a keyboard would look for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import islice, product

from wenguo.text.normal import normalise

LONGEST = 64
"""Letters of one form, characters of a name that are read."""

MOST = 24
"""Forms of one name, at most."""

# Surnames of two characters: the dictionary reads them rightly, their first character has no other reading there.
COMPOUND = frozenset(
    (
        "尉迟", "万俟", "长孙", "令狐", "澹台", "宇文", "单于", "鲜于",
        "欧阳", "司马", "上官", "诸葛", "皇甫", "慕容", "夏侯", "东方",
        "公孙", "司徒", "轩辕", "呼延", "端木", "独孤", "南宫",
    )
)  # fmt: skip

# What the dictionary reads wrongly as a surname, or people read in two ways. The usual reading of the surname first.
SURNAMES = {
    "单": ("shan", "dan", "chan"),
    "曾": ("zeng", "ceng"),
    "仇": ("qiu", "chou"),
    "解": ("xie", "jie"),
    "查": ("zha", "cha"),
    "盖": ("ge", "gai"),
    "朴": ("piao", "pu"),
    "区": ("ou", "qu"),
    "乐": ("yue", "le"),
    "尉": ("wei", "yu"),
    "缪": ("miao", "mou", "miu"),
    "覃": ("qin", "tan"),
    "翟": ("zhai", "di"),
    "谌": ("chen", "shen"),
    "隗": ("wei", "kui"),
    "郇": ("xun", "huan"),
    "种": ("chong", "zhong"),
    "重": ("chong", "zhong"),
    "召": ("shao", "zhao"),
    "折": ("she", "zhe"),
    "黑": ("he", "hei"),
    "秘": ("bi", "mi"),
    "繁": ("po", "fan"),
    "员": ("yun", "yuan"),
    "洗": ("xian", "xi"),
    "那": ("na", "nuo"),
    "宓": ("mi", "fu"),
    "祭": ("zhai", "ji"),
    "乜": ("nie", "mie"),
    "么": ("yao", "me"),
    "车": ("che", "ju"),
    "柏": ("bai", "bo"),
    "贾": ("jia", "gu"),
    "瞿": ("qu", "ju"),
    "阚": ("kan",),
    "郗": ("xi", "chi"),
    "晟": ("cheng", "sheng"),
    "盛": ("sheng", "cheng"),
    "莘": ("shen", "xin"),
    "强": ("qiang", "jiang"),
    "卜": ("bu", "bo"),
    "都": ("du", "dou"),
    "佴": ("nai", "er"),
    "褚": ("chu", "zhu"),
    "能": ("nai", "neng"),
    "会": ("gui", "hui"),
    "行": ("xing", "hang"),
    "牟": ("mou", "mu"),
    "藏": ("zang", "cang"),
}

# Characters of given and company names that are read in two ways and about which the dictionary only guesses.
GIVEN = {
    "乐": ("le", "yue"),
    "行": ("xing", "hang"),
    "朝": ("chao", "zhao"),
    "晟": ("sheng", "cheng"),
    "盛": ("sheng", "cheng"),
    "长": ("chang", "zhang"),
    "茜": ("xi", "qian"),
    "娜": ("na", "nuo"),
    "莎": ("sha", "suo"),
    "柏": ("bai", "bo"),
    "莘": ("xin", "shen"),
    "重": ("chong", "zhong"),
    "厦": ("xia", "sha"),
    "曾": ("zeng", "ceng"),
    "沈": ("shen", "chen"),
}

_PART = re.compile(r"([々〇\u3400-\u9fff\U00020000-\U0003ffff])|[a-z0-9]+")
_COMPANY_ENDING = re.compile("(股份)?(有限)?(责任)?公司$|集团$")


@lru_cache(maxsize=4096)
def _forms(name: str) -> tuple[str, ...]:
    whole = normalise(name[: LONGEST * 2]).strip()[:LONGEST]
    names = dict.fromkeys((whole, _COMPANY_ENDING.sub("", whole) or whole))
    found: dict[str, None] = {}
    for one in names:
        choices = _choices(one)
        for reading in islice(product(*choices), MOST):
            for form in _spellings(reading):
                found.setdefault(form[:LONGEST], None)
    return tuple(islice(found, MOST))


def forms(name: str) -> list[str]:
    """What to search a personal or company name by: 王小明 -> ["wangxiaoming", "wxm"], likeliest first, at most `MOST`.

    A surname (or character) with two readings gives both: 单田芳 -> shantianfang, stf, dantianfang, dtf …; ü is written
    v and u; Latin words stay whole in the full form and give their first letter to the initials; a company's name is
    also given without its legal ending. Nothing readable gives [].
    """
    return list(_forms(name))


def _choices(name: str) -> list[tuple[str, ...]]:
    """Per character, or Latin word, its readings, the likeliest first."""
    parts = [found[0] for found in _PART.finditer(name)]
    readings = iter(_readings("".join(part for part in parts if not part.isascii())))
    compound = len(parts) > 2 and "".join(parts[:2]) in COMPOUND
    choices: list[tuple[str, ...]] = []
    for at, part in enumerate(parts):
        if part.isascii():
            choices.append((part,))
            continue
        read = next(readings)
        if compound and at < 2:
            order: tuple[str, ...] = (read,)
        elif at == 0:  # the table knows surnames better than the dictionary,
            order = (*SURNAMES.get(part, ()), read)
        else:  # which sees the whole name
            order = (read, *GIVEN.get(part, ()))
        choices.append(tuple(dict.fromkeys(order)))
    return choices


def _spellings(reading: Iterable[str]) -> Iterable[str]:
    syllables = [syllable for syllable in reading if syllable]
    if not syllables:
        return
    full = "".join(syllables)
    yield full
    yield "".join(syllable[0] for syllable in syllables)
    if "v" in full and any(syllable[:2] in ("lv", "nv") for syllable in syllables):
        yield "".join(
            syllable[0] + "u" + syllable[2:] if syllable[:2] in ("lv", "nv") else syllable for syllable in syllables
        )


def _readings(chinese: str) -> list[str]:
    """One syllable a character, in lower case, ü as v; "" for a character nobody has told us how to read."""
    if not chinese:
        return []
    lazy_pinyin, style = _dictionary()
    read = lazy_pinyin(chinese, style=style, errors=lambda run: [""] * len(run), v_to_u=False)
    return [syllable.replace("ü", "v") for syllable in read]


@cache
def _dictionary():  # pypinyin brings no types for its style
    from pypinyin import Style, lazy_pinyin

    return lazy_pinyin, Style.NORMAL

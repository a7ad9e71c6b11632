"""What a text tells besides its complaint: who, when, how much, how many, which product, where. Each with its place.

Numbers and days are found by rules with checksums; names of products, places and firms by the dictionaries of the
enterprise and by the way such names end, so they are suggestions to look at, not facts to act upon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from wenguo.text import amounts, dates, personal
from wenguo.text.lexicon import Lexicon
from wenguo.text.normal import fold

Kind = Literal[
    "id_card", "bank_card", "phone", "landline", "email", "plate", "order_no", "amount", "day", "span", "people",
    "batch", "model", "product", "place", "organisation",
]  # fmt: skip
READ = 20_000
"""Characters of a text that are searched for facts."""


@dataclass(frozen=True, slots=True)
class Fact:
    """s[start:end] says so. `value` is its plain form: digits, fen, an ISO day, minutes, a name."""

    kind: Kind
    value: str
    start: int
    end: int


_BATCH = re.compile(
    r"(?:批号|批次号?|批次为?|序列号|sn码?|机身号)[编号码是为:#no. (\[]{0,6}"
    r"([a-z0-9][a-z0-9\-/]{3,23})(?![a-z0-9])"
)
_MODEL = re.compile(r"型号[号是为:#. (\[]{0,4}([a-z0-9][a-z0-9\-/+.]{2,23})(?![a-z0-9])")
_PEOPLE = re.compile(
    r"(?:我们|共|一共|总共|有|全家|家里|单位|公司|里)?(?P<n>[0-9]{1,5}|[一二两三四五六七八九十百千]{1,5}|好?几十|上百|几百|十几|好?几)[多来]?"
    r"(?:个|名|位)(?P<who>人|客户|顾客|业主|员工|同事|家长|车主|邻居|消费者|用户|孩子|学生)(?:都|也|一起|出现|遇到|同样|吃|受|中|拉|被|投诉)"
)
_SEVERAL = {"好几": 3, "几": 3, "十几": 10, "几十": 20, "好几十": 20, "上百": 100, "几百": 200}
_NOT_IN_NAME = (
    "的了是在到去从和与跟我你他她它们这那有没把被给让说就都也还又"
    "很用买来对为因所以不吃等问打找一个于及或至向经由该某每您咱俺哪"
)
_NAME = rf"[^\W_{_NOT_IN_NAME}a-z]"
_PLACE = re.compile(
    rf"({_NAME}{{2,10}}(?:旗舰店|专卖店|体验店|直营店|门店|分店|总店|营业厅|营业部|服务站|维修点|维修站|网点|小区|花园|广场|大厦"
    r"|万达|机场|火车站|高铁站|校区|(?<![开到商])店))"
)
_FIRM = re.compile(
    rf"({_NAME}{{2,16}}(?:有限公司|股份公司|集团|公司|银行|支行|保险|超市|商场|酒店|宾馆|饭店|餐厅|医院|学校|大学|中学|小学|幼儿园|物业))"
)
_COMMON_NAMES = re.compile(
    r"^(?:贵|本|其|总|分|子|上市|物流|快递|保险|装修|安装|搬家|物业|房地产|家政|旅游|网约车|附近|楼下|楼上|隔壁|连锁|任何|其他|多家|各大|大型|小型|五星|四星|三星级?|星级)?"
    r"(?:公司|银行|超市|商场|酒店|宾馆|饭店|餐厅|医院|学校|门店|分店|小区|物业|店|保险|集团|网点|营业厅|专卖店|旗舰店|广场|大学|中学|小学|幼儿园)$"
)


def find(s: str, received: date, known: Lexicon | None = None) -> list[Fact]:
    """All facts in the first `READ` characters, in order. `known`: the enterprise's own products, outlets, partners;
    the label of a term is its kind."""
    s = s[:READ]
    found = [Fact(p.kind, p.value, p.start, p.end) for p in personal.find(s)]
    found += [Fact("day", d.day.isoformat(), d.start, d.end) for d in dates.find_days(s, received)]
    taken = [(one.start, one.end) for one in found]
    folded = fold(s)
    rest = [
        *(Fact("amount", str(a.fen), a.start, a.end) for a in amounts.find_amounts(s)),
        *(Fact("span", str(d.minutes), d.start, d.end) for d in dates.find_spans(s)),
        *(Fact(kind, value, *folded.span(start, end)) for kind, value, start, end in _named(folded.text)),
    ]
    if known is not None:
        rest += [Fact(hit.label, hit.term, hit.start, hit.end) for hit in known.scan(s)]  # type: ignore[arg-type]
    found += [one for one in rest if not any(one.start < end and start < one.end for start, end in taken)]
    return sorted(found, key=lambda one: (one.start, -one.end, one.kind))


def _named(text: str) -> Iterator[tuple[Kind, str, int, int]]:
    for found in _BATCH.finditer(text):
        yield "batch", found[1].upper(), *found.span(1)
    for found in _MODEL.finditer(text):
        yield "model", found[1].upper(), *found.span(1)
    for found in _PEOPLE.finditer(text):
        n = _SEVERAL.get(found["n"]) or dates.number(found["n"])
        if n and n >= 2:
            yield "people", str(int(n)), found.start("n"), found.end("who")
    for kind, pattern in (("place", _PLACE), ("organisation", _FIRM)):
        for found in pattern.finditer(text):
            if not _COMMON_NAMES.match(found[1]):
                yield kind, found[1], *found.span(1)  # type: ignore[misc]

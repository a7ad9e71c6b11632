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

_WHERE = re.compile(
    rf"({_NAME}{{2,12}}(?:体验店|直营店|门店|分店|总店|营业厅|营业部|服务站|维修点|维修站|网点|支行|小区|花园|广场|大厦|万达"
    r"|机场|火车站|高铁站|地铁站|校区|加油站|充电站|服务区|景区|公园|超市|商场|酒店|宾馆|饭店|餐厅|医院|学校|大学|中学|小学"
    r"|幼儿园|(?<![开到商])店))"
)
_BEFORE_NAME = re.compile(
    r"^(?:[0-9]{1,4}[年月日号点]|投诉|举报|反映|咨询|查查|查下|希望|贵司|贵|请|归|管|称|作|系|今天|昨天|前天|昨晚|今晚|周末|上午|下午|中午"
    r"|早上|早晨|晚上|凌晨|号|日|附近|我们|你们|客户|顾客|本人|路过|经过|光顾|现在|刚才|关于|位于)+"
)
_KIND_OF_PLACE = re.compile(
    r"(?:.*旗舰|专卖|官方|自营|实体|线下|线上|连锁|加盟|直营|体验|便利|[网药茶饭书鞋]|奶茶|咖啡|火锅|烧烤|蛋糕|面包|早餐|水果|手机"
    r"|电器|家电|家具|服装|眼镜|理发|美容|美发|洗衣|洗车|修车|汽车|维修|宠物|零售|代理|授权|淘宝|天猫|京东|抖音|拼多多|商城"
    r"|整个|全国|各个|各家|多家|几家|每家|同家|另家|那家|别家|百货|大|小|老|新|分|总|当地|两地|异地|本地|外地|各地|市|区|县|省|公立|公办|私立|民办|住宅|高档|大型|周边|附近|前面|老旧"
    r"|安置|新建|配套|居民|普惠|普惠性|综合|专科|中心|培训|实验|目前|导致|影响|造成|使得|破坏|进入|进出|改善|维护|调整|开办|设立)"
    r"(?:门店|分店|总店|店|超市|商场|酒店|宾馆|饭店|餐厅|医院|学校|大学|中学|小学|小区|广场|公园|景区|加油站|充电站|地铁站)$"
)


def places(s: str) -> list[str]:
    """The outlets and other places one goes to that `s` calls by a name of their own, each once, as written (folded).

    Unlike `find` it takes off the words before a name and reads beside days: of 6号晚上望湖星桥店 it is 望湖星桥店.
    """
    found = []
    for hit in _WHERE.finditer(fold(s[:READ]).text):
        name = _BEFORE_NAME.sub("", hit[1])
        if len(name) > 2 and not _COMMON_NAMES.match(name) and not _KIND_OF_PLACE.fullmatch(name):
            found.append(name)
    return list(dict.fromkeys(found))


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

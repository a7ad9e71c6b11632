"""What a story tells besides itself: amounts, days, places, orders and wishes that the record asks for.

Read while the agent types. Everything is a proposal with the words it was heard in; what a person wrote goes before.
Source: IN-3, IN-5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from wenguo.text import personal
from wenguo.text.amounts import Amount, find_amounts
from wenguo.text.amounts import yuan as in_yuan
from wenguo.text.dates import find_days

READ = 4_000  # characters of a story that are listened to
NEAR = 8  # so far before an amount stands the word that says what it is for


class Bought(Protocol):
    """An order of the customer, as far as it is known."""

    number: str
    product: str
    amount_fen: int | None


@dataclass(frozen=True)
class Heard:
    """A field of the record, what to write there, and the words in which it was heard. `value` of wishes: codes, with a
    comma between.
    """

    field: str
    value: str
    because: str


_CLAIM = re.compile(r"赔|补偿|索|要求|补|给我|误工|损失")
_PAID = re.compile(r"花|付|买|价|下单|订单|充|交|收|扣|钱|退")
_BOUGHT = re.compile(r"买|购|下单|订|付款|入手")
_PLACE = re.compile(
    r"(?:在|去|到|从|于|打)(?:你们|您们|贵司|你家|我们)?的?(?P<place>"
    r"(?:京东|天猫|淘宝|拼多多|抖音|唯品会|苏宁|小程序|官网|官方商城|App|APP|app|直播间|公众号)(?:旗舰店|商城|店)?"
    r"|[\u4e00-\u9fff]{1,10}?(?:旗舰店|专卖店|门店|店里|商场|超市|专柜|营业厅|维修点|服务站|网点|卖场|店)"
    r"|客服热线|热线|家里|家中|公司里?|单位)"
)
_PRODUCT = re.compile(
    r"(?:买|购买|购|订|下单)了?(?:你们|您们|你家|贵司)?的?(?:(?:一|两|二|三|\d)[台个件款部只双套箱盒瓶把张辆])?的?"
    r"(?P<product>[\u4e00-\u9fffA-Za-z0-9][\u4e00-\u9fffA-Za-z0-9 \-]{1,18}?)"
    r"(?=$|[,，。;；、!！?？\s(（]|才|就|用|冒|起火|着火|响|裂|断|掉|少|缺|变|烧|被|到|收|坏|漏|出|一直|不|没|有|开|刚|今|昨|前|上|花|是|在|订单|回)"
)
_NOT_A_PRODUCT = re.compile(r"^(?:东西|的|了|它|这|那|时候|回来|单|后|完|过|之后|以后)")
_NAME = re.compile(
    r"(?:我叫|我的名字是|本人)(?P<name>[\u4e00-\u9fff]{2,4}?)(?=$|[,，。;；、!！\s]|是|的)|我姓(?P<surname>[\u4e00-\u9fff])(?![\u4e00-\u9fff]*名)"
)
_ORDER = re.compile(r"(?:订单号?|单号)(?:是|为|[:：])?\s*(?P<number>[A-Za-z]{0,4}[0-9][0-9A-Za-z-]{5,30})")
_BATCH = re.compile(r"(?:批次|批号|生产批号)(?:号)?(?:是|为|[:：])?\s*(?P<batch>[A-Za-z]{0,4}[0-9][0-9A-Za-z-]{2,20})")
_WISHES = {
    "refund": re.compile(
        r"(?:要求|希望|想|要|必须|马上|给我|申请|同意|尽快|全额)[^,，。;；]{0,6}退(?!休|回来)[款货钱]?|退款|退货|退钱|退机|退一赔"
    ),
    "exchange": re.compile(r"换货|换新|换一[台个件]|更换|调换"),
    "repair": re.compile(r"(?:要求|希望|想|要|尽快|请|马上|来人|上门)[^,，。;；]{0,6}(?:修|检修|维修)|给我修|修好它"),
    "compensation": re.compile(r"赔偿|赔付|补偿|索赔|赔我|[退假]一赔[一三十]|误工费|精神损失"),
    "apology": re.compile(r"道歉|赔礼|道个歉"),
    "explanation": re.compile(r"给.{0,4}(?:说法|解释|交代)|说明原因|解释清楚|到底为什么"),
    "correction": re.compile(r"更正|改正|纠正|改回来"),
}
_DENIED = re.compile(r"不(?:要|想|用|需要|是要)")  # 不给退款 is the company that will not
# What shows in words which listening a person needs; the moods themselves are the pack's.
_MOODS = {
    "revenge": (
        "曝光", "媒体", "记者", "12315", "12345", "起诉", "法院", "上访", "开除", "处分", "让你们", "发到网上",
        "抖音上",
    ),
    "display": (
        "消费者权益保护法", "消法", "三包", "第五十五条", "退一赔三", "假一赔十", "规定", "国标", "我懂", "我是做",
    ),
    "respect": ("负责人", "领导", "经理", "老客户", "老顾客", "会员这么多年", "看不起", "尊重", "什么身份"),
    "recognition": ("评评理", "你说是不是", "你说对不对", "换了你", "换作是你", "任何人都"),
    "vent": (
        "气死", "太过分", "忍无可忍", "什么态度", "受够", "无语", "恶心", "骗子", "垃圾", "服了你们", "!!", "！！",
    ),
    "remedy": ("赔偿", "补偿", "损失", "退款", "什么时候能", "怎么解决", "给个方案"),
}  # fmt: skip


def hear(text: str, *, received: date, orders: Sequence[Bought] = ()) -> list[Heard]:
    """The fields that the story fills by itself, each once, the first that was said before later ones."""
    text = text[:READ]
    found: dict[str, Heard] = {}
    for heard in (
        *_of_orders(text, orders),
        *_amounts(text),
        *_numbers(text),
        *_day(text, received),
        *_matches(text),
        *_wishes(text),
    ):
        found.setdefault(heard.field, heard)
    return list(found.values())


def mood_heard(text: str) -> tuple[str, list[str]]:
    """The code of the mood that speaks most from the words, and these words; "" when none does."""
    text = text[:READ]
    told = {code: [w for w in words if w in text] for code, words in _MOODS.items()}
    code = max(told, key=lambda c: len(told[c]))
    return (code, told[code]) if told[code] else ("", [])


def _before(text: str, at: int) -> str:
    """The words just before, within the same clause."""
    return re.split(r"[,，。;；!！?？\n]", text[max(0, at - NEAR) : at])[-1]


def _amounts(text: str) -> Iterator[Heard]:
    found: Sequence[Amount] = find_amounts(text)
    for amount in found:
        before = _before(text, amount.start)
        words = text[max(amount.start - len(before), 0) : amount.end]
        if _CLAIM.search(before):
            yield Heard("claim_fen", in_yuan(amount.fen), words)
        elif _PAID.search(before):
            yield Heard("order_fen", in_yuan(amount.fen), words)


def _numbers(text: str) -> Iterator[Heard]:
    for match in _ORDER.finditer(text):
        yield Heard("order_number", match["number"], match[0])
    for found in personal.find(text):
        if found.kind == "order_no":
            yield Heard("order_number", found.value, found.value)
        elif found.kind in {"phone", "landline"}:
            yield Heard("phone", found.value, found.value)
        elif found.kind == "email":
            yield Heard("mail", found.value, found.value)
    for match in _BATCH.finditer(text):
        yield Heard("batch", match["batch"], match[0])


def _day(text: str, received: date) -> Iterator[Heard]:
    """When it happened: the last day named that is not the day of buying and not to come."""
    for d in reversed(find_days(text, received)):
        said, after = text[d.start : d.end], re.split(r"[,，。;；!！?？\n]", text[d.end : d.end + 20])[0]
        if d.day > received or _BOUGHT.search(after):
            continue
        vague = not d.about and not re.search(r"[月/.-][0-9]+", said)
        yield Heard("happened", f"{said}（{d.day.month}月{d.day.day}日）" if vague else said, said)


def _matches(text: str) -> Iterator[Heard]:
    for match in _PLACE.finditer(text):
        yield Heard("place", match["place"], match[0])
    for match in _PRODUCT.finditer(text):
        product = match["product"].strip().removeprefix("的")
        if len(product) >= 2 and not _NOT_A_PRODUCT.match(product):
            yield Heard("product", product, match[0])
    for match in _NAME.finditer(text):
        if name := match["name"]:
            yield Heard("name", name, match[0])


def _of_orders(text: str, orders: Sequence[Bought]) -> Iterator[Heard]:
    """The order the customer speaks of: its number or its product stands in the text. One order alone is not enough."""
    folded = text.lower()
    for order in orders:
        said = order.number if order.number and order.number.lower() in folded else _part_said(order.product, text)
        if said:
            yield Heard("order_number", order.number, said)
            yield Heard("product", order.product, said)
            if order.amount_fen:
                yield Heard("order_fen", in_yuan(order.amount_fen), said)
            return


def _part_said(product: str, text: str) -> str:
    """The longest ending of a product's name (two characters or more) that stands in the text: 空调 of 云柜空调."""
    words = re.sub(r"[^\u4e00-\u9fff]+", " ", product).split()
    tails = [word[at:] for word in words for at in range(len(word) - 1)]
    return max((tail for tail in tails if tail in text), key=len, default="")


def _wishes(text: str) -> Iterator[Heard]:
    told = {}
    for code, words in _WISHES.items():
        for match in words.finditer(text):
            if not _DENIED.search(text[max(0, match.start() - 4) : match.start() + 2]):
                told[code] = match[0]
                break
    if told:
        yield Heard("wishes", ",".join(told), "、".join(told.values()))

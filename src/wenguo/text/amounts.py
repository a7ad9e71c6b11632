"""Money in words: find it in what people write, and write it so that nobody can change it. Amounts are whole fen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from wenguo.text.normal import fold

MOST_FEN = 10**15
"""Larger sums (ten million million yuan) are typing errors: not found, and not written in words."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum of money: s[start:end] is how it was written, with its sign and unit."""

    fen: int
    start: int
    end: int


_DIGITS = dict(
    zip(
        "零〇一壹二贰两三叁四肆五伍六陆七柒八捌九玖",
        (0, 0, 1, 1, 2, 2, 2, *[n // 2 for n in range(6, 20)]),
        strict=True,
    )
)
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "万": 10**4, "亿": 10**8}
_U = f"[{''.join(_UNITS)}]"
_C = f"[{''.join(_DIGITS)}{''.join(_UNITS)}]"
_D = f"[0-9{''.join(_DIGITS)}]"
_NUMBER = re.compile(  # 1,234.50  3.5万  3千5百  3万5 | 两千三百  三点五万  壹万零伍
    r"(?<![0-9])(?<![0-9]\.)(?:[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,13})(?:\.[0-9]{1,6})?(?![0-9])"
    rf"(?:{_U}{{1,2}}(?:[0-9]{{1,4}}{_U}){{0,3}}(?:[0-9]{{1,4}}(?![0-9.]))?)?"
    rf"|(?<!{_C}){_C}{{1,30}}(?!{_C})(?:点{_C}{{1,6}})?"
)
_SIGN = re.compile(r"(?:¥|rmb|cny|人民币)[ :]{0,2}$")
_ABOUT = re.compile(rf" ?[多余来几]?(?P<times>{_U}{{1,2}}|[wk](?![a-z]))? ?")
_YUAN = re.compile(r"元(?:人民币)?(?![旦素宵件器老月气首购])|圆(?![形圈满通润珠桌柱弧规滑])|人民币|rmb")
_KUAI = re.compile(r"块(?P<money>多?钱|多)?")
_CHANGE = re.compile(
    rf"零?(?P<jiao>{_D})[角毛](?:零?(?P<fen>{_D})分?(?!{_C}|[0-9]))?|零?(?P<only_fen>{_D})分|(?P<half>半)"
)
_AFTER_KUAI = re.compile(rf"(?P<jiao>{_D})(?![0-9]|{_C}(?![个斤份单件瓶次]))")
_SMALL = re.compile(r"(?P<jiao>[角毛])(?![形度星落色笔])(?P<money>钱)?|分(?P<money_too>钱)?")
_WHOLE = re.compile(r"[整正]")
_ENDS_KUAI = re.compile(
    r"$|[\s,.;:!?。、~…)」”】/]|的|了|左右|以[上下内外]|[就都才不给买退每还吧呢啊]|[运停押定差手服安误路]|[未没到]|一[个斤份单件瓶次]"
    r"|(?:材料|人工|交通|打车|检测|鉴定|医[药疗]|维修|检修|清洗|拆装|配送|快递|邮|诊疗|护理|营养|住宿|违约|退货|搬运)费"
)
_COUNTED = re.compile(
    r" ?[多余来几]?[个人次件只台辆条张把份页字公里米平方步户名位层岁年月天日号小时分钟秒倍亩吨斤克瓦升度套家种篇点首块"
    r"美港欧日韩英像象色居青%‰+a-z0-9]"
)
_NOT_MONEY_BEFORE = re.compile(r"销量|粉丝|关注|浏览|阅读|播放|点击|转发|人口|行驶|跑了|里程|访问|第$")
_MONEY_BEFORE = re.compile(r"[花付收退赔价费补给扣差要卖罚款钱]")
_NEAR = 5
"""Characters before a number in which a word tells money from other counts."""


def find_amounts(s: str) -> list[Amount]:
    """The sums of money in `s`, in order: ¥1,234.50, 350元, 3块5, 3.5万, 两千三百元, 一百二, 壹万元伍角整.

    About-words count as what they stand by (100多元 is 10000 fen). Foreign money, counted things (3万人, 三块电池) and
    figures that may be anything (5000 without a unit) are left out. Source: TEXT.md 8.
    """
    folded = fold(s)
    return [Amount(fen, *folded.span(start, end)) for fen, start, end in _amounts(folded.text)]


def in_words(fen: int) -> str:
    """A sum as on a cheque: 1000050 -> 人民币壹万元伍角整. ValueError: negative, or above `MOST_FEN`.

    Source: 支付结算办法, appendix 1: 整 after yuan or jiao, not after fen; one 零 for zeros inside; 零 between yuan and
    fen when there is no jiao.
    """
    if fen < 0:
        raise ValueError("金额不能为负数，无法写成大写")
    if fen > MOST_FEN:
        raise ValueError("金额过大，无法写成大写")
    whole, change = divmod(fen, 100)
    jiao, rest = divmod(change, 10)
    words = _whole_in_words(whole) + "元" if whole or not change else ""
    if jiao:
        words += _CAPITALS[jiao] + "角"
    elif rest and whole:
        words += "零"
    return "人民币" + words + (_CAPITALS[rest] + "分" if rest else "整")


def yuan(fen: int) -> str:
    """123450 -> 1,234.50"""
    whole, change = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole:,}.{change:02}"


_CAPITALS = "零壹贰叁肆伍陆柒捌玖"


def _whole_in_words(n: int) -> str:
    if n == 0:
        return "零"
    for size, name in ((10**8, "亿"), (10**4, "万"), (1000, "仟"), (100, "佰"), (10, "拾")):
        if n >= size:
            high, low = divmod(n, size)
            words = (_CAPITALS[high] if size <= 1000 else _whole_in_words(high)) + name
            return words + ("零" if 0 < low < size // 10 else "") + (_whole_in_words(low) if low else "")
    return _CAPITALS[n]


def _amounts(text: str) -> Iterator[tuple[int, int, int]]:
    """(fen, start, end)"""
    at = 0
    while number := _NUMBER.search(text, at):
        at = number.end()
        read = _value(number[0])
        if read is None or text[max(0, number.start() - 1) : number.start()] in {"几", "数"}:
            continue  # 几十块 is no sum
        signed = _SIGN.search(text[max(0, number.start() - 6) : number.start()])
        money = _with_unit(text, number, *read, signed=signed is not None)
        if money is None:
            continue
        yuan, at = money
        fen = int((yuan * 100).to_integral_value(ROUND_HALF_UP))
        if fen <= MOST_FEN:
            yield fen, number.start() - (len(signed[0]) if signed else 0), at


def _with_unit(
    text: str, number: re.Match[str], value: Decimal, short: bool, *, signed: bool
) -> tuple[Decimal, int] | None:
    """(yuan, end) of a number that is money, by the unit behind it, its sign, or how it is said."""
    about = _ABOUT.match(text, number.end())
    assert about  # matches always
    times = about["times"] or ""
    value_times = value * _times(times)
    if unit := _YUAN.match(text, about.end()):
        yuan, end = _plus_change(text, unit.end(), value_times)
        return yuan, _past_whole(text, end)
    if (unit := _KUAI.match(text, about.end())) and _is_money(text, number, unit, value_times):
        yuan, end = _plus_change(text, unit.end(), value_times)
        if end == unit.end() and not unit["money"] and (rest := _rest_after_kuai(text, end)):
            return yuan + Decimal(_digit(rest["jiao"])) / 10, rest.end()
        return yuan, end
    if small := _small(text, number, value, signed=signed):
        return small
    before = text[max(0, number.start() - _NEAR) : number.start()]
    if signed:
        return value_times, about.end() if times else number.end()
    if _COUNTED.match(text, number.end()) or _NOT_MONEY_BEFORE.search(before) or number[0] == "二百五":
        return None
    large = number[0][-1] in "万亿" or short
    return (value, number.end()) if large or (value >= 100 and _said_in_units(number[0], before)) else None


def _said_in_units(number: str, before: str) -> bool:
    """赔一百, 退我5千: a round sum after a word of paying."""
    return number[-1] in "百千" and _MONEY_BEFORE.search(before) is not None


def _is_money(text: str, number: re.Match[str], kuai: re.Match[str], value: Decimal) -> bool:
    """块 counts cakes and batteries as well as yuan."""
    if kuai["money"] or _CHANGE.match(text, kuai.end()) or _rest_after_kuai(text, kuai.end()):
        return True
    if not _ENDS_KUAI.match(text, kuai.end()):
        return False
    before = text[max(0, number.start() - _NEAR) : number.start()]
    return value >= 10 or number[0][0].isdigit() or _MONEY_BEFORE.search(before) is not None


def _rest_after_kuai(text: str, at: int) -> re.Match[str] | None:
    """The 5 of 3块5, which is not that of 3块5个."""
    rest = _AFTER_KUAI.match(text, at)
    return rest if rest and not _COUNTED.match(text, rest.end()) else None


def _small(text: str, number: re.Match[str], value: Decimal, *, signed: bool) -> tuple[Decimal, int] | None:
    """5毛, 五角钱, 3分钱, 人民币伍角叁分: less than a yuan."""
    unit = _SMALL.match(text, number.end())
    if unit is None or value != int(value) or not 0 < value < 10:
        return None
    if not unit["jiao"]:
        if number[0] == "一" and not signed:
            return None  # 一分钱一分货
        return (value / 100, unit.end()) if signed or unit["money_too"] else None
    cents = re.compile(rf"({_D})分").match(text, unit.end())
    whole = _past_whole(text, unit.end())
    if not (signed or unit["money"] or cents or whole > unit.end() or number[0].isascii()):
        return None  # 三角, 五毛 alone may be a shape or a share
    return (value / 10 + Decimal(_digit(cents[1])) / 100, cents.end()) if cents else (value / 10, whole)


def _plus_change(text: str, at: int, yuan: Decimal) -> tuple[Decimal, int]:
    """What 角, 分, 半 behind the unit add."""
    change = _CHANGE.match(text, at)
    if change is None:
        return yuan, at
    if change["half"]:
        return yuan + Decimal("0.5"), change.end()
    jiao, fen = _digit(change["jiao"] or "0"), _digit(change["fen"] or change["only_fen"] or "0")
    return yuan + Decimal(jiao) / 10 + Decimal(fen) / 100, change.end()


def _past_whole(text: str, at: int) -> int:
    whole = _WHOLE.match(text, at)
    return whole.end() if whole else at


def _times(units: str) -> int:
    product = 1
    for unit in units:
        product *= {"w": 10**4, "k": 1000, **_UNITS}[unit]
    return product


def _digit(c: str) -> int:
    return int(c) if c.isascii() else _DIGITS[c]


def _value(number: str) -> tuple[Decimal, bool] | None:
    """(value, was the last unit left unsaid?) of a number as said: 3万5 -> (35000, True). None: no number."""
    total = section = Decimal(0)  # whole 亿 and 万; what is below
    waiting: Decimal | None = None  # a digit whose unit has not come yet
    last_unit, zero = 0, False
    number, _, decimals = number.partition("点")
    for part in re.findall(r"[0-9][0-9,.]*|.", number):
        if unit := _UNITS.get(part):
            if waiting is None and unit == 10 and section == 0:
                waiting = Decimal(1)  # 十五, 万十五
            if unit < 10**4:
                if waiting is None or (section and unit >= last_unit):
                    return None
                section += waiting * unit
            else:
                here = section + (waiting or 0)
                if here == 0 and (unit == 10**4 or total == 0):
                    return None
                total = (total + here) * unit if unit == 10**8 else total + here * unit
                section = Decimal(0)
            waiting, last_unit, zero = None, unit, False
        elif _DIGITS.get(part) == 0 and (total or section):
            zero = True
        elif waiting is not None:
            return None  # 三四百: about, and telephone numbers
        else:
            waiting = Decimal(part.replace(",", "").rstrip(".")) if part[0].isascii() else Decimal(_DIGITS[part])
    if decimals and waiting is not None:
        return _value_with_decimals(waiting, decimals)
    short = waiting is not None and last_unit >= 100 and not zero and 0 < waiting < 10
    rest = (waiting or 0) * (last_unit // 10 if short else 1)
    return total + section + rest, short


def _value_with_decimals(whole: Decimal, decimals: str) -> tuple[Decimal, bool] | None:
    """三点五万: one digit, 点, digits, units."""
    digits = decimals.rstrip("".join(_UNITS))
    if not digits or any(c not in _DIGITS for c in digits):
        return None
    fraction = Decimal("0." + "".join(str(_DIGITS[c]) for c in digits))
    return (whole + fraction) * _times(decimals[len(digits) :]), False

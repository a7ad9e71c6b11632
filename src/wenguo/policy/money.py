"""Whole fen as people read and write them."""

from __future__ import annotations

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_SMALL = ("", "拾", "佰", "仟")
_LARGE = ("", "万", "亿", "万亿")


def yuan(fen: int) -> str:
    """38000 → 「380.00 元」, with thin groups of thousands: 「12 800.00 元」."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}".replace(",", " ") + f".{abs(fen) % 100:02d} 元"


def capital(fen: int) -> str:
    """The amount in words for forms: 38050 → 「人民币叁佰捌拾元伍角整」. ValueError: negative, or too large."""
    if not 0 <= fen < 10**18:
        raise ValueError(fen)
    whole, cents = divmod(fen, 100)
    jiao, odd = divmod(cents, 10)
    text = _integer(whole) + "元" if whole or not cents else ""
    if jiao:
        text += _DIGITS[jiao] + "角"
    elif odd and whole:
        text += "零"
    text += _DIGITS[odd] + "分" if odd else "整"
    return "人民币" + text


def _integer(number: int) -> str:
    if number == 0:
        return "零"
    groups: list[int] = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    text, gap = "", False
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        if group == 0:
            gap = bool(text)
            continue
        if text and (gap or group < 1000):
            text += "零"
        text += _group(group) + _LARGE[place]
        gap = False
    return text


def _group(group: int) -> str:
    text, gap = "", False
    for place in (3, 2, 1, 0):
        digit = group // 10**place % 10
        if digit:
            text += ("零" if gap and text else "") + _DIGITS[digit] + _SMALL[place]
            gap = False
        else:
            gap = True
    return text

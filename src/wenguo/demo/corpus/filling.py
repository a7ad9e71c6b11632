"""Templates of the corpus: slots `{product}`, choices `<早上|昨晚>` (an empty branch is allowed), and amount rules."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping

SLOTS = frozenset(
    {"product", "model", "title", "batch", "serial", "order", "price", "amount"}
    | {"name", "dear", "surname", "honorific", "age", "phone", "tail", "mail", "member", "company"}
    | {"city", "region", "address", "store", "branch", "hotline", "staff", "handler", "clerk", "fitter", "colleague"}
    | {"days", "times", "hours", "date", "bought", "promised", "deadline", "refnumber"}
)
_SLOT = re.compile(r"\{([^{}]*)\}")
_CHOICE = re.compile(r"<([^<>]*)>")
_AMOUNT = re.compile(r"(\d+)(?:\.\.(\d+))?|(price|wish)(?:\*(\d+(?:\.\d+)?))?")


class Malformed(ValueError):
    """A corpus file says something its forms do not allow."""


def check_text(text: str, *, may_name_amount: bool = True) -> None:
    """Refuse unknown slots, stray braces and unbalanced choices. Malformed."""
    for slot in _SLOT.findall(text):
        if slot not in SLOTS:
            raise Malformed(f"unknown slot {{{slot}}}")
        if slot == "amount" and not may_name_amount:
            raise Malformed("{amount} is named where no amount is asked")
    bare = _CHOICE.sub("", _SLOT.sub("", text))
    if re.search(r"[{}<>]", bare) or "|" in bare:
        raise Malformed(f"stray bracket in {text[:60]!r}")


def check_amount(rule: str, *, wish: bool) -> str:
    """Refuse a rule that `fen` cannot do. Malformed."""
    match = _AMOUNT.fullmatch(rule)
    if not match or (match[3] == "wish" and not wish):
        raise Malformed(f"amount rule {rule!r}")
    return rule


def fill(text: str, slots: Mapping[str, str], rng: random.Random) -> str:
    """The text with each choice made and each slot filled. KeyError if a slot is not given."""
    chosen = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), text)
    return _SLOT.sub(lambda match: slots[match[1]], chosen)


_GOODS = re.compile("检测|故障|批次|保修|维修|机身|师傅|配件|零件|服务站|送检|复检|序列号|视频|停用")
_MONEY = re.compile("款项|到账|钱退")


def fits(text: str, *, category: str, kinds: Collection[str], heated: bool) -> bool:
    """May this sentence, which any complaint can borrow, be said of one of this class, solved by measures of these
    kinds, told in anger or not? It must not speak of a device, of money or of a danger that is not there."""
    return not (
        (_GOODS.search(text) and category.split(".")[0] not in {"product", "aftersales"})
        or (_MONEY.search(text) and not {"refund", "compensation"} & set(kinds))
        or ("诉求为退款" in text and "refund" not in kinds)
        or ("更换的机器" in text and "exchange" not in kinds)
        or ("人身" in text and category != "product.safety")
        or ("公开传播" in text and not heated)
    )


def fen(rule: str, rng: random.Random, *, price_fen: int, wish_fen: int = 0) -> int:
    """The sum a rule gives, in fen: a span yields whole yuan, a share is rounded to 10 fen."""
    match = _AMOUNT.fullmatch(rule)
    if not match:
        raise Malformed(f"amount rule {rule!r}")
    low, high, base, share = match.groups()
    if base:
        return round((price_fen if base == "price" else wish_fen) * float(share or 1) / 10) * 10
    if high is None:
        return int(low)
    return rng.randint(int(low) // 100, int(high) // 100) * 100


def yuan(amount_fen: int) -> str:
    """1299, 129.5, 0.05: as customers write it, without a trailing zero."""
    whole, rest = divmod(amount_fen, 100)
    return str(whole) if not rest else f"{whole}.{rest:02d}".rstrip("0")

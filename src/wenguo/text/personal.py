"""Personal data in free words: find it, and show it with its middle covered.

The order of looking matters, for a number is what the first rule that fits says it is: identity card (checksum), bank
card (Luhn), mobile, landline, e-mail, number plate, order number (after its keyword). Source: TEXT.md 8; FIELD.md 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from wenguo.text.normal import fold, normalise
from wenguo.text.pinyin import COMPOUND

Kind = Literal["id_card", "bank_card", "phone", "landline", "email", "plate", "order_no"]


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of personal data: s[start:end] as it was written, `value` in its plain form (only digits, capitals)."""

    kind: Kind
    value: str
    start: int
    end: int


_GAP = r"[ \-.\u2010-\u2015\u2212]{0,2}"
_MAIL_FOLLOWS = r"(?![a-z0-9._+\-]{0,64}@)"
_PROVINCES_OF_IDS = re.compile("1[1-5]|2[123]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[123]")
_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云渝藏陕甘青宁新"
_CARD_BEFORE = re.compile(r"卡号|银行卡|储蓄卡|信用卡|借记卡|账号|帐号|账户|帐户")
_ID_BEFORE = re.compile(r"身份证|证件号")
_CALL_BEFORE = re.compile(r"电话|座机|固话|致电|拨打|联系方式|tel|传真")
_BEFORE = 16
"""Characters before a number in which a keyword says what it is."""

_ID_18 = re.compile(
    rf"(?<![0-9a-z])[1-9][0-9]{{2}}{_GAP}[0-9]{{3}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{3}}{_GAP}[0-9x]"
    rf"(?![0-9a-z]){_MAIL_FOLLOWS}"
)
_ID_15 = re.compile(rf"(?<![0-9a-z])[1-9][0-9]{{14}}(?![0-9a-z]){_MAIL_FOLLOWS}")
_CARD = re.compile(
    rf"(?<![0-9a-z])(?:[0-9]{{4}}(?:{_GAP}[0-9]{{4}}){{3}}(?:{_GAP}[0-9]{{1,3}})?|[0-9]{{6}}{_GAP}[0-9]{{10,13}})"
    rf"(?![0-9]){_MAIL_FOLLOWS}"
)
_MOBILE = re.compile(
    rf"(?<![0-9])(?:\(?(?:\+|00)?86\)?{_GAP}|0)?1[3-9][0-9](?:{_GAP}[0-9]){{8}}(?![0-9]){_MAIL_FOLLOWS}"
)
_LANDLINE = re.compile(
    rf"(?<![0-9])(?:\(?(?:\+|00)86\)?{_GAP}\(?0?|\(?0)(?P<area>10|2[0-9]|[3-9][0-9]{{2}})\)?{_GAP}"
    rf"(?P<front>[1-9][0-9]{{2,3}})[ \-]?(?P<end>[0-9]{{4}})"
    rf"(?:(?:\-|转|ext\.?) ?(?P<extension>[0-9]{{1,6}}))?(?![0-9]){_MAIL_FOLLOWS}"
)
_LOCAL_LINE = re.compile(rf"(?<![0-9\-])[2-9][0-9]{{2,3}}[ \-]?[0-9]{{4}}(?![0-9\-]){_MAIL_FOLLOWS}")
_MAIL_HOST = re.compile(r"@(?:[a-z0-9][a-z0-9\-]{0,62}\.){1,6}[a-z]{2,24}")
_MAIL_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789._%+-"
_PLATE = re.compile(
    rf"[{_PROVINCES}][ ]?[a-z][ ·•.\-]{{0,2}}"
    r"(?:[a-hjk][a-hj-np-z0-9][0-9]{4}|[0-9]{5}[a-hjk]|[a-hj-np-z0-9]{4}[a-hj-np-z0-9挂学警港澳])(?![a-z0-9])"
)
_ORDER = re.compile(
    r"(?:订单|单号|快递|运单|物流|工单|流水|交易号|保单)[编号码是为:#no. (\[【]{0,8}"
    r"([a-z0-9][a-z0-9\-]{4,38}[a-z0-9])(?![a-z0-9])"
)


def find(s: str, *, doubtful: bool = False) -> list[Found]:
    """All personal data in `s`, in order; full-width digits, blanks and dashes in numbers are understood.

    Only what is sure: an identity card has 18 characters and a right checksum (or 15 after its keyword), a bank card
    passes Luhn. Company hotlines (400, 95…) are nobody's personal data. `doubtful`: what may be one, too.
    """
    return list(_search(s, doubtful=doubtful))


def mask(s: str) -> str:
    """`s` with the middle of all personal data covered, doubtful cases too: a mistyped identity number is covered."""
    shown: list[str] = []
    at = 0
    for found in _search(s, doubtful=True):
        shown += s[at : found.start], MASKS[found.kind](found.value)
        at = found.end
    return "".join(shown) + s[at:]


def mask_phone(number: str) -> str:
    """138****5678; a landline keeps area code and four digits, 010-****1234. Too short to be a number: ****."""
    written = fold(number.strip()).text
    if landline := _LANDLINE.fullmatch(written):
        return f"0{landline['area']}-****{landline['end']}"
    digits = _digits(written)
    if _MOBILE.fullmatch(written):
        digits = digits[-11:]
    if len(digits) < 7:
        return "****" if written else ""
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) > 8 else f"****{digits[-4:]}"


def mask_name(name: str) -> str:
    """王小明 -> 王**, 欧阳晓峰 -> 欧阳**, John Smith -> J***; one character is covered. The length is not told."""
    name = name.strip()
    if len(name) < 2:
        return "**" if name else ""
    if name[0].isascii():
        return name[0] + "***"
    shown = 2 if len(name) > 2 and normalise(name[:2]) in COMPOUND else 1
    return name[:shown] + "**"


def mask_email(address: str) -> str:
    """zhangsan@example.com -> z***@example.com; one letter before the @ is covered too."""
    local, at, host = address.strip().rpartition("@")
    if not at:
        return "***" if host else ""
    return (local[0] if len(local) > 1 else "") + "***@" + host


def mask_id(number: str) -> str:
    """110***********1234: three characters in front, four behind."""
    return _middle(number, 3, 4)


def mask_card(number: str) -> str:
    """6222***********4217: four digits in front, four behind."""
    return _middle(number, 4, 4)


def mask_plate(plate: str) -> str:
    """京A***45"""
    return _middle(plate, 2, 2)


def mask_order(number: str) -> str:
    """****5678"""
    return "****" + number[-4:] if len(number) > 6 else "****"


_REGION = re.compile(
    r"(?:[^省市区县州旗盟\s]{2,7}(?:省|特别行政区|自治区))?"
    r"(?:[^省市区县旗盟\s]{1,10}(?:自治州|地区|盟|市))?"
    r"(?:[^省市区县旗盟\s]{1,9}(?:(?<![小社园校厂景库])区|县|旗|市))?"
)


def mask_address(address: str) -> str:
    """What is finer than district or county is covered: 北京市朝阳区建国路88号 -> 北京市朝阳区****."""
    address = address.strip()
    region = _REGION.match(address)
    return (region[0] if region else "") + "****" if address else ""


MASKS: dict[Kind, Callable[[str], str]] = {
    "id_card": mask_id,
    "bank_card": mask_card,
    "phone": mask_phone,
    "landline": mask_phone,
    "email": mask_email,
    "plate": mask_plate,
    "order_no": mask_order,
}


def _search(s: str, *, doubtful: bool) -> Iterator[Found]:
    folded = fold(s)
    text = folded.text
    claimed: list[tuple[int, int, Kind, str]] = []
    for kind, rule in _RULES:
        pieces: list[str] = []
        at = 0
        for start, end, value in rule(text, doubtful):
            claimed.append((start, end, kind, value))
            pieces += text[at:start], "\0" * (end - start)  # taken: no later rule sees it
            at = end
        if at:
            text = "".join(pieces) + text[at:]
    for start, end, kind, value in sorted(claimed):
        yield Found(kind, value, *folded.span(start, end))


Spans = Iterator[tuple[int, int, str]]


def _id_cards(text: str, doubtful: bool) -> Spans:
    for found in _ID_18.finditer(text):
        number = _alphanumeric(found[0])
        if is_id_card(number) or (doubtful and _is_day(number[6:14])):
            yield *found.span(), number


def _old_id_cards(text: str, doubtful: bool) -> Spans:
    for found in _ID_15.finditer(text):
        number = found[0]
        named = doubtful or _said_before(_ID_BEFORE, text, found.start())
        if named and _PROVINCES_OF_IDS.match(number) and _is_day("19" + number[6:12]):
            yield *found.span(), number


def _bank_cards(text: str, doubtful: bool) -> Spans:
    for found in _CARD.finditer(text):
        number = _digits(found[0])
        if not 16 <= len(number) <= 19:
            continue
        named = _said_before(_CARD_BEFORE, text, found.start())
        usual = re.match(r"62|4|5[1-5]|2[2-7]|35|60|9[0-9]", number) is not None
        if (passes_luhn(number) and (usual or named)) or (doubtful and (named or number.startswith("62"))):
            yield *found.span(), number


def _mobiles(text: str, doubtful: bool) -> Spans:
    for found in _MOBILE.finditer(text):
        yield *found.span(), _digits(found[0])[-11:]


def _landlines(text: str, doubtful: bool) -> Spans:
    for found in _LANDLINE.finditer(text):
        extension = f"-{found['extension']}" if found["extension"] else ""
        yield *found.span(), f"0{found['area']}-{found['front']}{found['end']}{extension}"


def _local_lines(text: str, doubtful: bool) -> Spans:
    for found in _LOCAL_LINE.finditer(text):
        if _said_before(_CALL_BEFORE, text, found.start()) and not re.match(r"400|800", found[0]):
            yield *found.span(), _digits(found[0])


def _emails(text: str, doubtful: bool) -> Spans:
    before = 0
    for found in _MAIL_HOST.finditer(text):
        window = text[max(before, found.start() - 64) : found.start()]
        local = window[len(window.rstrip(_MAIL_LETTERS)) :]
        if not local:  # some providers allow Chinese names
            local = re.search(r"[\u4e00-\u9fff]{0,8}$", window[-8:])[0]  # type: ignore[index]  # matches always
        if local:
            yield found.start() - len(local), found.end(), local + found[0]
        before = found.end()


def _plates(text: str, doubtful: bool) -> Spans:
    for found in _PLATE.finditer(text):
        plate = re.sub(r"[ ·•.\-]", "", found[0]).upper()
        if sum(c.isdigit() for c in plate) >= 2:
            yield *found.span(), plate


def _orders(text: str, doubtful: bool) -> Spans:
    for found in _ORDER.finditer(text):
        if sum(c.isdigit() for c in found[1]) >= 4:
            yield *found.span(1), found[1].upper()


def _lettered_orders(text: str, doubtful: bool) -> Spans:
    """JD13812345678 behind its keyword is an order, though a telephone number stands in it."""
    for found in _orders(text, doubtful):
        if re.search(r"[A-Z]", found[2]):
            yield found


_RULES: tuple[tuple[Kind, Callable[[str, bool], Spans]], ...] = (
    ("id_card", _id_cards),
    ("bank_card", _bank_cards),
    ("id_card", _old_id_cards),
    ("order_no", _lettered_orders),
    ("phone", _mobiles),
    ("landline", _landlines),
    ("email", _emails),
    ("plate", _plates),
    ("order_no", _orders),
    ("landline", _local_lines),
)


def is_id_card(number: str) -> bool:
    """Is this an identity number of 18 characters: province, birthday, check character? Source: GB 11643-1999."""
    number = number.upper()
    if not re.fullmatch(r"[1-9][0-9]{16}[0-9X]", number) or not _PROVINCES_OF_IDS.match(number):
        return False
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    check = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False)) % 11]
    return number[-1] == check and _is_day(number[6:14])


def passes_luhn(number: str) -> bool:
    """Does the last digit check the others (mod 10)? Source: ISO/IEC 7812-1."""
    digits = [int(digit) for digit in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def _is_day(yyyymmdd: str) -> bool:
    try:
        return 1850 <= date(int(yyyymmdd[:4]), int(yyyymmdd[4:6]), int(yyyymmdd[6:])).year <= 2100
    except ValueError:
        return False


def _said_before(words: re.Pattern[str], text: str, at: int) -> bool:
    return words.search(text, max(0, at - _BEFORE), at) is not None


def _digits(s: str) -> str:
    return re.sub(r"[^0-9]", "", s)


def _alphanumeric(s: str) -> str:
    return re.sub(r"[^0-9a-z]", "", s).upper()


def _middle(number: str, front: int, behind: int) -> str:
    """Front and end stay, the middle is covered; too short a number is covered whole."""
    number = number.strip()
    covered = len(number) - front - behind
    return number[:front] + "*" * covered + number[-behind:] if covered > 0 else "*" * len(number)

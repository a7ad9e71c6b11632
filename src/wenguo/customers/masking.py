"""What of a personal field may be shown to everybody: enough to recognise it, too little to use it. Plain functions.

Source: FIELD 2.4 (138****5678).
"""

from __future__ import annotations

import re

# The two-character surnames that are met in practice; with any other name the first character is the surname.
_DOUBLE = {
    "欧阳",
    "司马",
    "上官",
    "诸葛",
    "皇甫",
    "慕容",
    "尉迟",
    "令狐",
    "东方",
    "南宫",
    "长孙",
    "宇文",
    "司徒",
    "夏侯",
}


def mask_name(name: str) -> str:
    """王小明 → 王**, 欧阳娜娜 → 欧阳**, John Smith → J***; empty stays empty. Its length is not told either."""
    name = name.strip()
    if not name:
        return ""
    if name[0].isascii():
        return f"{name[0]}***"
    return f"{name[:2] if len(name) > 2 and name[:2] in _DOUBLE else name[0]}**"


def mask_phone(phone: str) -> str:
    """13812345678 → 138****5678; a short number keeps its last two digits."""
    digits = re.sub(r"[^\d+]", "", phone)
    if len(digits) >= 11:
        return f"{digits[:3]}****{digits[-4:]}"
    return f"****{digits[-2:]}" if len(digits) >= 4 else "****" if digits else ""


def mask_mail(mail: str) -> str:
    """zhangsan@example.com → z***@example.com."""
    local, at, domain = mail.strip().rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at else mask_word(mail)


def mask_word(word: str) -> str:
    """An account or member number: a_long_name → a***e; up to four letters show none."""
    word = word.strip()
    return f"{word[0]}***{word[-1]}" if len(word) > 4 else "***" if word else ""


def mask_address(address: str) -> str:
    """As far as the district: 浙江省杭州市西湖区文三路 1 号 → 浙江省杭州市西湖区****."""
    address = address.strip()
    place = re.match(r"(?:[^省市区县旗]{1,10}(?:自治区|省|市|区|县|旗)){1,3}", address)
    return f"{place[0] if place else ''}****" if address else ""


def mask_identity(kind: str, shown: str) -> str:
    return {"phone": mask_phone, "mail": mask_mail}.get(kind, mask_word)(shown)

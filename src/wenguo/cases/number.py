"""The tracking number: one complaint, one number that can be read out on the phone.

`TS-2611-0042-7`: year and month, a serial that starts again each month (gaps are possible, no number is used twice),
and an ISO 7064 MOD 11-2 check character (0–9 or X, the one of the resident identity card), which catches every
single wrong digit and every swapped pair. Source: IN-2.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from wenguo.breath import given
from wenguo.errors import Invalid
from wenguo.together import Together

_SHAPE = re.compile(r"(?:TS)?(\d{4})(\d{4,9})([0-9X])")


def check_character(digits: str) -> str:
    """ISO 7064 MOD 11-2 over decimal digits."""
    rest = 0
    for digit in digits:
        rest = (rest + int(digit)) * 2 % 11
    return "0123456789X"[(12 - rest) % 11]


def spell(month: str, serial: int) -> str:
    """The number of the `serial`-th case of `month` (yymm)."""
    digits = f"{month}{serial:04d}"
    return f"TS-{month}-{serial:04d}-{check_character(digits)}"


def parse(said: str) -> str:
    """The number in its one written form, from what somebody typed or read out. Invalid: it cannot be one."""
    plain = re.sub(r"[\s\-—–_.·]", "", unicodedata.normalize("NFKC", said)).upper()[:40]
    found = _SHAPE.fullmatch(plain)
    if not found:
        raise Invalid(_("编号应形如 TS-2611-0042-7，请核对"))
    month, serial, check = found.groups()
    if check_character(month + serial) != check:
        raise Invalid(_("编号「{said}」不对，可能抄错了一位，请对照收到的通知再核对").format(said=said.strip()[:40]))
    return f"TS-{month}-{serial}-{check}"


def possible(said: str, at: datetime) -> list[str]:
    """The numbers somebody may mean who gives a part: a serial (0042), with its check character (0042-7), with its
    month (2611-0042), or all of it; without a month, those of ten years until `at`. Empty: it is no part of a number.
    """
    plain = re.sub(r"[\s\-—–_.·]", "", unicodedata.normalize("NFKC", said)).upper().removeprefix("TS")
    if not re.fullmatch(r"\d{3,13}[0-9X]?", plain):
        return []
    now = int(_month(at)[:2]) * 12 + int(_month(at)[2:]) - 1
    months = [f"{n // 12 % 100:02d}{n % 12 + 1:02d}" for n in range(now, now - 120, -1)]
    found = [spell(m, int(plain)) for m in months] if plain.isdecimal() and len(plain) <= 9 else []
    if 5 <= len(plain) <= 10:
        checked = [spell(m, int(plain[:-1])) for m in months]
        found += [number for number in checked if number.endswith(plain[-1])]
    if len(plain) >= 8 and 1 <= int(plain[2:4]) <= 12:
        for serial, check in ((plain[4:], ""), (plain[4:-1], plain[-1])):
            if serial.isdecimal() and len(serial) <= 9 and (one := spell(plain[:4], int(serial))).endswith(check):
                found.append(one)
    return found


def reserve(month: str, count: int) -> int:
    """Set `count` serials of the month (yymm) aside, in the caller's transaction; returns the first. `next_number` is
    told one of them by whoever reserved them."""
    sequence = connection.ops.quote_name(f"cases_number_{month}")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SEQUENCE IF NOT EXISTS {sequence}")
        cursor.execute(f"ALTER SEQUENCE {sequence} OWNED BY NONE")  # nobody takes one until the transaction ends
        cursor.execute("SELECT nextval(%s)", [sequence])
        first = int(cursor.fetchone()[0])
        cursor.execute("SELECT setval(%s, %s)", [sequence, first + count - 1])
    return first


def sequence_of(at: datetime) -> str:
    """The name of the sequence that counts the cases of this month: one a month, so that no intake waits for
    another."""
    return _sequence(_month(at))


def next_number(at: datetime, rows: Together | None = None) -> str:
    """A number nobody has; drawn with the ids of the `rows` it is for."""
    month = _month(at)
    sequence = _sequence(month)
    if (serial := given("serial")) is not None:
        return spell(month, serial)
    serial = (rows or Together()).id(sequence)
    if serial is None:  # the month's first
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [sequence])
            cursor.execute(f'CREATE SEQUENCE IF NOT EXISTS "{sequence}"')
        serial = Together().id(sequence)
    return spell(month, serial)


def _sequence(month: str) -> str:
    return f"cases_number_{month}"


def _month(at: datetime) -> str:
    return at.astimezone(ZoneInfo(settings.TIME_ZONE)).strftime("%y%m")

"""Facts in texts against a set written for it, and against real texts."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path

from wenguo.text.facts import find

GOLDEN = Path(__file__).parents[1] / "golden" / "facts.txt"
RECEIVED = date(2026, 11, 28)
MARK = re.compile(r"\{(\w+):([^}]*)\}")
MUST = {"phone": 0.98, "id_card": 0.98, "bank_card": 0.98, "landline": 0.95, "email": 0.98, "plate": 0.95}
OTHERS = {"order_no": 0.95, "amount": 0.95, "day": 0.95, "span": 0.95}


def unmarked(line: str) -> tuple[str, set[tuple[str, int, int]]]:
    text, facts, at = "", set(), 0
    for mark in MARK.finditer(line):
        text += line[at : mark.start()]
        facts.add((mark[1], len(text), len(text) + len(mark[2])))
        text += mark[2]
        at = mark.end()
    return text + line[at:], facts


def test_the_golden_set():
    """At least 300 texts; a fact counts as found when its kind is right and its place is exact."""
    lines = [line for line in GOLDEN.read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) >= 300
    wanted, right, claimed = Counter(), Counter(), Counter()
    wrong = []
    for line in lines:
        text, facts = unmarked(line)
        got = {(f.kind, f.start, f.end) for f in find(text, RECEIVED) if f.kind in MUST | OTHERS}
        wanted.update(kind for kind, _, _ in facts)
        claimed.update(kind for kind, _, _ in got)
        right.update(kind for kind, _, _ in facts & got)
        wrong += [(line, one[0], text[one[1] : one[2]]) for one in facts ^ got]
    for kind, least in (MUST | OTHERS).items():
        assert right[kind] / wanted[kind] >= least, (kind, right[kind], wanted[kind], wrong)
        assert right[kind] / claimed[kind] >= least, (kind, right[kind], claimed[kind], wrong)


def test_what_rules_and_dictionaries_name():
    text = "我在朝阳大悦城门店买的，型号KFR-35GW，批号B20260315，我们十几个人都吃坏了，找安心物业有限公司没人理"
    got = {(f.kind, text[f.start : f.end]) for f in find(text, RECEIVED)}
    assert {("batch", "B20260315"), ("model", "KFR-35GW"), ("people", "十几个人")} <= got
    assert ("place", "朝阳大悦城门店") in got
    assert ("organisation", "安心物业有限公司") in got
    assert not [f for f in find("你们公司和你们门店都不管，酒店也不管", RECEIVED)]

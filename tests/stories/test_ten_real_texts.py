"""Ten real texts arrive: each is read, graded and explained, the group among them is seen, and similar ones are found.

The texts are other people's and not part of the project; without them nothing is told, and it says so.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
from pathlib import Path

import pytest

from wenguo.cases import alike, group, intake, reading
from wenguo.cases.group import Group
from wenguo.cases.intake import Complaint
from wenguo.cases.triage import assess
from wenguo.text import network

DATA = Path(os.environ.get("WENGUO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, str, str]]:
    """(subject, text, group): four messages of one true group by different people within three days, six complaints."""
    messages = DATA / "taidi2020_gov_messages" / "hot_issues.csv.gz"
    labelled = DATA / "complaints_labelled" / "dev.jsonl"
    if not messages.is_file() or not labelled.is_file():
        pytest.skip(f"NOT TOLD: no real texts at {DATA} (WENGUO_DATA)")
    with gzip.open(messages, "rt", encoding="utf-8", newline="") as lines:
        named = [row for row in csv.DictReader(lines) if row["issue_group"] == "G01"]
    named.sort(key=lambda row: row["time"])
    start = next(n for n, row in enumerate(named) if row["time"].startswith("2019-11-15"))
    by_user = {row["user"]: row for row in reversed(named[start : start + 8])}
    four = list(by_user.values())[-4:]
    rows = [json.loads(line) for line in labelled.read_text("utf-8").splitlines()]
    six = [r["text"] for r in rows if r["agree"] and 30 <= len(r["text"]) <= 300][:6]
    return [(r["subject"], r["detail"], "G01") for r in four] + [("", text, "") for text in six]


def test_ten_real_texts_arrive(desk, texts, monkeypatch):
    monkeypatch.setattr(network, "installed", lambda: False)  # by words alone, wherever it is told
    cases = []
    for n, (subject, text, _group) in enumerate(texts):
        given = Complaint(channel="web", subject=subject, text=text, name=f"来信人{n}", phone=f"1390000{n:04}")
        case = intake.receive(given, at=desk.wait(hours=2)).case
        read = reading.read(case.pk, at=desk.now)
        group.meet(case.pk, at=desk.now)
        assert read is not None and read.at == desk.now
        for suggestion in read.seen["suggestions"]:
            assert 0 <= suggestion["probability"] <= 1
            assert all(0 <= start < end <= len(case.record.description) + 1 for start, end in suggestion["reasons"])
        score = assess(case)
        assert 1 <= score.level <= 4
        cases.append(case)
    told = [c for c in cases if c.reading.category]
    assert sum(c in told for c in cases[4:]) >= 4, "most of the six complaints; letters to a city need not"
    assert all(c.reading.seen["suggestions"][0]["reasons"] for c in told), "with its reasons"
    found = Group.objects.get()
    assert set(found.members.values_list("case_id", flat=True)) == {c.pk for c in cases[:4]}
    assert found.people == 4
    similar = alike.similar(cases[0], by=desk.supervisor, at=desk.now)
    assert similar and {s.case.pk for s in similar} <= {c.pk for c in cases[:4]}

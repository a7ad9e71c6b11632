"""What the story of a case tells in one line: what the system wrote, and all but the latest of escalations in a row."""

from __future__ import annotations

from datetime import UTC, datetime

from wenguo.web.desk.timeline import Line, _runs

AT = datetime(2026, 11, 27, 18, tzinfo=UTC)


def line(type: str, *, quiet: bool = False, words: str = "") -> Line:
    return Line(1, type, type, "系统", AT, "system", "", "", words, (), quiet, False, "")


def test_of_escalations_in_a_row_the_latest_stands():
    breached, warned = line("clock.breached"), line("clock.warned", quiet=True)
    said = line("message.received", words="怎么还没有结果？")
    runs = _runs([breached, breached, warned, breached, said, breached, warned, warned])
    assert [len(run) for run in runs] == [1, 3, 1, 1, 2]
    assert [run[0].type for run in runs[2:4]] == ["message.received", "clock.breached"], (
        "after a message it stands again"
    )

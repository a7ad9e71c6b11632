"""The table of acts holds together, and the picture in the documentation is drawn from it."""

from __future__ import annotations

from pathlib import Path

from wenguo.cases.lifecycle import ACTS, MOVES, OPEN, Stage, diagram
from wenguo.people.permissions import PERMISSIONS


def test_every_permission_an_act_needs_exists():
    assert {act.permission for act in ACTS.values()} <= PERMISSIONS.keys()


def test_every_stage_can_be_reached_and_left():
    reached = {Stage.RECEIVED}
    while True:
        more = {a.to for a in MOVES.values() if a.stages & reached} | reached
        if more == reached:
            break
        reached = more
    assert reached == set(Stage)
    for stage in set(Stage) - {Stage.ARCHIVED}:
        assert any(stage in a.stages for a in MOVES.values()), stage
    assert not any(Stage.ARCHIVED in a.stages for a in MOVES.values())


def test_every_open_stage_leads_to_the_end():
    for stage in OPEN:
        seen, todo = set(), [stage]
        while todo:
            here = todo.pop()
            seen.add(here)
            todo += [a.to for a in MOVES.values() if here in a.stages and a.to not in seen]
        assert Stage.CLOSED in seen


def test_the_picture_in_the_documentation_is_today_s():
    page = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"
    assert diagram() in page.read_text(encoding="utf-8")

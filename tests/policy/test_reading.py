"""The page that shows the pack loops over finished words; a difference says what changed, where, from what to what."""

from __future__ import annotations

import re

from django.utils.translation import override

from wenguo.policy import labels, loading, reading
from wenguo.policy.schema import Pack
from wenguo.policy.told import told


def changed(pack: Pack, **texts: tuple[str, str]) -> Pack:
    files = {f.name: f.read_text() for f in loading.STANDARD.glob("*.yaml")}
    for name, (old, new) in texts.items():
        assert old in files[f"{name}.yaml"]
        files[f"{name}.yaml"] = files[f"{name}.yaml"].replace(old, new, 1)
    return loading.read(files)


def test_nothing_differs_from_itself(pack: Pack) -> None:
    assert reading.difference(pack, pack) == []


def test_a_changed_deadline_is_said_in_words(pack: Pack) -> None:
    new = changed(pack, clocks=("level: 3\n      allowance: {hours: 72}", "level: 3\n      allowance: {hours: 48}"))
    found = {c.place: (c.before, c.after) for c in reading.difference(pack, new)}
    assert found["时限 › 规则 › 三级投诉方案落实（TR8-3-SOLVE） › 时限"] == ("3 个工作日", "2 个工作日")


def test_a_changed_amount_and_threshold(pack: Pack) -> None:
    new = changed(
        pack, compensation=("up_to_fen: 50000", "up_to_fen: 80000"), limits=("group_people: 3", "group_people: 5")
    )
    found = [(c.path[0], c.path[-1], c.before, c.after) for c in reading.difference(pack, new)]
    assert found == [("审批权限", "金额上限", "500.00 元", "800.00 元"), ("阈值", "群诉人数", "3", "5")]


def test_something_added_and_something_dropped(pack: Pack) -> None:
    new = changed(
        pack,
        reasons=(
            "return_reasons:\n",
            "return_reasons:\n  - {code: closed, title: 单位已撤销, meaning: 原单位不再存在, needs_proposal: true}\n",
        ),
    )
    (added,) = reading.difference(pack, new)
    assert added.path == ("退单理由", "单位已撤销（closed）") and added.before == "" and "原单位不再存在" in added.after
    (dropped,) = reading.difference(new, pack)
    assert dropped.after == "" and "原单位不再存在" in dropped.before


def test_the_whole_pack_is_readable(pack: Pack) -> None:
    sections = reading.readable(pack)
    assert len({s.code for s in sections}) == len(sections) and all(s.tables for s in sections)
    for section in sections:
        for table in section.tables:
            assert table.rows, table.title
            assert all(len(row) == len(table.columns) for row in table.rows), table.title
    text = "\n".join(cell for s in sections for t in s.tables for row in t.rows for cell in row)
    for word in (
        "三级投诉方案落实",
        "10,000.00 元",
        "隐私泄露",
        "七天无理由退货被拒",
        "银保监会令2020年第3号",
        "未核对",
    ):
        assert word in text


def test_no_english_code_reaches_the_page(pack: Pack) -> None:
    allowed = {"VIP", "NPS", "CSAT", "SLA", "ODR", "api", "W", "H"}
    for section in reading.readable(pack):
        for table in section.tables:
            for row in table.rows:
                for column, cell in zip(table.columns, row, strict=True):
                    if column in {"编号", "须先签"} or section.code == "templates":
                        continue
                    words = set(re.findall(r"[A-Za-z_]{2,}", cell)) - allowed
                    assert not words, f"{section.title} / {table.title} / {column}: {words}"


def test_every_key_of_the_pack_has_a_label(pack: Pack) -> None:
    assert set(Pack.model_fields) == set(labels.SECTIONS)
    assert set(type(pack.thresholds).model_fields) == set(labels.THRESHOLDS)

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*(keys(v) for v in value.values())) if value else set()
        if isinstance(value, list):
            return set().union(*(keys(v) for v in value)) if value else set()
        return set()

    inner = [pack.model_dump(mode="json")[name] for name in Pack.model_fields if name != "thresholds"]
    used = set().union(*(keys(value) for value in inner))
    units = {"working_days", "natural_days", "minutes_24x7", "fact", "days"}  # never shown by themselves
    assert used - units - set(labels.FIELDS) == set()


def test_of_a_long_list_of_words_only_what_went_and_came_is_shown() -> None:
    before = "漏电、触电、冒烟、焦味、糊味、短路、跳闸、带电、麻手"
    told = reading.Change(("信号词",), before, before.replace("糊味、", "") + "、打火、跳火花")
    assert told.words == (["糊味"], ["打火", "跳火花"], 8)
    assert reading.Change(("时限",), "8 小时", "4 小时").words is None
    assert reading.Change(("渠道",), "电话、网站", "电话、来信").words is None, "a short list is read at a glance"


def test_hours_lengths_and_levels_are_told_in_the_readers_language(pack) -> None:
    with override("en"):
        sections = {s.code: s for s in reading.readable(pack)}
    for code in ("calendars", "approval"):
        table = sections[code].tables[0]
        cells = [cell for row in table.rows for cell in row[1:5]]
        assert any(re.search("[A-Za-z]", cell) for cell in cells), cells
        assert not re.search("[周、（]", " ".join(cells)), cells
    with override("en"):
        assert told("3 个工作日（至当日下班）") == "3 working days (until closing that day)"
    assert told("30 分钟（全天候）") == "30 分钟（全天候）"
    assert "5,000.00 yuan" in str(sections["thresholds"])
    assert "Mo, Tu, We" in str(sections["calendars"].tables[0].rows)
    assert "working day" in str(sections["clocks"].tables[0].rows)

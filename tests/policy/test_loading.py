"""A mistake in a policy file is named with file, line, what was found and what is allowed; all mistakes at once."""

from __future__ import annotations

import re

import pytest
from django.utils.translation import override

from wenguo.policy import loading

MISTAKES = [
    # file, old, new, words that must appear
    ("limits.yaml", "group_people: 3", "group_people: drei", ["limits.yaml 第 ", "group_people", "整数", "drei"]),
    ("limits.yaml", "group_people: 3", "group_peple: 3", ["group_peple", "可写", "group_window_hours"]),
    ("clocks.yaml", "kind: acknowledge", "kind: aknowledge", ["clocks.yaml 第 ", "aknowledge", "respond"]),
    ("clocks.yaml", "allowance: {hours: 2}", "allowance: {hours: 2, natural_days: 1}", ["一种单位"]),
    ("clocks.yaml", "calendar: hotline", "calendar: hotlin", ["hotlin", "standard"]),
    (
        "clocks.yaml",
        "    - id: TR8-3-SOLVE\n      kind: solve",
        "    - id: TR8-3-SOLVE\n      kind: joint",
        ["3 级没有 solve"],
    ),
    ("clocks.yaml", "regime: nfra, title", "regime: nfraa, title", ["nfraa", "telecom"]),
    ("compensation.yaml", "up_to_fen: 200000", "up_to_fen: 40000", ["逐级升高", "50000"]),
    ("compensation.yaml", "level: 1, after", "level: 1, up_to_fen: 9999999, after", ["最后一级", "上限"]),
    ("compensation.yaml", "after: [AP-3]", "after: [AP-9]", ["AP-9"]),
    ("compensation.yaml", "clock: OVERRIDE", "clock: ACK", ["ACK", "override"]),
    ("tree.yaml", "sub: product.lifespan", "sub: product.lifespam", ["product.lifespam", "走不到", "使用寿命"]),
    ("tree.yaml", "to: repair}", "to: start}", ["绕回", "repair"]),
    ("routing.yaml", "lead: finance, collaborate: [ecommerce]", "lead: finanz", ["finanz", "finance"]),
    ("routing.yaml", "{id: RM-20, category: price,", "{id: RM-20, category: prize,", ["prize", "没有责任单位"]),
    ("severity.yaml", "level: 2, from_total: 16", "level: 2, from_total: 40", ["分数线"]),
    ("severity.yaml", "signals: [fire,", "signals: [feuer,", ["feuer"]),
    ("severity.yaml", "any_of: [gold]", "any_of: [silver]", ["silver", "diamond"]),
    ("severity.yaml", "{fact: vip, is_true: true}", "{fact: vip, at_least: 1}", ["vip", "is_true"]),
    ("templates.yaml", "编号为 {number}", "编号为 {nummer}", ["nummer", "received_at"]),
    ("templates.yaml", "编号为 {number}", "编号为 {number", ["成对"]),
    ("templates.yaml", "use: survey", "use: progress", ["survey"]),
    ("followup.yaml", "clock: FOLLOWUP-2", "clock: ACK", ["followup"]),
    ("reasons.yaml", "pauses: [solve, progress, joint, request]", "pauses: [statutory]", ["法定时限"]),
    ("reasons.yaml", "when: otherwise", "when: repeated", ["otherwise"]),
    ("taxonomy_1.yaml", "code: product.packaging", "code: prod.packaging", ["prod.packaging", "product."]),
]


@pytest.mark.parametrize(("name", "old", "new", "said"), MISTAKES)
def test_a_mistake_is_named(spoiled, name: str, old: str, new: str, said: list[str]) -> None:
    problems = "\n".join(spoiled(name, old, new))
    assert all(word in problems for word in said), problems


@pytest.mark.parametrize(("name", "old", "new"), [mistake[:3] for mistake in MISTAKES])
def test_a_mistake_is_named_in_english_too(spoiled, name: str, old: str, new: str) -> None:
    with override("en"):
        problems = "\n".join(spoiled(name, old, new))
    assert re.search(rf"^{name} line \d+: ", problems) or problems.startswith("Policy pack: "), problems
    assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", re.sub("“[^”]*”", "", problems)), problems


def test_the_line_is_the_line_of_the_mistake(spoiled) -> None:
    lines = (loading.STANDARD / "limits.yaml").read_text().splitlines()
    at = next(n for n, line in enumerate(lines, 1) if "reopen_days" in line)
    (problem,) = spoiled("limits.yaml", "reopen_days: 90", "reopen_days: 0")
    assert problem == f"limits.yaml 第 {at} 行：thresholds.reopen_days：应不小于 1；现为“0”"


def test_several_mistakes_are_reported_together() -> None:
    files = {f.name: f.read_text() for f in loading.STANDARD.glob("*.yaml")}
    files["limits.yaml"] = files["limits.yaml"].replace("group_people: 3", "group_people: 1")
    files["clocks.yaml"] = files["clocks.yaml"].replace("kind: override", "kind: overide", 1)
    files["severity.yaml"] = files["severity.yaml"].replace("points: 2", "points: 7", 1)
    with pytest.raises(loading.PackInvalid) as caught:
        loading.read(files)
    assert {p.file for p in caught.value.problems} == {"limits.yaml", "clocks.yaml", "severity.yaml"}
    assert "3 处错误" in caught.value.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "空"),
        (b"- a\n- b\n", "最外层"),
        (b"levels: [\n", "YAML"),
        ("title: 甲".encode("gb18030"), "UTF-8"),
        (b"title: a\ntitle: b\n", "写过"),
        (b"thresholds:\n  group_people: 3\n  group_people: 4\n", "两次"),
        (b"a: &x [1]\nb: *x\n", "引用"),
        (b"title: " + b"[" * 5000, "YAML"),
        (b"title: !!python/object/apply:os.system [ls]\n", "YAML"),
        (b"title: '" + b"x" * (3 * 1024 * 1024) + b"'", "超过"),
    ],
)
def test_what_is_no_pack_at_all_is_refused_in_words(pack, content: bytes, said: str) -> None:
    with pytest.raises(loading.PackInvalid) as caught:
        loading.read({"x.yaml": content}, base=pack)
    assert said in caught.value.message and "x.yaml" in caught.value.message


def test_an_empty_folder_is_refused(tmp_path) -> None:
    with pytest.raises(loading.PackInvalid, match="没有找到"):
        loading.load(tmp_path)

"""The pictures of the causes: whole, readable, without overlaps, and nothing somebody wrote can break them."""

from __future__ import annotations

import shutil
from itertools import combinations, cycle
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.cases.drawing import EM, LINE, NARROW, WIDE, Bone, Node, fishbone, outline, why_tree, width, wrap

SVG = "{http://www.w3.org/2000/svg}"
PROBLEM = "空调开机后外壳带电，客户被电到手指，要求退货并赔偿"
TEXTS = [
    "总装线第 3 工位线束固定扣未按图装配，电源线与金属壳体长期摩擦",
    "没有复核",
    "供应商 ABC-Elektronik GmbH 在 2026-09 更改了卡扣材料（PA66→PP），未书面通知我方，来料检验只看外观",
    "作业指导书没有写明卡扣的安装方向，新员工培训只讲了两小时，没有考核，首件检验无人核对，巡检表由系统自动勾选。" * 3,
    "<script>alert('x')</script> & \"引号\" 😀😀 مرحبا",
]


def tree(size: int) -> list[Node]:
    """`size` causes, two beneath each, of all lengths."""
    texts, children = cycle(TEXTS), {n: [m for m in (2 * n + 2, 2 * n + 3) if m < size] for n in range(size)}
    said = [next(texts) for _ in range(size)]

    def node(n: int) -> Node:
        deepest = not children[n]
        tags = ["根本原因", "已核实"] if deepest and n % 2 == 0 else ["已核实"] if n % 3 == 0 else []
        return Node(said[n], [node(m) for m in children[n]], tags, deepest and n % 2 == 0)

    return [node(n) for n in range(min(2, size))]


def bones(size: int) -> list[Bone]:
    titles = ["人员", "机器", "材料", "方法", "环境", "测量"]
    causes: dict[str, list[Node]] = {title: [] for title in titles}
    for n in range(size):
        beneath = [Node("培训没有覆盖", tags=["已核实"], root=True)] if n % 4 == 0 else []
        causes[titles[n % 6]].append(Node(TEXTS[n % 5], beneath, ["已核实"] if n % 2 else []))
    return [Bone(title, causes[title]) for title in titles]


PICTURES = {
    **{f"why-{n}": why_tree(PROBLEM, tree(n), title="5-why 分析") for n in (1, 3, 9, 25)},
    **{f"fish-{n}": fishbone(PROBLEM, bones(n), title="鱼骨图") for n in (0, 3, 9, 25)},
    "why-narrow": why_tree(PROBLEM, tree(9), title="5-why 分析", wide=NARROW),
    "fish-narrow": fishbone(PROBLEM, bones(9), title="鱼骨图", wide=NARROW),
}


def boxes(svg: str) -> list[tuple[float, float, float, float, str]]:
    """(left, top, right, bottom, words) of every line of writing, by its computed width."""
    found = []
    for text in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        words = text.text or ""
        size = float(text.get("font-size", EM))
        left, wide = float(text.get("x", 0)), size * width(words)
        left -= wide / 2 if text.get("text-anchor") == "middle" else 0
        bottom = float(text.get("y", 0)) + size * 0.25
        found.append((left, bottom - size * 1.2, left + wide, bottom, words))
    return found


def overlapping(found: list[tuple[float, float, float, float, str]]) -> list[tuple[str, str]]:
    return [
        (a[4], b[4])
        for a, b in combinations(found, 2)
        if min(a[2], b[2]) - max(a[0], b[0]) > 0 and min(a[3], b[3]) - max(a[1], b[1]) > 0
    ]


@pytest.mark.parametrize("name", PICTURES)
def test_no_words_meet_and_none_leave_the_picture(name: str) -> None:
    svg = PICTURES[name]
    _x, _y, wide, high = (float(n) for n in ElementTree.fromstring(svg).get("viewBox", "").split())
    found = boxes(svg)
    assert overlapping(found) == []
    assert all(left >= 0 and top >= 0 and right <= wide and bottom <= high for left, top, right, bottom, _w in found)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_as_wide_as_its_place_so_that_its_writing_is_never_made_smaller(name: str) -> None:
    root = ElementTree.fromstring(PICTURES[name])
    assert float(root.get("width", 0)) == (NARROW if name.endswith("narrow") else WIDE)
    assert min(float(text.get("font-size", EM)) for text in root.iter(f"{SVG}text")) >= 12


def test_five_whys_have_a_step_each_and_no_mark_is_cut_on_a_phone() -> None:
    node = Node("新品导入没有规程评审关", [], ["根本原因", "已核实", "权重 5"], True)
    for n in range(4):
        node = Node(f"上一层的原因 {n}", [node])
    steps = ["问题", *(f"第 {n} 个为什么" for n in range(1, 6))]
    svg = why_tree(PROBLEM, [node], title="t", steps=steps, wide=NARROW)
    words = [e.text or "" for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert all(any(word.startswith(step) for word in words) for step in steps)
    assert "权重 5" in "".join(words)
    assert not any("…" in word for word in words)


def test_the_overlap_check_sees_an_overlap() -> None:
    assert overlapping([(0, 0, 10, 10, "a"), (5, 5, 15, 15, "b")]) == [("a", "b")]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_tells_itself_in_words_and_carries_no_script_or_style(name: str) -> None:
    root = ElementTree.fromstring(PICTURES[name])
    assert root.get("role") == "img"
    title, desc = root[0], root[1]
    assert (title.tag, desc.tag) == (f"{SVG}title", f"{SVG}desc")
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    tags = {e.tag.removeprefix(SVG) for e in root.iter()}
    assert tags <= {"svg", "title", "desc", "g", "rect", "line", "path", "text"}
    names = {name for e in root.iter() for name in e.attrib}
    assert not any(n.startswith("on") or n in {"style", "href"} for n in names)
    assert {e.get("stroke") for e in root.iter() if e.get("stroke")} == {"currentColor"}


def test_every_cause_is_in_the_tree_and_in_its_words() -> None:
    svg = PICTURES["why-25"]
    titles = [e.text for e in ElementTree.fromstring(svg).iter(f"{SVG}title")][1:]
    assert len(titles) == 26
    assert titles[0] == PROBLEM
    desc = ElementTree.fromstring(svg)[1].text or ""
    assert desc.count("\n- ") + desc.count("  - ") >= 25
    assert "根本原因" in desc


def test_children_stand_right_of_their_parent_and_a_root_cause_has_two_frames() -> None:
    svg = why_tree("问题", [Node("一", [Node("二", [], ["根本原因"], True)])], title="t")
    groups = ElementTree.fromstring(svg).findall(f"{SVG}g")
    lefts = [float(g.find(f"{SVG}rect").get("x")) for g in groups]  # type: ignore[union-attr, arg-type]
    assert lefts == sorted(set(lefts))
    assert [len(g.findall(f"{SVG}rect")) for g in groups] == [1, 1, 2]
    assert "根本原因" in svg


def test_the_outline_is_the_tree_in_words() -> None:
    told = outline("漏电", [Node("破皮", [Node("磨损", [], ["已核实"])]), Node("受潮")])
    assert told == "漏电\n  - 破皮\n    - 磨损（已核实）\n  - 受潮"


def test_chinese_is_wrapped_by_width_and_punctuation_stays_with_its_words() -> None:
    lines = wrap("作业指导书没有写明卡扣的安装方向，新员工培训只讲了两小时（含午休），没有考核。", 10)
    assert all(width(line) <= 10 for line in lines)
    assert all(line[0] not in "，。）" and line[-1] != "（" for line in lines)
    assert "".join(lines) == "作业指导书没有写明卡扣的安装方向，新员工培训只讲了两小时（含午休），没有考核。"
    assert wrap("供应商 Elektronik 更改", 9)[1].startswith("Elektronik")


def test_a_text_too_long_ends_in_dots_within_its_lines() -> None:
    lines = wrap("长" * 500, 10, 4)
    assert len(lines) == 4
    assert lines[-1].endswith("…")
    assert width(lines[-1]) <= 10


@given(st.text(max_size=200), st.integers(min_value=4, max_value=30))
def test_whatever_was_written_the_picture_is_sound(text: str, ems: int) -> None:
    assert all(width(line) <= ems for line in wrap(text, ems))
    node = Node(text, [Node(text)], [text])
    for svg in (
        why_tree(text, [node], title=text, wide=NARROW),
        fishbone(text, [Bone(text, [node]), Bone("", [node])], title=text, id=text),
    ):
        root = ElementTree.fromstring(svg)
        _x, _y, wide, _high = (float(n) for n in root.get("viewBox", "").split())
        assert overlapping(boxes(svg)) == []
        assert all(left >= 0 and right <= wide for left, _t, right, _b, _w in boxes(svg))


SEEN = """() => {
  const texts = [...document.querySelectorAll('text')].map(e => [e.getBBox(), e.textContent]);
  const out = [];
  texts.forEach(([a, s], i) => texts.slice(i + 1).forEach(([b, t]) => {
    const x = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
    const y = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
    if (x > 1 && y > 3) out.push([s, t]);
  }));
  for (const g of document.querySelectorAll('.wg-why g')) {
    const r = g.querySelector('rect').getBBox();
    for (const e of g.querySelectorAll('text')) {
      const b = e.getBBox();
      const outside = b.x + b.width > r.x + r.width - 2 || b.y + b.height > r.y + r.height + 1;
      if (outside) out.push(['outside', e.textContent]);
    }
  }
  return out;
}"""


@pytest.mark.browser
def test_a_real_browser_sees_no_overlap_either() -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine: the pictures were not looked at")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 2200, "height": 1600})
        for name, svg in PICTURES.items():
            page.set_content(f"<!doctype html><body>{svg}</body>")
            assert page.evaluate(SEEN) == [], name
        browser.close()


def test_a_line_of_writing_is_lower_than_its_line() -> None:
    assert EM * 1.2 <= LINE

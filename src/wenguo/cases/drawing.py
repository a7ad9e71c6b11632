"""The 5-why tree and the fishbone as pictures: plain values in, one accessible SVG out. No Django, no clock.

An SVG has a title and a description that tells the whole picture in words, `role="img"`, no script, no style, no colour
of its own (`currentColor`), and every word escaped. Chinese is wrapped by its width: a full-width character is one em.
What a cause *is* never shows by colour alone: a root cause has a double frame and the word for it. Source: IV-5.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

EM = 14  # px, the size of the writing
LINE = 20  # px from line to line
PAD = 10  # px between a frame and its words
_FONTS = "system-ui, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
MAX_LINES = 8  # a longer text ends in …; its full words stand in the title of its box
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PIECE = re.compile(r"[A-Za-z0-9_.,:%/+\-@#&'()]+|\s+|.", re.S)
_NOT_FIRST = "，。、；：！？）》」』】〕〉”’…·,.;:!?)%％"
_NOT_LAST = "（《「『【〔〈“‘("


@dataclass(frozen=True)
class Node:
    """A cause and what lies beneath it. `tags`: short words shown above its text, such as 「根本原因」「已核实」."""

    text: str
    children: Sequence[Node] = ()
    tags: Sequence[str] = ()
    root: bool = False


@dataclass(frozen=True)
class Bone:
    """A branch of the fishbone: 人员, 机器 … and the causes found there."""

    title: str
    causes: Sequence[Node] = ()


# Words and their width


def width(text: str) -> float:
    """How wide the text is, in em; a little more than it will be."""
    return sum(_width(c) for c in text)


def _width(c: str) -> float:
    if unicodedata.combining(c) or unicodedata.category(c) in {"Cf", "Mn", "Me"}:
        return 0.0
    if unicodedata.east_asian_width(c) in {"W", "F", "A"}:
        return 1.3 if ord(c) >= 0x1F000 and not unicodedata.category(c).startswith("L") else 1.0
    return 0.95 if c in "WM@%mw" else 0.7 if c.isupper() else 0.6


def wrap(text: str, ems: float, lines: int = MAX_LINES) -> list[str]:
    """The text in lines at most `ems` wide, at most `lines` of them; … where something was left out.

    No line begins with closing punctuation or ends with an opening bracket; a Latin word stays whole if it fits.
    """
    done: list[str] = []
    for paragraph in _plain(text).split("\n"):
        done += _wrap(paragraph.strip(), ems)
    done = [line for line in done if line] or [""]
    if len(done) <= lines:
        return done
    last = done[lines - 1]
    while last and width(last) > ems - 1:
        last = last[:-1]
    return [*done[: lines - 1], last + "…"]


def _wrap(text: str, ems: float) -> Iterator[str]:
    """One em is kept free at the end of each line for closing punctuation."""
    line = ""
    for piece in _pieces(text, ems - 1):
        room = ems if piece[0] in _NOT_FIRST else ems - 1
        if width(line + piece) <= room or not line:
            line += piece
            continue
        kept = line.rstrip(_NOT_LAST) or line
        yield kept.rstrip()
        line = (line[len(kept) :] + piece).lstrip()
    yield line.rstrip()


def _pieces(text: str, ems: float) -> Iterator[str]:
    """What may not be broken: a character, or a Latin word that fits on a line."""
    for match in _PIECE.finditer(text):
        piece = match.group()
        if len(piece) > 1 and width(piece) > ems:
            yield from piece
        else:
            yield " " if piece.isspace() else piece


def _plain(text: str) -> str:
    return _NOT_XML.sub("", text.replace("\r", ""))


def _esc(text: str) -> str:
    return escape(_plain(text), quote=True)


# Boxes


@dataclass
class _Box:
    """A framed text of the tree. `y` is its upper edge; `span` the height that it and what hangs on it take."""

    lines: list[str]
    tags: str
    full: str
    root: bool
    depth: int
    children: list[_Box] = field(default_factory=list)
    y: float = 0
    span: float = 0

    @property
    def height(self) -> float:
        return 2 * PAD + LINE * (len(self.lines) + bool(self.tags))

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


BOX = 214  # px wide
GAP_X, GAP_Y = 44, 16
HEADER = 30


def why_tree(
    problem: str,
    causes: Sequence[Node],
    *,
    title: str,
    description: str = "",
    steps: Sequence[str] = (),
    id: str = "why",
) -> str:
    """The tree of whys from the problem at the left to the deepest causes at the right.

    `steps`: headings of the columns, the first stands over the problem. `id` begins the ids inside, unique on a page.
    """
    top = _box(Node(problem, causes), 0)
    _measure(top)
    _place(top, HEADER)
    boxes = list(_walk(top))
    deepest = max(b.depth for b in boxes)
    wide = (deepest + 1) * BOX + deepest * GAP_X + 2 * PAD
    high = HEADER + top.span + PAD
    parts = [
        _text(_x(n) + BOX / 2, 18, words, "wg-step", anchor="middle", small=True)
        for n, words in enumerate(steps[: deepest + 1])
    ]
    parts += [_joint(box, child) for box in boxes for child in box.children]
    parts += [_draw(box) for box in boxes]
    return _svg(wide, high, title, description or outline(problem, causes), parts, id, "wg-why")


def _box(node: Node, depth: int) -> _Box:
    ems = (BOX - 2 * PAD) / EM
    tags = " · ".join(node.tags)
    box = _Box(wrap(node.text, ems), wrap(tags, ems, 1)[0], node.text, node.root, depth)
    box.children = [_box(child, depth + 1) for child in node.children]
    return box


def _measure(box: _Box) -> float:
    below = sum(_measure(c) for c in box.children) + GAP_Y * max(0, len(box.children) - 1)
    box.span = max(box.height, below)
    return box.span


def _place(box: _Box, y: float) -> None:
    """Put the box into the middle of its span and its children one beneath the other into the same span."""
    box.y = y + (box.span - box.height) / 2
    below = sum(c.span for c in box.children) + GAP_Y * max(0, len(box.children) - 1)
    y += (box.span - below) / 2
    for child in box.children:
        _place(child, y)
        y += child.span + GAP_Y


def _walk(box: _Box) -> Iterator[_Box]:
    yield box
    for child in box.children:
        yield from _walk(child)


def _x(depth: int) -> float:
    return PAD + depth * (BOX + GAP_X)


def _joint(box: _Box, child: _Box) -> str:
    x, to = _x(box.depth) + BOX, _x(child.depth)
    half = (x + to) / 2
    path = f"M{_n(x)} {_n(box.middle)}H{_n(half)}V{_n(child.middle)}H{_n(to)}"
    return f'<path class="wg-line" d="{path}" fill="none" stroke="currentColor" stroke-width="1"/>'


def _draw(box: _Box) -> str:
    x, kind = _x(box.depth), "wg-problem" if box.depth == 0 else "wg-root" if box.root else "wg-cause"
    frame = _frame(x, box.y, BOX, box.height, heavy=box.depth == 0 or box.root)
    if box.root:
        frame += _frame(x + 3, box.y + 3, BOX - 6, box.height - 6)
    y = box.y + PAD + EM
    words = []
    if box.tags:
        words.append(_text(x + PAD, y, box.tags, "wg-tag", small=True, bold=True))
        y += LINE
    words += [_text(x + PAD, y + n * LINE, line) for n, line in enumerate(box.lines)]
    return f'<g class="{kind}"><title>{_esc(box.full)}</title>{frame}{"".join(words)}</g>'


# The fishbone

LABEL = 208  # px, the widest words on a twig
TWIG_LINES = 6
SLANT = 0.2  # a rib moves so far to the left for each pixel away from the spine
ROOM = 8  # px between words and the rib they hang on
STEP = LABEL + ROOM + SLANT * LINE * (TWIG_LINES + 2) + 16  # px from rib to rib: words, and the slant beside them
HEAD = 200


@dataclass
class _Twig:
    lines: list[str]
    tags: str
    full: str
    root: bool
    indent: float

    @property
    def height(self) -> float:
        return LINE * (len(self.lines) + bool(self.tags)) + 12


def fishbone(problem: str, bones: Sequence[Bone], *, title: str, description: str = "", id: str = "fish") -> str:
    """The fishbone: the problem is the head at the right, the branches are ribs above and below the spine.

    Ribs are parallel, so the room between two of them is the same at every height and no words can meet.
    """
    ribs = [(bone, [t for cause in bone.causes for t in _twigs(cause, 0)]) for bone in bones]
    above, below = ribs[: (len(ribs) + 1) // 2], ribs[(len(ribs) + 1) // 2 :]
    up = max([_reach(twigs) for _bone, twigs in above], default=0)
    down = max([_reach(twigs) for _bone, twigs in below], default=0)
    head = wrap(problem, (HEAD - 2 * PAD) / EM)
    head_high = 2 * PAD + LINE * len(head)
    spine = PAD + max(up + _TITLE, head_high / 2)
    columns = max(len(above), len(below), 1)
    left = PAD + SLANT * max(up, down) + 40
    head_x = left + columns * STEP + 30
    high = spine + max(down + _TITLE, head_high / 2) + PAD
    parts = [_line(PAD, spine, head_x, spine, "wg-spine", 3)]
    for side, ribs_here, far in ((-1, above, up), (1, below, down)):
        for n, (bone, twigs) in enumerate(ribs_here):
            parts.append(_rib(bone, twigs, left + (n + 1) * STEP, spine, side, far))
    words = [
        _text(head_x + PAD, spine - head_high / 2 + PAD + EM + n * LINE, line, bold=True) for n, line in enumerate(head)
    ]
    frame = _frame(head_x, spine - head_high / 2, HEAD, head_high, heavy=True)
    parts.append(f'<g class="wg-problem"><title>{_esc(problem)}</title>{frame}{"".join(words)}</g>')
    told = description or "\n".join(outline(bone.title, bone.causes) for bone in bones)
    return _svg(head_x + HEAD + PAD, high, title, told, parts, id, "wg-fish")


_TITLE = 34  # the height of a branch's name at the far end of its rib
_FIRST = 10  # px between the spine and the first words


def _twigs(node: Node, depth: int) -> Iterator[_Twig]:
    indent = min(depth, 3) * 14.0
    ems = (LABEL - indent) / EM
    tags = " · ".join(node.tags)
    text = ("↳ " if depth else "") + node.text
    yield _Twig(wrap(text, ems, TWIG_LINES), wrap(tags, ems, 1)[0], node.text, node.root, indent)
    for child in node.children:
        yield from _twigs(child, depth + 1)


def _reach(twigs: Sequence[_Twig]) -> float:
    return max(70.0, _FIRST + sum(t.height for t in twigs) + 8)


def _rib(bone: Bone, twigs: Sequence[_Twig], foot: float, spine: float, side: int, far: float) -> str:
    """One rib from its foot on the spine to its name; `side` -1 above the spine, 1 below; `far` its height in px."""
    end_x, end_y = foot - SLANT * far, spine + side * far
    parts = [_line(foot, spine, end_x, end_y, "wg-rib", 2)]
    name = wrap(bone.title, STEP / EM - 4, 1)[0]
    wide = EM * width(name) + 2 * PAD
    box_y = end_y - 28 if side < 0 else end_y
    parts.append(_frame(end_x - wide / 2, box_y, wide, 28, heavy=True))
    parts.append(_text(end_x, box_y + 19, name, "wg-bone", anchor="middle", bold=True))
    top = spine + _FIRST if side > 0 else spine - _FIRST - sum(t.height for t in twigs)
    for twig in twigs:
        parts.append(_twig(twig, top, foot, spine))
        top += twig.height
    return f'<g class="wg-branch">{"".join(parts)}</g>'


def _twig(twig: _Twig, top: float, foot: float, spine: float) -> str:
    """Words with the line beneath them that leads to the rib."""
    line_y = top + twig.height - 6
    rib_x = foot - SLANT * abs(spine - line_y)
    x = foot - SLANT * max(abs(spine - top), abs(spine - line_y)) - ROOM - LABEL + twig.indent
    y = top + EM
    words = []
    if twig.tags:
        words.append(_text(x, y, twig.tags, "wg-tag", small=True, bold=True))
        y += LINE
    words += [_text(x, y + n * LINE, line) for n, line in enumerate(twig.lines)]
    kind = "wg-root" if twig.root else "wg-cause"
    line = _line(x, line_y, rib_x, line_y, "wg-twig", 2.5 if twig.root else 1)
    return f'<g class="{kind}"><title>{_esc(twig.full)}</title>{"".join(words)}{line}</g>'


# What both share


def outline(head: str, causes: Sequence[Node]) -> str:
    """The picture in words, a line a cause, indented: what somebody hears who cannot see it."""
    lines = [_plain(head)]

    def tell(node: Node, depth: int) -> None:
        tags = f"（{'、'.join(node.tags)}）" if node.tags else ""
        lines.append(f"{'  ' * depth}- {_plain(node.text)}{tags}")
        for child in node.children:
            tell(child, depth + 1)

    for cause in causes:
        tell(cause, 1)
    return "\n".join(lines)


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _text(
    x: float, y: float, words: str, kind: str = "wg-text", *, anchor: str = "", small: bool = False, bold: bool = False
) -> str:
    extra = f' text-anchor="{anchor}"' if anchor else ""
    extra += f' font-size="{EM - 2}"' if small else ""
    extra += ' font-weight="bold"' if bold else ""
    return f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}"{extra}>{_esc(words)}</text>'


def _frame(x: float, y: float, wide: float, high: float, *, heavy: bool = False) -> str:
    return (
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(wide)}" height="{_n(high)}" rx="4" fill="none" '
        f'stroke="currentColor" stroke-width="{2 if heavy else 1}"/>'
    )


def _line(x: float, y: float, to_x: float, to_y: float, kind: str, thick: float) -> str:
    return (
        f'<line class="{kind}" x1="{_n(x)}" y1="{_n(y)}" x2="{_n(to_x)}" y2="{_n(to_y)}" '
        f'stroke="currentColor" stroke-width="{_n(thick)}"/>'
    )


def _svg(wide: float, high: float, title: str, description: str, parts: list[str], id: str, kind: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]", "", id) or "picture"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="wg-picture {kind}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" viewBox="0 0 {_n(wide)} {_n(high)}" width="{_n(wide)}" '
        f'height="{_n(high)}" font-size="{EM}" fill="currentColor" '
        f'font-family="{_FONTS}">'
        f'<title id="{name}-title">{_esc(title)}</title><desc id="{name}-desc">{_esc(description)}</desc>'
        f"{''.join(parts)}</svg>"
    )

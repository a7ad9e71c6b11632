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


def _small(tags: Sequence[str], ems: float) -> list[str]:
    """The short words above a text, none of them torn; no line when there are none."""
    lines: list[str] = []
    for tag in tags:
        if lines and width(f"{lines[-1]} · {tag}") < ems:
            lines[-1] += f" · {tag}"
        else:
            lines += wrap(tag, ems, 1)
    return lines


def _plain(text: str) -> str:
    return _NOT_XML.sub("", text.replace("\r", ""))


def _esc(text: str) -> str:
    return escape(_plain(text), quote=True)


# Both pictures stand upright and are as wide as they are asked to be, so that their writing is never made smaller: the
# tree goes down and a step to the right, the fish hangs with its head at the foot.

WIDE, NARROW = 460, 320  # px: the middle column of a case and a sheet of paper; a phone


# Boxes


@dataclass
class _Box:
    """A framed text of the tree. `y` is its upper edge, `mark` the small lines above its text."""

    lines: list[str]
    mark: list[str]
    full: str
    root: bool
    depth: int
    x: float
    wide: float
    children: list[_Box] = field(default_factory=list)
    y: float = 0

    @property
    def height(self) -> float:
        return 2 * PAD + LINE * (len(self.lines) + len(self.mark))

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


GAP = 12  # px between two boxes
STEP = 24.0  # px to the right from a cause to what lies beneath it, less where the tree is deep


def why_tree(
    problem: str,
    causes: Sequence[Node],
    *,
    title: str,
    description: str = "",
    steps: Sequence[str] = (),
    id: str = "why",
    wide: float = WIDE,
) -> str:
    """The tree of whys from the problem at the head to the deepest causes at the foot, `wide` px wide.

    `steps`: what a box of each depth is called, the first the problem. `id` begins the ids inside, unique on a page.
    """
    top = Node(problem, causes)
    step = min(STEP, wide / 5 / max(_depth(top), 1))
    boxes = list(_walk(_box(top, 0, step, wide, steps)))
    y = float(PAD)
    for box in boxes:
        box.y = y
        y += box.height + GAP
    parts = [_joint(box, child, step) for box in boxes for child in box.children]
    parts += [_draw(box) for box in boxes]
    return _svg(wide, y - GAP + PAD, title, description or outline(problem, causes), parts, id, "wg-why")


def _depth(node: Node) -> int:
    return max((1 + _depth(child) for child in node.children), default=0)


def _box(node: Node, depth: int, step: float, wide: float, steps: Sequence[str]) -> _Box:
    x = PAD + depth * step
    room = wide - PAD - x
    ems = (room - 2 * PAD) / EM
    box = _Box(
        wrap(node.text, ems), _small([*steps[depth : depth + 1], *node.tags], ems), node.text, node.root, depth, x, room
    )
    box.children = [_box(child, depth + 1, step, wide, steps) for child in node.children]
    return box


def _walk(box: _Box) -> Iterator[_Box]:
    yield box
    for child in box.children:
        yield from _walk(child)


def _joint(box: _Box, child: _Box, step: float) -> str:
    x = box.x + step / 2
    path = f"M{_n(x)} {_n(box.y + box.height)}V{_n(child.middle)}H{_n(child.x)}"
    return f'<path class="wg-line" d="{path}" fill="none" stroke="currentColor" stroke-width="1"/>'


def _draw(box: _Box) -> str:
    kind = "wg-problem" if box.depth == 0 else "wg-root" if box.root else "wg-cause"
    frame = _frame(box.x, box.y, box.wide, box.height, heavy=box.depth == 0 or box.root)
    if box.root:
        frame += _frame(box.x + 3, box.y + 3, box.wide - 6, box.height - 6)
    x, y = box.x + PAD, box.y + PAD + EM
    words = []
    for line in box.mark:
        words.append(_text(x, y, line, "wg-tag", small=True, bold=box.root))
        y += LINE
    words += [_text(x, y + n * LINE, line) for n, line in enumerate(box.lines)]
    return f'<g class="{kind}"><title>{_esc(box.full)}</title>{frame}{"".join(words)}</g>'


# The fishbone

TWIG_LINES = 6
LEAN = 26  # px a rib moves away from the spine, from its foot to its name
ROOM = 8  # px between words and the rib they hang on
NAME = 28  # px, the frame of a branch's name
BARE = 36  # px, a rib with nothing on it


@dataclass
class _Twig:
    lines: list[str]
    tags: list[str]
    full: str
    root: bool
    indent: float

    @property
    def height(self) -> float:
        return LINE * (len(self.lines) + len(self.tags)) + 12


def fishbone(
    problem: str, bones: Sequence[Bone], *, title: str, description: str = "", id: str = "fish", wide: float = WIDE
) -> str:
    """The fishbone, `wide` px wide: the spine leads down to the problem, the branches are ribs at its left and right.

    The words of a branch stand between its rib and the edge of the picture, so no words can meet.
    """
    spine = wide / 2
    label = spine - LEAN - ROOM - PAD
    ribs = [(bone, [t for cause in bone.causes for t in _twigs(cause, 0, label)]) for bone in bones]
    parts, y = [], float(PAD)
    for pair in (ribs[n : n + 2] for n in range(0, len(ribs), 2)):
        high = max(max(BARE, 8 + sum(t.height for t in twigs)) for _bone, twigs in pair)
        parts += [
            _rib(bone, twigs, spine, y, high, side, label) for side, (bone, twigs) in zip((-1, 1), pair, strict=False)
        ]
        y += NAME + high + GAP
    y += GAP
    head = wrap(problem, (wide - 4 * PAD) / EM)
    head_wide = min(wide - 2 * PAD, EM * max(width(line) for line in head) + 2 * PAD)
    head_high = 2 * PAD + LINE * len(head)
    parts.append(_line(spine, PAD, spine, y, "wg-spine", 3))
    words = [_text(spine, y + PAD + EM + n * LINE, line, anchor="middle", bold=True) for n, line in enumerate(head)]
    frame = _frame(spine - head_wide / 2, y, head_wide, head_high, heavy=True)
    parts.append(f'<g class="wg-problem"><title>{_esc(problem)}</title>{frame}{"".join(words)}</g>')
    told = description or "\n".join(outline(bone.title, bone.causes) for bone in bones)
    return _svg(wide, y + head_high + PAD, title, told, parts, id, "wg-fish")


def _twigs(node: Node, depth: int, label: float) -> Iterator[_Twig]:
    indent = min(depth, 3) * 10.0
    ems = (label - indent) / EM
    text = ("↳ " if depth else "") + node.text
    yield _Twig(wrap(text, ems, TWIG_LINES), _small(node.tags, ems), node.text, node.root, indent)
    for child in node.children:
        yield from _twigs(child, depth + 1, label)


def _rib(bone: Bone, twigs: Sequence[_Twig], spine: float, top: float, high: float, side: int, label: float) -> str:
    """One rib from its name down to the spine; `side` -1 left of the spine, 1 right; `high` its height in px."""
    foot = top + NAME + high
    parts = [_line(spine, foot, spine + side * LEAN, top + NAME, "wg-rib", 2)]
    name = wrap(bone.title, label / EM, 1)[0]
    wide = EM * width(name) + 2 * PAD
    left = spine + 6 if side > 0 else spine - 6 - wide
    parts.append(_frame(left, top, wide, NAME, heavy=True))
    parts.append(_text(left + wide / 2, top + 19, name, "wg-bone", anchor="middle", bold=True))
    y = top + NAME + 8
    for twig in twigs:
        lower = y + twig.height - 6
        rib = spine + side * LEAN * (foot - lower) / high
        edge = spine + side * (LEAN + ROOM + label)
        parts.append(_twig(twig, y, min(edge, spine + side * (LEAN + ROOM)), lower, (rib, edge)))
        y += twig.height
    return f'<g class="wg-branch">{"".join(parts)}</g>'


def _twig(twig: _Twig, top: float, x: float, lower: float, line: tuple[float, float]) -> str:
    """Words from `x` on, with the line beneath them that leads to the rib."""
    x, y = x + twig.indent, top + EM
    words = []
    for words_here in twig.tags:
        words.append(_text(x, y, words_here, "wg-tag", small=True, bold=True))
        y += LINE
    words += [_text(x, y + n * LINE, words_here) for n, words_here in enumerate(twig.lines)]
    kind = "wg-root" if twig.root else "wg-cause"
    drawn = _line(line[0], lower, line[1], lower, "wg-twig", 2.5 if twig.root else 1)
    return f'<g class="{kind}"><title>{_esc(twig.full)}</title>{"".join(words)}{drawn}</g>'


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

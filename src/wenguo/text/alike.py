"""Whether two texts tell of the same matter: copies of each other, or different people about one place, batch or event.

Two questions with two answers. *Copies*: short signatures (MinHash) whose bands meet where texts share most of their
pairs of characters; `likeness` then verifies. *The same matter*: what is rare elsewhere and stands in both, weighted by
how rare it is among the texts of this house (`Commonness`); names of places, products and people's own words for an
event are rare, greetings and demands are not. Personal data and figures make no difference to either.

Plain values: whoever keeps the marks of many texts finds the few that may be alike without reading the others.
Measured by bench/text_groups.py. Source: IN-7, SP-2, SP-4, RS-3; TEXT.md 2 and 3.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

import numpy as np

from wenguo.text import personal, words
from wenguo.text.normal import fold
from wenguo.text.search import CJK

READ = 800
"""Characters of a text that are compared: the beginning, where people say what it is about."""

RARE = 24
"""So many of the rarest pieces of a text are its marks."""

ASKED = 48
"""So many of them are looked for: what is rare in one text need not be among the rarest of the other."""

BANDS, ROWS = 16, 3
"""Signatures of 48 numbers in 16 bands: of texts that share 0.7 of their pairs 998 in 1000 meet, of 0.5 88 in 100."""

COMMON = 0.1
"""A piece that stands in more than this share of all texts says nothing about the matter."""

SAYS = 0.02
"""A piece that stands in less than this share says something."""

ENOUGH = 5
"""Texts with fewer pieces that say something are like nothing: one word, a greeting, only phrases."""

DECIDE = 4
"""So many of the most alike texts of a matter decide whether a further one belongs to it."""

SHARED = 3
"""People speak of one event when so many pieces that say something stand in what each of them says."""

DIRECT = 0.8
"""And when they are alike themselves, at this share of the likeness of a matter, not by way of a third."""

RARER = 2.5
"""Who names the same place speaks of the same thing there when both say something so much rarer than what just says
something (natural logarithms): that elsewhere one text in 600 holds. 充电桩 and 扶梯 are, 店员 and 退款 are not."""

LONG = 30
"""One such piece for every so many of the shorter of the two: in two long letters much is the same by chance."""

BUCKETS = 1 << 18
CELL = 65_535
_RUN = re.compile(f"[{CJK}]+|[a-z][a-z0-9]*(?:[\\-/][a-z0-9]+)*")
_PRIME = np.uint64((1 << 61) - 1)
_CHANCE = np.random.default_rng(20_261_128)
_TIMES = _CHANCE.integers(1, 1 << 31, size=(BANDS * ROWS, 1), dtype=np.uint64)
_PLUS = _CHANCE.integers(0, 1 << 31, size=(BANDS * ROWS, 1), dtype=np.uint64)


# What people say around any complaint; a text of nothing else is like nothing.
_AROUND = """
你好 您好 尊敬的领导 尊敬的客服 各位领导 我要投诉 我想投诉 现在投诉 强烈投诉 特此投诉 投诉举报
请尽快处理 请及时处理 麻烦处理一下 尽快解决 请尽快给我答复 请给个说法 给我一个满意的答复
希望能够尽快得到回复 希望有关部门重视 望尽快回复 请予以处理 要求处理 谢谢 非常感谢 辛苦了 盼复 请查收
请核实 以上情况属实 情况如下 反映一个问题 请问怎么回事 没有人管 没人处理 一直没有解决 太差了 太过分了
非常生气 垃圾公司 骗子公司
"""

_NOT_IN_NAME = frozenset(
    "的了是在到去从和与跟我你他她它们这那有没把被给让说就都也还又很用来对为因所以不等一于及或至向由该某每您咱俺哪着过再已只才上下里外"
)
"""Characters that are in no name of a thing, of Chinese pieces."""


# What people say of any outlet: who works there, how one pays, who came along. No thing that something is wrong with.
_AT_ANY_OUTLET = """
店员 店长 店家 店里 本店 该店 分店 门店 收银员 收银台 服务员 工作人员 营业员 导购员 销售员 经理 保安 前台 柜台
顾客 客人 客户 会员 会员卡 会员价 小票 发票 收据 押金 付款 付了 付费 扫码 支付 微信 支付宝 刷卡 现金 收费 扣费
扣了 扣款 多收 多扣 收了 收钱 退款 退钱 退还 退回 退货 换货 原路 到账 赔偿 道歉 差价 价格 费用 消费 块钱 元钱
客服 电话 打电话 客服电话 总部 总公司 运营商 回复 答复 投诉 态度 服务 服务态度 排队 等了 小时 分钟 门口 进门
楼上 楼下 附近 孩子 带着 老人 我妈 妈妈 家人 朋友 同事 晚上 早上 上午 下午 中午 昨天 今天 前天 周末 星期 这周
上周 去了 买了 购买 开车
"""


def essence(s: str) -> str:
    """The beginning of `s` as it is compared: folded, what is personal taken out, figures blank."""
    s = s[:READ]
    for found in reversed(personal.find(s)):
        s = f"{s[: found.start]} {s[found.end :]}"
    return fold(s).text


def pieces(s: str) -> frozenset[str]:
    """The pairs of characters of its Chinese runs and its Latin words, of `essence(s)`."""
    return _pieces(essence(s))


def _pieces(text: str) -> frozenset[str]:
    found: set[str] = set()
    for run in _RUN.findall(text):
        if run[0].isascii():
            found.add(run[:32])
        else:
            found.update(run[at : at + 2] for at in range(len(run) - 1))
    return frozenset(found)


def _hash(piece: str) -> int:
    return zlib.crc32(piece.encode())


def beside(s: str, names: Sequence[str]) -> np.ndarray:
    """The hashes of the pieces of `s` that are no part of these names of places (folded), nor heard of any outlet."""
    text = essence(s)
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, " ")
    said = {piece for piece in _pieces(text) if not _NOT_IN_NAME.intersection(piece)}
    said -= {piece for name in names for piece in _pieces(name)}
    return np.setdiff1d(_hashes(said), _said_at_any_outlet())


class Commonness:
    """In how many of the texts of a house each piece stands; of `n` texts. Kept as counts of hashed pieces."""

    def __init__(self, n: int, counts: np.ndarray) -> None:
        self.n = n
        self.counts = counts

    @classmethod
    def of(cls, texts: Iterable[str], floor: Commonness | None = None) -> Commonness:
        """Counted over `texts`, and on top of `floor`."""
        counts = floor.counts.astype(np.uint32) if floor else np.zeros(BUCKETS, np.uint32)
        n = floor.n if floor else 0
        for text in texts:
            n += 1
            found = [_hash(piece) % BUCKETS for piece in pieces(text)]
            counts[np.unique(np.array(found, np.int64))] += 1
        return cls(n, np.minimum(counts, CELL).astype(np.uint16))

    def to_bytes(self) -> bytes:
        return zlib.compress(self.counts.astype("<u2").tobytes(), 6)

    @classmethod
    def from_bytes(cls, n: int, content: bytes) -> Commonness:
        """ValueError: not what `to_bytes` made."""
        counts = np.frombuffer(zlib.decompress(content), "<u2")
        if len(counts) != BUCKETS:
            raise ValueError("not the counts of a house")
        return cls(n, counts)

    def weights(self, hashes: np.ndarray) -> np.ndarray:
        """How much it says that a piece is there: the rarer the more, 0 for what stands everywhere."""
        return self._weights[hashes % BUCKETS]

    def saying(self, hashes: np.ndarray) -> np.ndarray:
        """Those that say something about the matter: rare, and not what people say around any complaint."""
        return hashes[self.says(hashes)]

    def says(self, hashes: np.ndarray) -> np.ndarray:
        """Of each, whether it says something about the matter."""
        return self._says[hashes % BUCKETS]

    def rarer(self, hashes: np.ndarray, here: np.ndarray) -> np.ndarray:
        """Of each, how much rarer it is elsewhere than what just says something, in natural logarithms; in so many of
        the texts that were counted it may stand `here`."""
        elsewhere = np.maximum(self.counts[hashes % BUCKETS].astype(np.float64) - here, 0.0)
        return np.maximum(np.log((self.n + 1) / (elsewhere + 0.5)) + np.log(SAYS), 0.0)

    @cached_property
    def _weights(self) -> np.ndarray:
        df = self.counts.astype(np.float64)
        return np.where(df <= max(self.n * COMMON, 1), np.log((self.n + 1) / (df + 0.5)), 0.0)

    @cached_property
    def _says(self) -> np.ndarray:
        says = self.counts < self.n * SAYS
        says[_said_around() % BUCKETS] = False
        return says

    def count(self, piece: str) -> int:
        """In how many of the texts it stands."""
        return int(self.counts[_hash(piece) % BUCKETS])

    def weight(self, piece: str) -> float:
        return float(self.weights(np.array([_hash(piece)], np.uint32))[0])


@cache
def everyday() -> Commonness:
    """How complaints usually speak: of the texts written for the project; until a house has texts of its own."""
    texts: list[str] = []
    for file in files("wenguo.text").joinpath("training").iterdir():
        if file.name.endswith(".tsv"):
            texts += [line.split("\t")[0] for line in file.read_text("utf-8").splitlines() if line.strip()]
    return Commonness.of(texts)


@dataclass(frozen=True)
class Told:
    """What is compared of one text: the hashes of its pieces and of those of its subject line, each in rising order."""

    whole: np.ndarray  # (n,) uint32
    subject: np.ndarray  # (m,) uint32, m <= n

    def to_bytes(self) -> bytes:
        return np.concatenate([[len(self.subject)], self.subject, self.whole]).astype("<u4").tobytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> Told:
        kept = np.frombuffer(content, "<u4")
        return cls(kept[1 + kept[0] :], kept[1 : 1 + kept[0]])


def told(subject: str, text: str) -> Told:
    """A text with its subject line (the first sentence where it has none of its own)."""
    head = pieces(subject)
    return Told(_hashes(head | pieces(text)), _hashes(head))


def _hashes(found: Iterable[str]) -> np.ndarray:
    return np.array(sorted({_hash(piece) for piece in found}), np.uint32)


class Weighed:
    """A text as it is compared with others: what its pieces weigh in this house."""

    def __init__(self, text: Told, common: Commonness) -> None:
        self.whole, self.subject, self.common = text.whole, text.subject, common
        self.weights, self.heads = common.weights(text.whole), common.weights(text.subject)
        self.norm, self.head_norm = _norm(self.weights), _norm(self.heads)
        self.thin = len(common.saying(text.whole)) < ENOUGH

    def same_matters(self, others: Sequence[Told]) -> list[float]:
        """Of each of many, 0 to 1, symmetric: how much of what is rare the two share, in their whole words and in their
        subject lines. In a few strokes over the pieces of all: each would cost as much as thirty together."""
        if self.thin or not others:
            return [0.0] * len(others)
        whole = self._cosines(self.whole, self.norm, wholes := _Laid([other.whole for other in others]))
        heads = self._cosines(self.subject, self.head_norm, _Laid([other.subject for other in others]))
        thin = wholes.summed(self.common.says(wholes.pieces)) < ENOUGH
        found: list[float] = np.where(thin, 0.0, (whole + heads) / 2).tolist()
        return found

    def _cosines(self, mine: np.ndarray, norm: float, laid: _Laid) -> np.ndarray:
        """Of rising lists of pieces; what both hold weighs the same in both."""
        if not len(mine) or not norm:
            return np.zeros(laid.n)
        squares = self.common.weights(laid.pieces) ** 2
        at = np.searchsorted(mine, laid.pieces)
        at[at == len(mine)] = 0
        both, all_of = laid.summed(squares * (mine[at] == laid.pieces)), laid.summed(squares)
        return np.minimum(both / np.maximum(norm * np.sqrt(all_of), 1e-12), 1.0)

    def marks(self, most: int = RARE) -> list[int]:
        """Its rarest pieces as numbers (signed 32 bits), half of them from the subject line. None of a thin text."""
        if self.thin:
            return []
        head = self.subject[np.argsort(-self.heads, kind="stable")][: most // 2]
        rest = self.whole[np.argsort(-self.weights, kind="stable")][:most]
        return [_signed(int(piece)) for piece in dict.fromkeys([*head.tolist(), *rest.tolist()])][:most]


class _Laid:
    """Lists of pieces laid end to end."""

    def __init__(self, lists: Sequence[np.ndarray]) -> None:
        self.n, self.pieces = len(lists), np.concatenate(lists)
        self.of = np.repeat(np.arange(self.n), [len(one) for one in lists])

    def summed(self, values: np.ndarray) -> np.ndarray:
        """The sum of the values of each list."""
        return np.bincount(self.of, values, self.n)


def _stand_in(whole: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Of each wanted, whether it is in `whole`, which rises."""
    if not len(whole):
        return np.zeros(len(wanted), bool)
    held: np.ndarray = whole[np.minimum(np.searchsorted(whole, wanted), len(whole) - 1)] == wanted
    return held


def _norm(weights: np.ndarray) -> float:
    return float(np.sqrt((weights * weights).sum()))


def nearest_matter(alike: Mapping[int, float], matters: Mapping[int, Sequence[int]], least: float) -> int | None:
    """The matter a text belongs to: `alike` says how alike it is to which texts, `matters` which texts each holds.

    The most alike of a matter (`DECIDE`) decide together, so that one chance likeness does not join two matters. None:
    it begins one of its own. 0 < least <= 1.
    """
    best: tuple[float, int] | None = None
    for matter, texts in matters.items():
        top = sorted((alike.get(text, 0.0) for text in texts), reverse=True)[:DECIDE]
        score = sum(top) / len(top) if top else 0.0
        if score >= least and (best is None or score > best[0]):
            best = (score, matter)
    return best[1] if best else None


def of_one_event(
    own: Told, others: Mapping[int, Told], common: Commonness, least: int, beside: np.ndarray | None = None
) -> list[int]:
    """Which of the others say what this text and most of them say; fewer than `least` texts together are no event.

    In a matter one text is like the next and that like a third, and at its ends nothing is said by both: so each is
    held against what is in the middle, the pieces of this text that stand in half of all and in `least` of them.
    `beside`: of a text that names a place, what it says something with besides; the place alone is no event.
    """
    said = common.saying(own.whole)
    holding = {key: _stand_in(told.whole, said) for key, told in others.items()}
    if len(holding) + 1 < least:
        return []
    counts = np.sum(list(holding.values()), axis=0) + 1
    core = counts >= max(least, (len(holding) + 1) / 2)
    told_of = [key for key, held in holding.items() if int((held & core).sum()) >= SHARED]
    if beside is None:
        return told_of
    rarer = common.rarer(said, counts - 1) * (core & np.isin(said, beside))
    return [key for key in told_of if float(rarer[holding[key]].sum()) >= RARER]


def same_thing(beside: np.ndarray, others: Mapping[int, Told], common: Commonness) -> Mapping[int, np.ndarray]:
    """Which of the texts that name the same place speak of the same thing there, {key: which of the pieces `beside` are
    rare and in both}.

    `beside`: what of the own text says something besides the place. What this very event made common is rare all the
    same: pieces are counted elsewhere.
    """
    holding = {key: _stand_in(told.whole, beside) for key, told in others.items()}
    if not holding:
        return {}
    rare = common.rarer(beside, np.sum(list(holding.values()), axis=0)) >= RARER
    need = {key: max(1.0, min(len(beside), len(told.whole)) / LONG) for key, told in others.items()}
    return {key: held & rare for key, held in holding.items() if int((held & rare).sum()) >= need[key]}


def of_one_thing(shared: Mapping[int, np.ndarray], least: int) -> list[int]:
    """Which of what `same_thing` found speak of the thing that most of them speak of; as `of_one_event`."""
    if len(shared) + 1 < least:
        return []
    core = np.sum(list(shared.values()), axis=0) + 1 >= max(least, (len(shared) + 1) / 2)
    return [key for key, held in shared.items() if bool((held & core).any())]


def shared_pieces(texts: Sequence[str], common: Commonness, most: int = 12) -> list[str]:
    """The weightiest pieces that stand in more than half of these texts, to show why they belong together."""
    counts: dict[str, int] = {}
    for text in texts:
        for piece in pieces(text):
            counts[piece] = counts.get(piece, 0) + 1
    need = max(2, len(texts) // 2 + 1)
    weighty = {p: common.weight(p) * n for p, n in counts.items() if n >= need}
    return sorted((p for p, w in weighty.items() if w > 0), key=lambda p: (-weighty[p], p))[:most]


def spans(s: str, wanted: Iterable[str]) -> list[tuple[int, int]]:
    """Where these pieces stand in `s`, joined where they touch; for a page to point at them."""
    folded = fold(s)
    found: list[tuple[int, int]] = []
    for piece in wanted:
        at = folded.text.find(piece)
        while at >= 0:
            found.append(folded.span(at, at + len(piece)))
            at = folded.text.find(piece, at + 1)
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def phrases(texts: Sequence[str], wanted: Iterable[str], most: int = 8) -> list[str]:
    """What the pieces say together, for a person to read: 料费 费高 高空 空费 is 料费高空费.

    Runs in which pieces touch, as whole words, as they stand in at least two of these texts; of one within another the
    longer; first what most texts say.
    """
    folded = [fold(text).text for text in texts]
    pieces = tuple(wanted)
    runs = {whole for text in folded for start, end in spans(text, pieces) if (whole := words.within(text, start, end))}
    counts = {run: n for run in runs if (n := sum(run in text for text in folded)) >= 2}
    said: list[str] = []
    for run in sorted(counts, key=lambda r: (-len(r), -counts[r], r)):
        if not any(run in longer for longer in said):
            said.append(run)
    return sorted(said, key=lambda r: (-counts[r], -len(r), r))[:most]


# ── marks: what is kept of a text so that others find it ──────────────────────────────────────────────────────────


def copy_marks(s: str) -> list[int]:
    """The bands of its signature as numbers: two texts that are nearly the same share at least one. None of a text
    with fewer than `ENOUGH` pieces."""
    found = pieces(s)
    if len(found) < ENOUGH:
        return []
    hashes = np.array([_hash(piece) for piece in found], np.uint64)[None, :]
    least = ((_TIMES * hashes + _PLUS) % _PRIME).min(axis=1).reshape(BANDS, ROWS)
    return [_signed(zlib.crc32(bytes([n]) + band.tobytes())) for n, band in enumerate(least)]


def name_mark(kind: str, name: str) -> int:
    """The mark of a thing with a name of its own: a batch, an outlet."""
    return _signed(_hash(f"={kind}:{fold(name).text.strip()}"))


@dataclass(frozen=True)
class PlaceMarks:
    """Of the places a text names. One may be spelled longer or shorter, 望湖星桥店 or 星桥店: the same where the one
    ends as the other whole; 城东万达店 and 城西万达店 are two."""

    found_by: list[int]  # of the shortest spelling of each
    kept: list[int]  # of each name as it is, and of all its ends
    same: list[int]  # who keeps one of these names the same place


def place_marks(names: Iterable[str], common: Commonness, most: int = 3) -> PlaceMarks:
    """Of names as `facts.places` finds them. What a large share of the texts of this house name is no name: the firm,
    its city, the only shop there is."""
    found_by, kept, same = list[int](), list[int](), list[int]()
    for name in list(dict.fromkeys(names))[: most * 3]:
        stem, end = _place(name)
        if len(stem) < 2 or len(found_by) >= most:
            continue
        share = min(int(common.counts[_hash(piece) % BUCKETS]) for piece in _pieces(stem) or {stem}) / max(common.n, 1)
        if share > COMMON:
            continue
        ends = [stem[at:] + end for at in range(len(stem) - 2, -1, -1)]
        found_by.append(name_mark("place", ends[0]))
        kept += [name_mark("place", one) for one in ends] + [name_mark("whole", ends[-1])]
        same += [name_mark("whole", one) for one in ends] + [name_mark("place", ends[-1])]
    return PlaceMarks(*(list(dict.fromkeys(marks)) for marks in (found_by, kept, same)))


_OUTLET = re.compile(r"(?:体验店|直营店|专卖店|门店|分店|总店|店)+$")
_PLACE_END = re.compile(r"(?:营业厅|营业部|服务站|维修点|维修站|火车站|高铁站|地铁站|加油站|充电站|服务区|幼儿园|..)$")


def _place(name: str) -> tuple[str, str]:
    """A name of a place and what kind of place it is: 望湖星桥 店, whatever kind of shop it calls itself."""
    found = _OUTLET.search(name)
    if found:
        return name[: found.start()], "店"
    found = _PLACE_END.search(name)
    return (name[: found.start()], found[0]) if found else ("", "")


@cache
def _said_at_any_outlet() -> np.ndarray:
    return _hashes({piece for phrase in _AT_ANY_OUTLET.split() for piece in _pieces(phrase)})


@cache
def _said_around() -> np.ndarray:
    return _hashes({piece for phrase in _AROUND.split() for piece in _pieces(phrase)})


def _signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number

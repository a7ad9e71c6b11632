"""Cover what is personal before a text leaves the house, and put it back where the covers return.

A cover is a word in brackets that nobody writes (⟦电话1⟧); the same value has the same cover in all texts of one veil.
"""

from __future__ import annotations

import re

from wenguo.text import personal

_WORDS = {
    "id_card": "证件", "bank_card": "卡号", "phone": "电话", "landline": "座机", "email": "邮箱", "plate": "车牌",
    "order_no": "单号",
}  # fmt: skip
_COVER = re.compile("⟦[^⟦⟧]{1,12}⟧")


class Veil:
    """The covers of one conversation with the outside. `known`: {word: values} that are covered wherever they stand,
    such as the customer's name, which no pattern would find."""

    def __init__(self, known: dict[str, list[str]] | None = None) -> None:
        self.covers: dict[str, str] = {}  # value as written → cover
        self.known = sorted(
            ((value, word) for word, values in (known or {}).items() for value in values if len(value) > 1),
            key=lambda pair: -len(pair[0]),
        )

    def cover(self, s: str) -> str:
        """`s` with all that is personal covered, doubtful cases too; brackets of our kind in it are taken out."""
        s = s.replace("⟦", "[").replace("⟧", "]")
        shown, at = "", 0
        for found in personal.find(s, doubtful=True):
            shown += s[at : found.start] + self._as(_WORDS[found.kind], s[found.start : found.end])
            at = found.end
        s = shown + s[at:]
        for value, word in self.known:
            if value in s:
                s = s.replace(value, self._as(word, value))
        return s

    def _as(self, word: str, value: str) -> str:
        if value not in self.covers:
            n = 1 + sum(cover.startswith(f"⟦{word}") for cover in self.covers.values())
            self.covers[value] = f"⟦{word}{n}⟧"
        return self.covers[value]

    def lift(self, s: str, instead: dict[str, str] | None = None) -> str:
        """`s` with the values back. `instead`: {word: text} for covers that are answered otherwise; unknown covers
        become a blank to fill in."""
        values = {cover: value for value, cover in self.covers.items()}

        def value(match: re.Match[str]) -> str:
            word = match[0].strip("⟦⟧").rstrip("0123456789")
            return (instead or {}).get(word) or values.get(match[0], "____")

        return _COVER.sub(value, s)

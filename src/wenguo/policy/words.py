"""The part of the pack that holds an enterprise's own words: added to the lists the product ships, or withdrawn from
them. The words of severity stand with their signals. Source: TR-2, TR-3, TR-7, SY-7.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Self

from django.utils.translation import gettext as _
from pydantic import Field, model_validator

from wenguo.text.own import Own

from .parts import Part, Words

ListName = Annotated[str, Field(pattern=r"^(?:mood|wish|threat|sign|cue)\.[a-z0-9_.]{1,60}$")]


class WordList(Part):
    """`list`: threat.media, mood.2, wish.refund, sign.fraud, or `cue.` with a sub-class."""

    list: ListName
    add: tuple[Words, ...] = ()
    withdraw: tuple[Words, ...] = ()

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if both := set(self.add) & set(self.withdraw):
            raise ValueError(_("“{word}”既新增又停用，只能写一处").format(word=min(both)))
        return self


@lru_cache(maxsize=8)
def own(lists: tuple[WordList, ...]) -> Own | None:
    """What reading a text takes them as; None when the enterprise has none of its own."""
    return Own.of({part.list: (part.add, part.withdraw) for part in lists}) if lists else None

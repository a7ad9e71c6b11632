"""Django's translations with a memory: a page asks for four hundred sentences, the same ones each time.

Django asks anew for each which language is active, and goes through five functions to its words. Here both are one
look. What comes back is what Django gives; whatever is not plain text goes Django's way.

A sentence that tells a number is `counted`: Chinese has one form for all numbers, English two.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.utils import translation
from django.utils.translation import trans_real as _trans_real

trans_real: Any = _trans_real
MOST = 20_000  # sentences of one language

_language: ContextVar[Any] = ContextVar("language", default=None)
_known: dict[Any, dict[Any, str]] = {}  # by catalogue


class _Active:
    """Where Django keeps the catalogue of the moment: a variable of the context, as its own is, read at once."""

    @property
    def value(self) -> Any:
        if (catalogue := _language.get()) is None:
            raise AttributeError("value")
        return catalogue

    @value.setter
    def value(self, catalogue: Any) -> None:
        _language.set(catalogue)

    @value.deleter
    def value(self) -> None:
        _language.set(None)


_ACTIVE = _Active()


def _remembered(ask: Callable[..., str]) -> Callable[..., str]:
    """`ask(*words)`, where all words are plain texts or small numbers."""

    def said(*words: Any) -> str:
        catalogue = _language.get()
        if catalogue is None or trans_real._active is not _ACTIVE:
            return ask(*words)
        known = _known.get(catalogue)
        if known is None:
            known = _known[catalogue] = {}
        try:
            return known[ask, words]
        except (KeyError, TypeError):
            found = ask(*words)
        if all(type(w) is str or (type(w) is int and 0 <= w < 1000) for w in words):
            if len(known) >= MOST:
                known.clear()
            known[ask, words] = found
        return found

    return said


def gettext(message: Any) -> Any:
    """The sentence in the language of the moment."""
    catalogue = _language.get()
    if catalogue is not None and type(message) is str and trans_real._active is _ACTIVE:
        known = _known.get(catalogue)
        if known is None:
            known = _known[catalogue] = {}
        if (found := known.get(message)) is not None:
            return found
        if len(known) >= MOST:
            known.clear()
        found = known[message] = trans_real.gettext(message)
        return found
    return trans_real.gettext(message)


def counted(message: str, n: int, /, **values: Any) -> str:
    """The sentence, marked by this call, as it reads for n: 1 case, 2 cases. {n} is written 1,204 unless given."""
    return translation.ngettext(message, message, n).format(**{"n": f"{n:,}"} | values)


def counted_noop(message: str) -> str:
    """Marks a sentence that is kept and counted later."""
    return message


def install() -> None:
    """From now on; done once, before anything is said."""
    trans_real._active = _ACTIVE
    words: Any = translation._trans  # type: ignore[attr-defined]
    words.gettext = gettext
    words.ngettext = _remembered(trans_real.ngettext)
    words.pgettext = _remembered(trans_real.pgettext)

"""Which types of events there are, what they are called, who may read of them, and who wants to hear."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from .models import Event, Stream

    Listener = Callable[[Stream, Event], None]

_SHAPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


class UnknownType(LookupError):
    """An event type nobody defined: a mistake of the programmer."""


@dataclass(frozen=True, slots=True)
class Type:
    """`title` is Chinese and lazy; `public`: the customer may read that it happened."""

    title: str | Promise
    public: bool


_types: dict[str, Type] = {}
_listeners: list[tuple[str, Listener]] = []


def define(type: str, title: str | Promise, *, public: bool = False) -> str:
    """Make `type` ("remedy.approved") known and return it. Twice the same is harmless, a contradiction is not."""
    if not _SHAPE.fullmatch(type) or len(type) > 64:
        raise ValueError(f"{type!r}: an event type is lower-case words joined by dots, at most 64 characters")
    if type not in _types:  # and nothing more: translations cannot be looked at while the apps are being loaded
        _types[type] = Type(title, public)
    elif _types[type] != Type(title, public):
        raise ValueError(f"{type!r} is defined already, as {_types[type]}")
    return type


def title_of(type: str) -> str:
    """What people call it, in the language of the moment."""
    return str(known(type).title)


def is_public(type: str) -> bool:
    """Whether the customer may read that it happened."""
    return known(type).public


def types() -> Mapping[str, Type]:
    """All defined types, read-only."""
    return MappingProxyType(_types)


def known(type: str) -> Type:
    """UnknownType if nobody defined it."""
    try:
        return _types[type]
    except KeyError:
        raise UnknownType(f"event type {type!r} is not defined; see journal.define") from None


def subscribe(prefix: str, function: Listener) -> Callable[[], None]:
    """Call `function(stream, event)` after each appended event whose type starts with `prefix`, in its transaction.

    What the function raises undoes the whole act. Subscribing the same twice counts once. Returns how to stop.
    """
    entry = (prefix, function)
    if entry not in _listeners:
        _listeners.append(entry)

    def stop() -> None:
        if entry in _listeners:
            _listeners.remove(entry)

    return stop


def tell(stream: Stream, event: Event) -> None:
    """Call everybody who subscribed to the type of `event`."""
    for prefix, function in tuple(_listeners):
        if event.type.startswith(prefix):
            function(stream, event)


ERASED = define("journal.erased", _("个人信息已清除"))

"""What one long transaction remembers.

Whoever does a hundred acts in one transaction (the demonstration lives through a complaint in one) asks the same things
again and again, and holds the rows so that nobody can change them meanwhile. Within `in_one_breath` they are asked
once. Outside of it everything here is as if it were not there.

A breath is kept as a whole or not at all: nothing in it is undone by itself, or what is remembered would be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class Breath:
    """`jobs`: what was put in the queue meanwhile, (name, arguments). `given`: what acts are told instead of asking.
    `at_end`: what is still to be done, each once."""

    given: dict[str, Any] = field(default_factory=dict)
    jobs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    known: dict[Hashable, Any] = field(default_factory=dict)
    at_end: dict[Hashable, Callable[[], object]] = field(default_factory=dict)


_breath: ContextVar[Breath | None] = ContextVar("breath", default=None)


@contextmanager
def in_one_breath(**given: Any) -> Iterator[Breath]:
    """Remember from here to the end. The jobs that acts queue are kept in `jobs`: the caller sees to them."""
    breath = Breath(given)
    token = _breath.set(breath)
    try:
        yield breath
        for act in breath.at_end.values():
            act()
    finally:
        _breath.reset(token)


def taken() -> Breath | None:
    """The breath we are in, if we are in one."""
    return _breath.get()


def once(key: Hashable, ask: Callable[[], T]) -> T:
    """What `ask` says; within a breath it is asked the first time only."""
    breath = _breath.get()
    if breath is None:
        return ask()
    if key not in breath.known:
        breath.known[key] = ask()
    return breath.known[key]


def is_news(key: Hashable) -> bool:
    """Whether this is heard for the first time in this breath; outside of one always."""
    breath = _breath.get()
    if breath is None:
        return True
    if key in breath.known:
        return False
    breath.known[key] = True
    return True


def given(name: str) -> Any:
    """What the caller of this breath has decided beforehand, once; None: nothing."""
    breath = _breath.get()
    return breath.given.pop(name, None) if breath else None

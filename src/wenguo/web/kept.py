"""Pieces of pages that are made once: each under all that it depends on, in the memory of this process."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """At most so many; when there are more, all begin anew."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.known: dict[Hashable, T] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under this key, made now if nothing is. `make` may depend on nothing that the key leaves out."""
        if (found := self.known.get(key)) is None:
            if len(self.known) >= self.most:
                self.known.clear()
            found = self.known[key] = make()
        return found

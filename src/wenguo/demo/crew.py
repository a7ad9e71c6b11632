"""Several processes act out stories at once. Nothing here loads Django before the new process has set it up."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wenguo.demo.corpus import Woven


@dataclass(frozen=True)
class Story:
    """What is to be acted out, from which seed, until which present. `stop`: where it is to stand still, if at all."""

    external_id: str
    woven: Woven
    stop: str
    seed: str
    now: datetime
    serial: int | None = None  # of its case number, if one was set aside


Family = Sequence[Story]  # the stories of one customer, in their order


def at_once(
    families: Sequence[Family], processes: int, strict: bool, act_out: Callable[..., bool]
) -> Iterator[tuple[Story, bool]]:
    """Each story and whether it went well, as families end; the first are begun first."""
    # Whoever stops us in the middle leaves locks behind: they are cleaned up, which need not be spoken of.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_enter)
    try:
        running = {pool.submit(_act, family, strict, act_out): family for family in families}
        for ended in as_completed(running):
            yield from zip(running[ended], ended.result(), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _enter() -> None:
    """In a new process: be ready, and end when the one that started it has gone."""
    import django

    django.setup()
    from django.db import connections

    # The same few hundred statements a thousand times over: let the server prepare them.
    options = connections.databases["default"].setdefault("OPTIONS", {})
    options |= {"server_side_binding": True, "prepare_threshold": 3}
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


_cast: Any = None


def _act(family: Family, strict: bool, act_out: Callable[..., bool]) -> list[bool]:
    global _cast
    from wenguo.demo.cast import Cast

    _cast = _cast or Cast()
    return [act_out(story, _cast, strict=strict) for story in family]

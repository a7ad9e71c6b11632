"""Where the CPU of a page goes, in this process: `python -m bench.profile queue|case|today [--deep]`.

No server and no client beside it: the WSGI handler is called as granian would call it. CPU time is counted in parts
that do not overlap: the database's driver, the making of SQL, the templates, and all the rest.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from typing import Any
from unittest.mock import patch

from bench.house import bench_database, cpu_seconds, database_pids, machine, session_of
from bench.reads import _address, a_case_with_messages, queries

PAGES = {"queue": "/desk/queue/", "today": "/desk/", "notices": "/desk/notices/"}


def asking(path: str, cookie: str) -> Callable[[], tuple[int, int]]:
    """A function that asks for the page once; gives the status and the size in bytes."""
    from wenguo.config.wsgi import application

    where, _mark, query = path.partition("?")

    def ask() -> tuple[int, int]:
        said: list[str] = []
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET", "PATH_INFO": where, "QUERY_STRING": query, "SCRIPT_NAME": "",
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1", "HTTP_COOKIE": cookie, "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http", "wsgi.input": BytesIO(), "wsgi.errors": sys.stderr, "wsgi.multithread": True,
            "wsgi.multiprocess": True, "wsgi.run_once": False,
        }  # fmt: skip
        answer = application(environ, lambda status, headers, exc_info=None: said.append(status))
        size = sum(map(len, answer))
        answer.close()
        return int(said[0][:3]), size

    return ask


class Parts:
    """CPU seconds by part; a part within another counts for itself alone."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self.stack: list[str] = []
        self.since = 0.0

    def _switch(self) -> None:
        at = time.thread_time()
        if self.stack:
            self.spent[self.stack[-1]] += at - self.since
        self.since = at

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        self._switch()
        self.stack.append(name)
        try:
            yield
        finally:
            self._switch()
            self.stack.pop()

    def counted(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return work(*args, **kwargs)

        return timed


@contextmanager
def parted() -> Iterator[Parts]:
    from django.db.backends.utils import CursorWrapper
    from django.db.models.sql.compiler import SQLCompiler
    from jinja2 import Template

    parts = Parts()
    with ExitStack() as patches:
        for name, owner, method in (
            ("driver", CursorWrapper, "execute"),
            ("making SQL", SQLCompiler, "as_sql"),
            ("templates", Template, "render"),
        ):
            patches.enter_context(patch.object(owner, method, parts.counted(name, getattr(owner, method))))
        yield parts


def measure(path: str, username: str, number: int) -> None:
    ask = asking(path, session_of(username))
    for _n in range(5):
        assert ask()[0] == 200, (path, ask())
    pids = database_pids()
    best = float("inf")
    size = 0
    before = cpu_seconds(pids)
    for _n in range(number):
        began = time.process_time()
        _status, size = ask()
        best = min(best, time.process_time() - began)
    database = (cpu_seconds(pids) - before) / number
    with parted() as parts:
        began = time.process_time()
        for _n in range(number):
            with parts.part("the rest"):
                ask()
        whole = (time.process_time() - began) / number
    told = ", ".join(f"{name} {seconds / number * 1000:.1f}" for name, seconds in sorted(parts.spent.items()))
    print(
        f"{path}: CPU ms {whole * 1000:.1f} (best {best * 1000:.1f}): {told}; database {database * 1000:.1f}; "
        f"{size / 1024:.0f} KiB; {queries(path, username)} queries"
    )


def deep(path: str, username: str, number: int, order: str, lines: int) -> None:
    ask = asking(path, session_of(username))
    for _n in range(5):
        ask()
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    for _n in range(number):
        ask()
    profile.disable()
    print(f"{number} times:")
    pstats.Stats(profile).sort_stats(order).print_stats(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", help="queue, case, today, notices, or an address")
    parser.add_argument("--user", default="xiaoman")
    parser.add_argument("--number", type=int, default=50)
    parser.add_argument(
        "--deep", nargs="?", const="tottime", choices=["tottime", "cumtime"], help="function by function"
    )
    parser.add_argument("--lines", type=int, default=50)
    given: Any = parser.parse_args()
    with bench_database():
        path = PAGES.get(given.page, given.page)
        if given.page == "case":
            path = _address(f"/desk/case/{a_case_with_messages()}/")
        print(machine())
        if given.deep:
            deep(path, given.user, given.number, given.deep, given.lines)
        else:
            measure(path, given.user, given.number)


if __name__ == "__main__":
    main()

"""What one act costs in Python, without server and client: `python -m bench.acts intake --profile`.

The requests go straight into the WSGI application of this process. Printed are the CPU milliseconds of an act, its
statements, and on demand the statements themselves or what Python spends its time on.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import pstats
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

from bench.house import bench_database, cpu_seconds, database_pids, token_of
from bench.writes import answers, fresh, prepared, submissions


def call(application: Any, request: bytes) -> str:
    """Give a raw HTTP request to the application; the status of its answer."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _version = first.split(" ")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(),
    }  # fmt: skip
    for name, value in (line.split(": ", 1) for line in lines):
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    told: list[str] = []
    answer = application(environ, lambda status, headers, *_: told.append(status))
    for _part in answer:
        pass
    if close := getattr(answer, "close", None):
        close()
    return told[0]


def measured(requests: list[bytes], *, statements: bool) -> None:
    from django.db import connection

    from wenguo.config.wsgi import application

    def run(some: Iterable[bytes]) -> None:
        for request in some:
            status = call(application, request)
            assert status.startswith("20"), status

    warm, few, rest = requests[:30], requests[30:33], requests[33:]
    run(warm)
    said: list[str] = []
    with ExitStack() as stack:
        stack.enter_context(connection.execute_wrapper(_listener(said)))
        run(few)
    if statements:
        print(*said[: len(said) // len(few)], sep="\n")
    backends = database_pids()  # the pool gives now one connection, now another
    before, began = cpu_seconds(backends), time.process_time()
    run(rest)
    python, database = time.process_time() - began, cpu_seconds(backends) - before
    print(
        f"{len(rest)} acts: Python {python / len(rest) * 1000:.2f} ms, PostgreSQL {database / len(rest) * 1000:.2f} ms,"
        f" {len(said) / len(few):.1f} statements"
    )


def profiled(requests: list[bytes], most: int) -> None:
    from wenguo.config.wsgi import application

    for request in requests[:30]:
        call(application, request)
    profile = cProfile.Profile(time.process_time)
    profile.enable()
    for request in requests[30:]:
        call(application, request)
    profile.disable()
    for order in ("tottime", "cumtime"):
        pstats.Stats(profile).sort_stats(order).print_stats(most)


def _listener(said: list[str]) -> Callable[..., Any]:
    def listen(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            said.append(f"{(time.perf_counter() - began) * 1000:6.2f} ms  {' '.join(str(sql).split())[:260]}")

    return listen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("act", choices=["intake", "answer"])
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--statements", action="store_true", help="print the statements of one act")
    parser.add_argument("--profile", type=int, default=0, metavar="LINES", help="so many functions of a profile")
    given = parser.parse_args()
    with bench_database():
        from django.db import connection

        token, number = token_of("xiaoman"), given.number + 33
        made = submissions(token, number, fresh()) if given.act == "intake" else answers(token, prepared(number))
        connection.close()
        if given.profile:
            profiled(list(made), given.profile)
        else:
            measured(list(made), statements=given.statements)


if __name__ == "__main__":
    main()

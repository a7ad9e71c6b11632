"""A small HTTP client that keeps its connections: many requests at once for little work of its own.

It reads just enough of HTTP/1.1 (Content-Length or chunks), because on the same two cores every cycle it
spends is taken from the server it measures.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench.house import Where

Request = tuple[bytes, object]  # the raw bytes, and whatever the reader of the answer wants to know it by


@dataclass
class Run:
    """What came of it. `took`: seconds of each request, in the order of their end."""

    took: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    size: int = 0
    price: str = ""  # CPU, see `house.told`
    cpu: float = 0.0  # milliseconds of one request, see `house.used`

    @property
    def rate(self) -> float:
        return len(self.took) / self.seconds

    def ms(self, share: float) -> float:
        """The time within which this share of the requests was answered, in milliseconds."""
        return sorted(self.took)[min(len(self.took) - 1, int(share * len(self.took)))] * 1000

    @property
    def median(self) -> float:
        return statistics.median(self.took) * 1000


def get(path: str, **headers: str) -> bytes:
    return _request("GET", path, headers, b"")


def post(path: str, body: bytes, **headers: str) -> bytes:
    return _request("POST", path, headers, body)


def _request(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    named = {"Host": "127.0.0.1", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if body:
        named["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in named.items()), "", ""]
    return "\r\n".join(lines).encode() + body


Reader = Callable[[object, int, bytes], None]


def drive(where: Where, requests: Iterator[bytes | Request], *, at_once: int, seen: Reader | None = None) -> Run:
    """Send all requests over `at_once` connections, each as soon as the one before it is answered."""
    return asyncio.run(_drive(where, iter(requests), at_once, seen))


async def _drive(where: Where, requests: Iterator[bytes | Request], at_once: int, seen: Reader | None) -> Run:
    run = Run()
    began = time.perf_counter()
    await asyncio.gather(*(_knock(where, requests, run, seen) for _ in range(at_once)))
    run.seconds = time.perf_counter() - began
    return run


async def _knock(where: Where, requests: Iterator[bytes | Request], run: Run, seen: Reader | None) -> None:
    reader, writer = await asyncio.open_connection(where[0], where[1], limit=2**22)
    for request in requests:
        raw, mark = request if isinstance(request, tuple) else (request, None)
        began = time.perf_counter()
        writer.write(raw)
        status, body, closed = await _answer(reader)
        run.took.append(time.perf_counter() - began)
        run.statuses[status] = run.statuses.get(status, 0) + 1
        run.size = len(body)
        if seen is not None:
            seen(mark, status, body)
        if closed:
            writer.close()
            reader, writer = await asyncio.open_connection(where[0], where[1], limit=2**22)
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    head = await reader.readuntil(b"\r\n\r\n")
    status, lower = int(head[9:12]), head.lower()
    closed = b"connection: close" in lower
    if (at := lower.find(b"content-length:")) >= 0:
        length = int(lower[at + 15 : lower.index(b"\r\n", at)])
        return status, await reader.readexactly(length) if length else b"", closed
    if b"transfer-encoding: chunked" not in lower:
        return status, b"", closed
    parts = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readline()
    return status, b"".join(parts), closed

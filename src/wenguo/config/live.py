"""Open screens hear of changes: server-sent events fed by one PostgreSQL connection that listens on `wenguo`.

`GET /live?token=…` answers with text/event-stream. The token (see `web/live.py`) names the topics its page may follow;
`&topics=a,b` narrows them. A payload of `NOTIFY wenguo` is JSON with a `topic`, e.g.
{"topic": "case:TS-0042", "type": "option.proposed", "seq": 7}; whoever follows that topic gets it as it is. The topic
`queue` means "some case has changed": its followers get {"topic": "queue", "type": "changed"}, once for many changes,
and learn no number they may not see. After the database was away each follower gets {"type": "resync"}, because what
happened meanwhile is not known here.

Plain ASGI, no framework; it reads nothing but notifications, so it needs no models.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wenguo.config.settings")

import psycopg
from django.conf import settings
from django.core.signing import BadSignature
from django.db import connections

from wenguo.config.embedded import die_with_parent
from wenguo.web.live import read_live

if os.environ.get("WENGUO_SERVED"):
    die_with_parent()
log = logging.getLogger("wenguo.live")

CHANNEL = "wenguo"
HEARTBEAT_SECONDS = 15.0
WAITING_EVENTS = 100  # a reader that falls further behind is let go; its browser comes again and reads afresh
MOST_READERS = 5000
QUEUE_SECONDS = 1.0  # changes within this time reach a queue as one
QUEUE_CHANGED = '{"topic": "queue", "type": "changed"}'

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Reader:
    """One open page."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics
        self.waiting: asyncio.Queue[str | None] = asyncio.Queue(WAITING_EVENTS)

    def offer(self, payload: str) -> bool:
        """False: too far behind; the stream then ends."""
        try:
            self.waiting.put_nowait(payload)
        except asyncio.QueueFull:
            while not self.waiting.empty():
                self.waiting.get_nowait()
            self.waiting.put_nowait(None)
            return False
        return True


class Hub:
    """Who follows what, and the one connection that hears of it."""

    def __init__(self) -> None:
        self.by_topic: defaultdict[str, set[Reader]] = defaultdict(set)
        self.readers = 0
        self.listening = False
        self._task: asyncio.Task[None] | None = None
        self._queue_told_later = False

    def start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for reader in self._everybody():
            with contextlib.suppress(asyncio.QueueFull):
                reader.waiting.put_nowait(None)

    def join(self, topics: Iterable[str]) -> Reader:
        reader = Reader(frozenset(topics))
        for topic in reader.topics:
            self.by_topic[topic].add(reader)
        self.readers += 1
        return reader

    def leave(self, reader: Reader) -> None:
        for topic in reader.topics:
            self.by_topic[topic].discard(reader)
            if not self.by_topic[topic]:
                del self.by_topic[topic]
        self.readers -= 1

    def tell(self, payload: str) -> None:
        try:
            topic = json.loads(payload)["topic"]
        except (ValueError, KeyError, TypeError):
            log.warning("live.payload without topic, %d bytes", len(payload))
            return
        for reader in list(self.by_topic.get(topic, ())):
            reader.offer(payload)
        if str(topic).startswith("case:") and "queue" in self.by_topic and not self._queue_told_later:
            self._queue_told_later = True
            asyncio.get_running_loop().call_later(QUEUE_SECONDS, self._tell_queues)

    def _tell_queues(self) -> None:
        self._queue_told_later = False
        for reader in list(self.by_topic.get("queue", ())):
            reader.offer(QUEUE_CHANGED)

    def _everybody(self) -> set[Reader]:
        return {reader for readers in self.by_topic.values() for reader in readers}

    async def _listen(self) -> None:
        pause = 0.2
        lost = False
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(**_parameters(), autocommit=True)
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self.listening, pause = True, 0.2
                    if lost:
                        for reader in self._everybody():
                            reader.offer('{"type": "resync"}')
                    async for notification in connection.notifies():
                        self.tell(notification.payload)
            except psycopg.Error as error:
                if self.listening or not lost:
                    log.warning("live.database lost: %s", type(error).__name__)
                self.listening, lost = False, True
                await asyncio.sleep(pause)
                pause = min(5.0, pause * 2)


def _parameters() -> dict[str, Any]:
    parameters = connections["default"].get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    return {**parameters, "application_name": "wenguo live"}


hub = Hub()


async def application(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http":
        await _answer(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            hub.start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await hub.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _answer(scope: Message, receive: Receive, send: Send) -> None:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    allowed = _cors(headers.get("origin", ""), headers.get("host", ""))
    if scope["path"] == "/healthz":
        await _plain(send, 200 if hub.listening else 503, "ok" if hub.listening else "database away", allowed)
        return
    if scope["path"] != "/live" or scope["method"] != "GET":
        await _plain(send, 404, "not found", allowed)
        return
    asked = parse_qs(scope["query_string"].decode("latin-1"))
    try:
        topics = read_live(asked.get("token", [""])[0])
    except BadSignature:
        await _plain(send, 403, "请重新打开页面 (open the page again)", allowed)
        return
    if wanted := asked.get("topics", [""])[0]:
        topics = [topic for topic in wanted.split(",") if topic in topics]
    if not topics:
        await _plain(send, 403, "不在许可的范围内 (not among the topics of this page)", allowed)
        return
    if hub.readers >= MOST_READERS:
        await _plain(send, 503, "too many open pages", allowed)
        return
    hub.start()
    await _stream(topics, receive, send, allowed)


async def _stream(topics: list[str], receive: Receive, send: Send, allowed: list[tuple[bytes, bytes]]) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-store"),
                (b"x-accel-buffering", b"no"),
                *allowed,
            ],
        }
    )
    reader = hub.join(topics)
    gone = asyncio.create_task(_gone(receive))
    try:
        await _chunk(send, "retry: 2000\n: connected\n\n")
        while not gone.done():
            getting = asyncio.create_task(reader.waiting.get())
            await asyncio.wait({getting, gone}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                payload = getting.result()
                if payload is None:
                    break
                await _chunk(send, f"data: {_one_line(payload)}\n\n")
            else:
                getting.cancel()
                if not gone.done():
                    await _chunk(send, ": still here\n\n")
        if not gone.done():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except (OSError, RuntimeError):  # the browser went away in the middle of a line
        pass
    finally:
        gone.cancel()
        hub.leave(reader)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _chunk(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def _one_line(payload: str) -> str:
    return payload.replace("\r", " ").replace("\n", " ")


async def _plain(send: Send, status: int, text: str, allowed: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), *allowed]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def _cors(origin: str, host: str) -> list[tuple[bytes, bytes]]:
    """The web origin may read: PUBLIC_URL, the trusted origins, and any page from this same host."""
    named = {settings.PUBLIC_URL, *settings.CSRF_TRUSTED_ORIGINS}
    same = bool(host) and urlsplit(origin).hostname == urlsplit(f"//{host}").hostname
    if not origin or not (origin in named or same):
        return []
    return [(b"access-control-allow-origin", origin.encode("latin-1", "replace")), (b"vary", b"Origin")]

"""Open screens hear of what happens, and of nothing they may not see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from django.conf import settings
from django.core.signing import TimestampSigner

from wenguo.config import live
from wenguo.config.database import parameters
from wenguo.web.live import SALT, read_live, sign_live


class Browser:
    """One EventSource: what it asked with, and what it was sent."""

    def __init__(self, query: str = "", path: str = "/live", headers: dict[str, str] | None = None) -> None:
        given = [(k.encode(), v.encode()) for k, v in (headers or {}).items()]
        self.scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": given}
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.left = asyncio.Event()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.task = asyncio.create_task(live.application(self.scope, self._receive, self._send))

    async def _receive(self) -> Any:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            await self.sent.put(message["body"].decode())

    async def hears(self) -> Any:
        """The next event, as it was told."""
        while not (text := await asyncio.wait_for(self.sent.get(), 5)).startswith("data: "):
            pass
        return json.loads(text.removeprefix("data: "))

    async def leaves(self) -> None:
        self.left.set()
        await asyncio.wait_for(self.task, 5)


@asynccontextmanager
async def listening(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """The endpoint at work, on a database that is always there; yields `notify`."""
    given = {**parameters(settings.DATABASES["default"]), "dbname": "postgres"}
    monkeypatch.setattr(live, "hub", live.Hub())
    monkeypatch.setattr(live, "_parameters", lambda: given)
    monkeypatch.setattr(live, "QUEUE_SECONDS", 0.05)
    live.hub.start()
    async with await psycopg.AsyncConnection.connect(**given, autocommit=True) as connection:
        while not live.hub.listening:
            await asyncio.sleep(0.01)

        async def notify(payload: Any) -> None:
            text = payload if isinstance(payload, str) else json.dumps(payload)
            await connection.execute("SELECT pg_notify('wenguo', %s)", [text])

        yield notify
    await live.hub.stop()


def test_a_screen_hears_of_its_case_and_of_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with listening(monkeypatch) as notify:
            mine = Browser(urlencode({"token": sign_live(["case:TS-1", "notices:7"])}))
            queue = Browser(urlencode({"token": sign_live(["queue"])}))
            while live.hub.readers < 2:
                await asyncio.sleep(0.01)
            await notify({"topic": "case:TS-2", "type": "reply.sent", "seq": 4})
            await notify({"topic": "case:TS-1", "type": "option.proposed", "seq": 7})
            assert await mine.hears() == {"topic": "case:TS-1", "type": "option.proposed", "seq": 7}
            assert await queue.hears() == {"topic": "queue", "type": "changed"}  # one, without a number
            await notify("not json")
            await notify({"topic": "notices:7", "type": "new", "seq": 1})
            assert (await mine.hears())["topic"] == "notices:7"
            assert mine.status == 200 and mine.headers["content-type"].startswith("text/event-stream")
            await mine.leaves()
            await queue.leaves()
            assert live.hub.readers == 0 and not live.hub.by_topic

    asyncio.run(story())


def test_after_the_database_was_away_screens_are_told_to_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with listening(monkeypatch) as notify:
            screen = Browser(urlencode({"token": sign_live(["case:TS-1"])}))
            while not live.hub.readers:
                await asyncio.sleep(0.01)
            given = live._parameters()
            async with await psycopg.AsyncConnection.connect(**given, autocommit=True) as other:
                await other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN wenguo'"
                )
            assert await screen.hears() == {"type": "resync"}
            await notify({"topic": "case:TS-1", "type": "x", "seq": 1})
            assert (await screen.hears())["seq"] == 1
            await screen.leaves()

    asyncio.run(story())


@pytest.mark.parametrize(
    "query",
    [
        "",
        urlencode({"token": "case:TS-1"}),
        urlencode({"token": TimestampSigner(salt="other").sign("case:TS-1")}),
        urlencode({"token": sign_live(["case:TS-1"]), "topics": "case:TS-2"}),
    ],
    ids=["none", "unsigned", "forged", "for another topic"],
)
def test_without_a_token_for_it_nothing_is_told(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    async def story() -> None:
        async with listening(monkeypatch):
            browser = Browser(query)
            await asyncio.wait_for(browser.task, 5)
            assert browser.status == 403

    asyncio.run(story())


def test_only_our_own_pages_may_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with listening(monkeypatch):
            for origin, allowed in (
                (settings.PUBLIC_URL, True),
                ("http://tousu.example.com:8000", True),  # the host it was reached by
                ("https://evil.example", False),
                ("null", False),
            ):
                headers = {"origin": origin, "host": "tousu.example.com:8001"}
                browser = Browser(path="/healthz", headers=headers)
                await browser.task
                assert browser.status == 200
                assert (browser.headers.get("access-control-allow-origin") == origin) is allowed

    asyncio.run(story())


def test_a_reader_that_does_not_keep_up_is_let_go() -> None:
    async def story() -> None:
        hub = live.Hub()
        slow = hub.join(["case:TS-1"])
        for seq in range(live.WAITING_EVENTS + 1):
            hub.tell(json.dumps({"topic": "case:TS-1", "type": "x", "seq": seq}))
        assert slow.waiting.get_nowait() is None and slow.waiting.empty()

    asyncio.run(story())


def test_a_token_names_its_topics_and_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    token = sign_live(["case:TS-1", "queue"])
    assert read_live(token) == ["case:TS-1", "queue"]
    monkeypatch.setattr("wenguo.web.live.GOOD_FOR_SECONDS", -1)
    with pytest.raises(Exception, match="Signature age"):
        read_live(TimestampSigner(salt=SALT).sign("case:TS-1"))
    for bad in ([], [""], ["a,b"]):
        with pytest.raises(ValueError):
            sign_live(bad)

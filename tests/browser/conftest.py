"""One Chromium a module, one context a person, a running server with the company behind it, and a clock of the story.

The world starts on Monday 2026-11-16, 09:30 in Beijing, and goes on from there; `world.passes(days=3)` lets time pass
where no page can. What works while nobody looks is let work by `world.work()`, in the worker's own code.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

PHONE = {"width": 390, "height": 844}
SCREEN = {"width": 1360, "height": 900}
PATIENCE_S = 30
"""A busy machine may take so long for one page; what comes sooner is not waited for."""

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of every page share rows that are really there, and empty the database at the end: last of all."""
    items.sort(key=lambda item: "test_every_page" in item.nodeid)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Closed after each module: Playwright keeps a loop running in this thread, other tests run loops of their own."""
    play = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    with play.sync_playwright() as player:
        running = player.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def home(live_server: Any, desk: Any, settings: Any, tmp_path: Path) -> str:
    """The address of a running server with the company behind it."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


def watched(context: Any) -> Any:
    """A page that remembers every error of script or policy."""
    page = context.new_page()
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))

    def hear(line: Any) -> None:
        # The stream of changes is the supervisor's, the test's server has none; leaving a page ends what it asked for;
        # a page left open overnight asks for news and is told to sign in again.
        left = (
            line.text.startswith(("htmx:sendAbort", "htmx:afterRequest"))
            or "status of 401" in line.text
            or "Error Code 401" in line.text
        )
        away = left or "/live" in line.location.get("url", "")
        if line.type == "error" and not away:
            page.wrong.append(f"{line.text} {line.location.get('url', '')}")

    page.on("console", hear)
    return page


def fits(page: Any) -> None:
    """Nothing sticks out sideways."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], page.url


def until(page: Any, true: str, seconds: float = PATIENCE_S) -> None:
    """Wait until this is true on the page, whichever page it is by then. (wait_for_function needs eval, the pages'
    policy forbids it.)
    """
    from playwright.sync_api import Error

    for _try in range(int(seconds / 0.04)):
        try:
            if page.evaluate(true):
                return
        except Error as gone:  # the page is just being replaced
            if "context" not in str(gone):
                raise
        page.wait_for_timeout(40)
    raise AssertionError(f"{page.url}: never {true}")


class World:
    """The clock of the story and the work that nobody watches."""

    def __init__(self, start: datetime) -> None:
        self._start, self._real = start, datetime.now(UTC)

    def now(self) -> datetime:
        return self._start + (datetime.now(UTC) - self._real)

    def passes(self, **delta: float) -> None:
        """Let time pass, and let the clocks that came due fire."""
        from wenguo.cases.sweep import sweep

        self._start += timedelta(**delta)
        while sweep(at=self.now()):
            pass

    def local(self, **delta: float) -> str:
        """A moment from now as a field of type datetime-local wants it."""
        return (self.now() + timedelta(hours=8, **delta)).strftime("%Y-%m-%dT%H:%M")

    def work(self) -> None:
        """A worker takes all jobs that are there and stops; in a thread, because Playwright has a loop in this one."""
        from django.db import connection
        from procrastinate.contrib.django import app
        from procrastinate.contrib.django.models import ProcrastinateJob
        from procrastinate.contrib.django.utils import connector_params
        from procrastinate.psycopg_connector import PsycopgConnector

        async def run() -> None:
            connector = PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=2)
            with app.replace_connector(connector):
                async with app.open_async():
                    await app.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)

        def work() -> None:
            try:
                asyncio.run(run())
            finally:
                connection.close()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        failed = ProcrastinateJob.objects.exclude(status="succeeded").values_list("task_name", "status", "attempts")
        assert not [job for job in failed if job[1] == "failed" or job[2]], list(failed)

    def seal(self) -> None:
        """The worker's ten minutes are over: the new heads of all journals go into a root."""
        from wenguo import journal

        journal.fold(self.now())


@pytest.fixture
def world(home: str, desk: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """The story's clock in all pages; jobs of earlier tests are gone."""
    from django.db import connection
    from django.utils import timezone

    world, real = World(desk.now), timezone.now
    monkeypatch.setattr(timezone, "now", world.now)
    for name, module in list(sys.modules.items()):
        if name.startswith("wenguo.") and getattr(module, "now", None) is real:
            monkeypatch.setattr(module, "now", world.now)
    with connection.cursor() as cursor:  # the queue's own tables are not Django's to empty
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")
    return world


class Hand:
    """Somebody at a browser. `page` is Playwright's; the rest are the moves everybody makes."""

    def __init__(self, page: Any, home: str, name: str = "", password: str = "") -> None:
        self.page, self.home, self.name, self.password = page, home, name, password

    def goes(self, path: str) -> Any:
        answer = self.page.goto(path if path.startswith("http") else f"{self.home}{path}")
        assert answer.ok, f"{path}: {answer.status} {self.page.inner_text('body')}"
        if self.name and "/login/" in self.page.url:  # the first time, and after a night
            self.page.fill("[name=login]", self.name)
            self.page.fill("[name=password]", self.password)
            self.page.click("button:has-text('登录')")
            self.page.wait_for_url("**/desk/**")
        return self.page

    def opens(self, number: str) -> Any:
        return self.goes(f"/desk/cases/{number}/")

    def act(self, number: str, name: str, fill: Callable[[Any], Any] | None = None) -> None:
        """Open the form of an act on the case page, fill it in, send it. An act without a form is a button."""
        page = self.page
        self.opens(number)
        button = page.locator(f'#case-next form[action$="/acts/{name}/"] button')
        link = page.locator(f'#case-next a[href$="/acts/{name}/"]')
        way = (button if button.count() else link).first
        if not way.is_visible():
            page.locator("#case-next .more-acts > summary").click()
        if not button.count():
            way.click()
            page.wait_for_selector("#case-act form")
            if fill:
                fill(page.locator("#case-act"))
            self.presses(page.locator("#case-act [data-main-submit]"))
        else:
            self.presses(way)

    def unfolds(self, within: str, word: str) -> Any:
        """Open the form behind a word in a panel of the stage; returns the unfolded part."""
        part = self.page.locator(f'{within} details.unfold:has(> summary:has-text("{word}"))').first
        if not self.page.is_visible(within):  # the words are in front for who is not in charge
            self.page.click('[data-panes] a[href="#case-work"]')
        if part.get_attribute("open") is None:
            part.locator("> summary").click()
        return part

    def picks(self, part: Any, **chosen: str) -> None:
        """Press the pills of a form, as many as are named: field=value."""
        for name, value in chosen.items():
            part.locator(f'label.pick:has([name="{name}"][value="{value}"])').first.click()

    def chooses(self, part: Any, field: str, words: str) -> None:
        """Choose in a list by the words a person reads."""
        option = part.locator(f'[name="{field}"] option:has-text("{words}")').first
        part.locator(f'[name="{field}"]').select_option(option.get_attribute("value"))

    def sends(self, part: Any, word: str, *, sure: bool = False) -> None:
        """Press the button of a form and wait until the page has its answer."""
        self.presses(part.locator(f'button:has-text("{word}")').first, sure=sure)

    def presses(self, button: Any, *, sure: bool = False) -> None:
        """Press what posts a form, answer the question it asks, and wait for all that follows; nothing was refused."""
        page = self.page
        page.evaluate("window.before = true")

        def posted(response: Any) -> bool:
            aside = ("/remarks/", "/sums/", "/hints/", "/watching/")
            return response.request.method == "POST" and not response.request.url.endswith(aside)

        with page.expect_response(posted) as answer:
            button.click()
            if sure:
                page.click('dialog[open] button[value="confirm"]')
        response = answer.value
        if response.status in {301, 302, 303} or "hx-redirect" in response.headers:
            until(page, "!window.before")
        page.wait_for_load_state("load")
        until(page, "!document.querySelector('form[data-sent], .htmx-request, .htmx-swapping')")
        refused = page.locator("#said .notice-danger, #said .notice-warning")
        assert response.status < 400 and not refused.count(), (response.status, refused.all_inner_texts())

    def said(self) -> str:
        return str(self.page.inner_text("#said"))


@pytest.fixture
def hands(browser: Any, home: str) -> Iterator[Any]:
    """`hands.signs_in("agent")` and `hands.anybody(PHONE)`: each in a context of their own, closed before the database
    is emptied.
    """
    from tests.conftest import PASSWORD

    contexts: list[Any] = []
    pages: list[Any] = []

    def anybody(viewport: dict[str, int] = PHONE, **more: Any) -> Hand:
        context = browser.new_context(viewport=viewport, locale="zh-CN", timezone_id="Asia/Shanghai", **more)
        context.set_default_timeout(PATIENCE_S * 1000)
        contexts.append(context)
        pages.append(watched(context))
        return Hand(pages[-1], home)

    def signs_in(username: str, viewport: dict[str, int] = SCREEN, **more: Any) -> Hand:
        hand = anybody(viewport, **more)
        hand.name, hand.password = username, PASSWORD
        hand.goes("/desk/")
        return hand

    yield SimpleNamespace(anybody=anybody, signs_in=signs_in)
    wrong = [(page.url, page.wrong) for page in pages if page.wrong]
    for context in contexts:
        context.close()
    assert not wrong, wrong

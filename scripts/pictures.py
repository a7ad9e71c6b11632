#!/usr/bin/env python3
"""Photograph the real screens of an empty company and of a busy one, at 390, 768 and 1440 px, light and dark.

    .venv/bin/python scripts/pictures.py                          the selection of the documentation, docs/pictures
    .venv/bin/python scripts/pictures.py --all --out /tmp/all     every screen, three widths, whole pages
    .venv/bin/python scripts/pictures.py --only 'case-' --busy http://127.0.0.1:8000

Both companies are founded and served for the duration, in var/pictures (with DATABASE_URL: in databases of their own
beside it); what has grown once is kept. `--busy`, `--empty` name running ones instead: of these a complaint more is
submitted in the busy one, nothing else is changed. Demonstration accounts only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "Chengguang-2026"
WIDTHS = (390, 768, 1440)
LONGEST = 3200  # css pixels of a whole page
STORY = "昨晚在望湖星桥店买的空气净化器开机就冒烟，花了1299元，打售后电话一直没人接，要求退款。"
CALLER = f"1330000{int(time.time()) % 10_000:04d}"  # another each time, or the second complaint joins the first
CHECKED = (
    "import os, django; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'wenguo.config.settings'); django.setup();"
    "from django.utils import timezone; from wenguo.insight import escalation; escalation.check(at=timezone.now())"
)
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass(frozen=True)
class Shot:
    """`who`: an account, empty for a customer. `docs`: the looks that go into the documentation, (width, dark).

    `ready` brings the screen into the state that is worth a picture; False: there is nothing to see in this company.
    """

    name: str
    who: str
    address: str
    docs: tuple[tuple[int, bool], ...] = ()
    ready: Callable[[Page, str], bool | None] | None = None
    company: str = "busy"
    dark: bool = False  # also in the dark when all is photographed


def settle(page: Page) -> None:
    """Until the page has what it asked for; the stream of changes stays open, so the network is never idle."""
    page.wait_for_load_state("load")
    for _try in range(100):
        page.wait_for_timeout(150)
        if not page.evaluate("!!document.querySelector('.htmx-request, .htmx-swapping')"):
            return


# ── how a screen becomes worth a picture ─────────────────────────────────────────────────────────────────────────────


def first_case(page: Page, url: str) -> bool:
    """From a list into its first case."""
    link = page.locator("[data-row] a[href*='/desk/cases/']").first
    if not link.count():
        return False
    page.goto(url + re.sub(r"\?.*", "", link.get_attribute("href") or ""))
    settle(page)
    return True


def pane(which: str) -> Callable[[Page, str], bool]:
    """The first case, with the work of its stage (`work`) or what was said (`story`) in front."""

    def ready(page: Page, url: str) -> bool:
        if not first_case(page, url):
            return False
        tab = page.locator(f'[data-panes] a[href="#case-{which}"]')
        if tab.count():
            tab.first.click()
        page.evaluate("scrollTo(0, 0)")
        return True

    return ready


def act(name: str) -> Callable[[Page, str], bool]:
    """The first of some cases in which it can be done now, with the form of the act unfolded."""

    def ready(page: Page, url: str) -> bool:
        rows = page.locator("[data-row] a[href*='/desk/cases/']").all()
        cases = dict.fromkeys((row.get_attribute("href") or "").split("?")[0] for row in rows)
        for address in list(cases)[:12]:
            page.goto(url + address)
            settle(page)
            link = page.locator(f'#case-next a[href$="/acts/{name}/"]').first
            if not link.count():
                continue
            if not link.is_visible():
                page.locator("#case-next .more-acts > summary").click()
            link.click()
            page.wait_for_selector("#case-act form")
            page.evaluate("scrollTo(0, 0)")
            return True
        return False

    return ready


def beside_case(then: str) -> Callable[[Page, str], bool]:
    """A page of the first case: `then` comes after its address."""

    def ready(page: Page, url: str) -> bool:
        if not first_case(page, url):
            return False
        answer = page.goto(page.url.split("?")[0] + then)
        settle(page)
        return bool(answer and answer.ok)

    return ready


def after(*steps: Callable[[Page, str], bool | None]) -> Callable[[Page, str], bool]:
    """One step after the other, as long as there is something to see."""

    def ready(page: Page, url: str) -> bool:
        return all(step(page, url) is not False for step in steps)

    return ready


def at(selector: str) -> Callable[[Page, str], bool]:
    """This part of the page, in front."""

    def ready(page: Page, url: str) -> bool:
        there = page.locator(selector).first
        if not there.count():
            return False
        there.evaluate("e => scrollTo(0, e.getBoundingClientRect().top + scrollY - 70)")
        return True

    return ready


def unfolded(selector: str) -> Callable[[Page, str], bool]:
    def ready(page: Page, url: str) -> bool:
        there = page.locator(selector).first
        if not there.count():
            return False
        there.evaluate("e => { e.open = true }")
        settle(page)
        page.wait_for_timeout(300)
        return True

    return ready


def clicks(selector: str, wait: str = "") -> Callable[[Page, str], bool]:
    def ready(page: Page, url: str) -> bool:
        there = page.locator(selector).first
        if not there.count():
            return False
        there.click()
        settle(page)
        if wait:
            page.wait_for_selector(wait)
        return True

    return ready


def follows(selector: str) -> Callable[[Page, str], bool]:
    def ready(page: Page, url: str) -> bool:
        link = page.locator(selector).first
        if not link.count():
            return False
        address = link.get_attribute("href") or ""
        page.goto(address if address.startswith("http") else url + address)
        settle(page)
        return True

    return ready


def whose(page: Page, url: str) -> bool:
    """The profile of the customer of the first case."""
    return first_case(page, url) and follows("#case-customer a[href*='/desk/customers/']")(page, url)


def why_this_time(page: Page, url: str) -> bool:
    if not first_case(page, url):
        return False
    page.locator(".clock-link").first.click()
    page.wait_for_selector("#clock-panel")
    return True


def peeked(page: Page, url: str) -> bool:
    if not page.locator("[data-row]").count():
        return False
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    if (page.viewport_size or {"width": 0})["width"] > 1200:
        with suppress(Error):
            page.wait_for_selector("#peek .peek-case", timeout=8000)
    return True


def entered(page: Page, url: str) -> None:
    page.fill("#entry-phone", CALLER)
    page.fill("#entry-name", "王小明")
    page.fill("#entry-text", "")  # a draft of before
    page.locator("#entry-text").press_sequentially(STORY, delay=2)
    with suppress(Error):
        page.wait_for_selector("#entry-hints .level", timeout=30_000)
    page.wait_for_timeout(1500)
    page.evaluate("scrollTo(0, 0)")


def step(n: int) -> Callable[[Page, str], None]:
    """The n-th step of a customer's form, what comes before filled in."""

    def ready(page: Page, url: str) -> None:
        page.fill("[name=text]", STORY)
        for _step in range(n - 1):
            page.click("[data-next-step]:visible")
        page.evaluate("scrollTo(0, 0)")

    return ready


def submitted(page: Page, url: str) -> None:
    page.fill("[name=text]", STORY)
    for _step in range(2):
        page.click("[data-next-step]:visible")
    page.fill("[name=name]", "王小明")
    page.fill("[name=phone]", CALLER)
    page.click("[data-submit]")
    page.wait_for_url("**/new/done/**")


def not_found_by_number(page: Page, url: str) -> None:
    page.fill("[name=number]", "TS-2601-0000-0")
    page.fill("[name=contact]", "0000")
    page.click("main form button.btn-primary")
    settle(page)


def nothing_written(page: Page, url: str) -> None:
    page.fill("[name=text]", "")  # a draft of before
    for _step in range(2):
        page.click("[data-next-step]:visible")
    page.fill("[name=phone]", "")
    page.click("[data-submit]")
    settle(page)
    page.evaluate("scrollTo(0, 0)")


def receipt_checked(page: Page, url: str) -> bool:
    """On a customer's page: the receipt is downloaded and checked."""
    link = page.locator("a[href$='/receipt/']").first
    if not link.count():
        return False
    receipt = page.request.get(url + (link.get_attribute("href") or ""))
    if not receipt.ok:
        return False
    page.goto(f"{url}/verify/")
    page.fill("[name=receipt]", receipt.text())
    page.click("main form[method=post] button.btn-primary")
    settle(page)
    return True


def signs_in_wrongly(times: int) -> Callable[[Page, str], None]:
    """Under a name nobody has, so that nobody is locked out."""

    def ready(page: Page, url: str) -> None:
        for _time in range(times):
            if not page.locator("input[name=login]").count():
                return
            page.fill("input[name=login]", f"nobody-{times}")
            page.fill("input[name=password]", "not-this-one")
            page.click("main button[type=submit], form button[type=submit]")
            settle(page)

    return ready


def confirmed(page: Page, url: str) -> None:
    """Who asks for a second factor says the password once more."""
    if page.locator("input[name=password]").count():
        page.fill("input[name=password]", PASSWORD)
        page.click("form .btn-primary")
        settle(page)


def a_word_tried(page: Page, url: str) -> bool:
    """The first word list of the house, and what a word would have matched."""
    if not follows(".words-lists details[open] a[href*='list=']")(page, url):
        return False
    page.fill("#words-word", "退款")
    page.locator("#list form.words-find button").click()
    settle(page)
    page.evaluate("scrollTo(0, 0)")
    return True


def largest_group(page: Page, url: str) -> bool:
    """Of the groups that wait for a decision, the one of most people."""
    rows = page.locator("main .list a[href*='/desk/groups/']").all()
    if not rows:
        return False
    most = max(rows, key=lambda row: int("0" + re.sub(r"\D", "", row.locator("b.num").inner_text())))
    page.goto(url + (most.get_attribute("href") or ""))
    settle(page)
    return True


def a_likely_double(page: Page, url: str) -> bool:
    """A customer whom the program takes for somebody we have already, beside that other one."""
    of = [link.get_attribute("href") or "" for link in page.locator("main table a[href*='/desk/customers/']").all()]
    for address in list(dict.fromkeys(of))[:30]:
        page.goto(url + address)
        settle(page)
        if page.locator("main a[href*='/merge/']").count():
            return follows("main a[href*='/merge/']")(page, url)
    return False


def drawn(page: Page, url: str) -> None:
    with suppress(Error):
        page.wait_for_selector(".chart canvas, .chart svg, main canvas", timeout=8000)
    page.wait_for_timeout(900)


class Customers:
    """Links into the customer's place, found as a customer finds them: by number and the last digits of a phone."""

    def __init__(self, desk: Callable[[str], Page]) -> None:
        self.desk, self.links = desk, dict[str, str]()

    def at(self, stage: str, wait: str = "", then: str = "") -> Callable[[Page, str], bool]:
        """The progress page of a case in this stage that shows `wait`, and from there the link `then`."""

        def ready(page: Page, url: str) -> bool:
            key = f"{stage} {wait}"
            if key not in self.links:
                self.links[key] = self.find(page, url, stage, wait)
            if not self.links[key]:
                return False
            page.goto(self.links[key])
            settle(page)
            return follows(then)(page, url) if then else True

        return ready

    def find(self, page: Page, url: str, stage: str, wait: str) -> str:
        """Empty: none of the first few shows it."""
        desk = self.desk("xuemei")
        desk.goto(f"{url}/desk/queue/?view=all&stage={stage}")
        settle(desk)
        rows = desk.locator("[data-row] a.no[href*='/desk/cases/'], [data-row] a[href*='/desk/cases/']")
        links = list(dict.fromkeys(link.get_attribute("href") or "" for link in rows.all()))
        for address in [link for link in links if "?" not in link][:30]:
            desk.goto(url + address)
            settle(desk)
            digits = re.search(r"\*{4}(\d{4})\b", desk.inner_text("#case-customer"))
            if not digits:
                continue
            page.goto(f"{url}/track/")
            page.fill("[name=number]", address.strip("/").rsplit("/", 1)[-1])
            page.fill("[name=contact]", digits[1])
            with page.expect_navigation():
                page.click("main form button.btn-primary")
            if "/t/" in page.url and (not wait or page.locator(wait).count()):
                return page.url
        return ""


PHONE, WIDE, NIGHT, PHONE_NIGHT = (390, False), (1440, False), (1440, True), (390, True)


def shots(customers: Customers) -> list[Shot]:
    """Every screen. Queue addresses ask for a stage; the first case of it is opened."""
    of = "/desk/queue/?view=open&stage="
    return [
        # A customer.
        Shot("portal-home", "", "/", (PHONE,), dark=True),
        Shot("portal-new", "", "/new/", (PHONE,), step(1), dark=True),
        Shot("portal-new-2", "", "/new/", (), step(2)),
        Shot("portal-new-3", "", "/new/", (PHONE,), step(3)),
        Shot("portal-done", "", "/new/", (PHONE,), submitted),
        Shot("portal-track", "", "/track/", (PHONE,)),
        Shot("portal-progress", "", "/track/", (PHONE, PHONE_NIGHT), customers.at("investigation"), dark=True),
        Shot("portal-offer", "", "/track/", (PHONE,), customers.at("resolution", ".p-offer.waits")),
        Shot("portal-answered", "", "/track/", (), customers.at("followup")),
        Shot("portal-survey", "", "/track/", (PHONE,), customers.at("followup", "a[href*='/s/']", "a[href*='/s/']")),
        Shot("portal-disagree", "", "/track/", (PHONE,), customers.at("followup", "", "a[href$='/disagree/']")),
        Shot("portal-closed", "", "/track/", (PHONE,), customers.at("closed")),
        Shot("portal-archived", "", "/track/", (), customers.at("archived")),
        Shot(
            "portal-withdraw",
            "",
            "/track/",
            (),
            after(customers.at("investigation"), unfolded("details:has(form[action$='/withdraw/'])"), at(".p-screen")),
        ),
        Shot("portal-new-wrong", "", "/new/", (), nothing_written),
        Shot("portal-track-wrong", "", "/track/", (), not_found_by_number),
        Shot("portal-link-wrong", "", "/t/no-such-link/"),
        Shot("portal-404", "", "/no-such-page/", (PHONE,)),
        Shot("portal-verify", "", "/verify/"),
        Shot("portal-verified", "", "/track/", (PHONE,), after(customers.at("investigation"), receipt_checked)),
        Shot("portal-notice", "", "/notice/", (PHONE,)),
        Shot("portal-privacy", "", "/privacy/"),
        # Everybody.
        Shot("login", "", "/accounts/login/", (WIDE,), dark=True),
        Shot("login-again", "", "/desk/queue/"),
        Shot("login-wrong", "", "/accounts/login/", (), signs_in_wrongly(1)),
        Shot("login-locked", "", "/accounts/login/", (), signs_in_wrongly(12)),
        Shot("logout", "xiaoman", "/accounts/logout/"),
        Shot("password", "xiaoman", "/accounts/password/change/"),
        Shot("second-factor", "xiaoman", "/accounts/2fa/"),
        Shot("second-factor-on", "xiaoman", "/accounts/2fa/totp/activate/", (), confirmed),
        Shot("desk-403", "xiaoman", "/desk/admin/health/", (WIDE,)),
        Shot("desk-404", "xiaoman", "/desk/cases/TS-2601-0000-0/"),
        Shot("desk-me", "xuemei", "/desk/", (), unfolded("header details:has(a[href*='/absence/'])")),
        Shot("desk-notices", "xuemei", "/desk/notices/", (WIDE,)),
        Shot("desk-absence", "duheng", "/desk/absence/", (WIDE,)),
        Shot("desk-help", "xiaoman", "/desk/", (WIDE,), lambda page, url: page.keyboard.press("?")),
        # The floor.
        Shot("desk-today", "xiaoman", "/desk/", (WIDE, PHONE), dark=True),
        Shot("desk-entry", "xiaoman", "/desk/register/", (WIDE,), entered, dark=True),
        Shot("desk-queue", "xuemei", "/desk/queue/", (WIDE, NIGHT), dark=True),
        Shot("desk-queue-peek", "xuemei", "/desk/queue/", (WIDE,), peeked, dark=True),
        Shot("desk-queue-filters", "xuemei", "/desk/queue/?view=late&level=2", (), unfolded("details.filters")),
        Shot("desk-queue-columns", "xuemei", "/desk/queue/", (), unfolded("details:has([action$='/queue/layout/'])")),
        Shot("desk-queue-views", "xuemei", "/desk/queue/", (), unfolded("details:has([action$='/queue/views/'])")),
        Shot("desk-queue-export", "xuemei", "/desk/queue/", (), unfolded("details:has([action$='/queue/export/'])")),
        Shot("desk-queue-done", "xuemei", "/desk/queue/?view=done"),
        Shot("desk-mine", "xiaoman", "/desk/mine/"),
        Shot("desk-tray", "xuemei", "/desk/tray/", (WIDE,)),
        Shot("desk-submission", "xuemei", "/desk/tray/", (WIDE,), follows("a[href*='/desk/tray/']")),
        Shot("desk-search", "xuemei", "/desk/search/?q=退款"),
        Shot("desk-search-nothing", "xuemei", "/desk/search/?q=鸵鸟"),
        Shot("desk-review", "xuemei", "/desk/review/?kind=open", (WIDE,), dark=True),
        Shot("desk-review-danger", "xuemei", "/desk/review/?kind=danger", (WIDE,)),
        Shot("desk-review-applied", "xuemei", "/desk/review/?kind=applied"),
        Shot("desk-groups", "xuemei", "/desk/groups/", (WIDE,)),
        Shot("desk-group", "xuemei", "/desk/groups/", (WIDE,), largest_group, dark=True),
        Shot("case-received", "xiaoman", of + "received", (), pane("work")),
        Shot("case-triage", "xuemei", of + "triage", (WIDE,), pane("work")),
        Shot("case-classify", "xuemei", of + "triage", (), act("classify")),
        Shot("case-grade", "xuemei", of + "triage", (WIDE,), act("grade")),
        *(
            Shot(f"act-{name}", who, of + stage, docs, act(name))
            for name, who, stage, docs in (
                ("refuse", "xuemei", "received", ()),
                ("split", "xuemei", "received", (WIDE,)),
                ("merge", "heyun", "received", (WIDE,)),
                ("convert", "xuemei", "received", ()),
                ("change_record", "xuemei", "triage", ()),
                ("assign", "xuemei", "triage", (WIDE,)),
                ("settle_at_once", "xuemei", "triage&level=4", ()),
                ("dispatch", "xuemei", "investigation", ()),
                ("appoint", "xuemei", "investigation", ()),
                ("ask_help", "xuemei", "investigation", ()),
                ("supervise", "xuemei", "investigation", (WIDE,)),
                ("remind", "xuemei", "investigation", ()),
                ("pause", "xuemei", "investigation", ()),
                ("extend", "xuemei", "investigation", ()),
                ("set_deadline", "weilan", "&channel=regulator", ()),
                ("mark_major", "xuemei", "investigation", ()),
                ("back_to_triage", "xuemei", "investigation", ()),
                ("skip", "xuemei", "investigation", ()),
                ("reassess", "xuemei", "followup", ()),
                ("reopen", "xuemei", "followup", ()),
            )
        ),
        Shot("case-note", "xiaoman", of + "triage", (), after(pane("story"), unfolded("#composer-note"))),
        Shot("case-call", "xiaoman", of + "triage", (), after(pane("story"), unfolded("#composer-call"))),
        Shot("case-templates", "xuemei", of + "investigation", (), beside_case("messages/templates/")),
        Shot("case-risk", "xuemei", "/desk/queue/?view=risk", (WIDE,), pane("story")),
        Shot("case-similar", "xuemei", of + "investigation", (), beside_case("similar/")),
        Shot("case-left", "xuemei", of + "investigation", (), after(pane("story"), at("#case-customer"))),
        Shot("case-major", "xuemei", "/desk/queue/?view=open&flag=major", (), pane("story")),
        Shot("case-waiting", "xuemei", "/desk/queue/?view=open&flag=waiting", (), pane("story")),
        Shot("case-returned", "xuemei", "/desk/queue/?view=returned", (), pane("work")),
        Shot("case-closed", "xuemei", "/desk/queue/?view=all&stage=closed", (), pane("story")),
        Shot("case-archived", "xuemei", "/desk/queue/?view=all&stage=archived", (), pane("story")),
        Shot("case-story", "xuemei", of + "resolution&level=2", (WIDE,), pane("story"), dark=True),
        Shot("case-clock", "xuemei", of + "investigation", (WIDE,), why_this_time),
        # The team.
        Shot("desk-team", "xuemei", "/desk/", (WIDE,), dark=True),
        Shot("approvals-phone", "xuemei", "/desk/approvals/", (PHONE,), dark=True),
        Shot("approval", "xuemei", "/desk/approvals/", (PHONE,), follows("a.sign-row"), dark=True),
        # A department.
        Shot("department-today", "yubo", "/desk/", (WIDE,)),
        Shot("department-sign", "yubo", "/desk/", (), clicks("#group-sign a.list-row", "#case-next")),
        Shot("case-investigation", "qinfeng", "/desk/queue/?view=mine&stage=investigation", (WIDE,), pane("work")),
        Shot("case-phone", "xuemei", of + "investigation", (PHONE,), pane("work")),
        Shot("case-resolution", "xuemei", of + "resolution&level=2", (WIDE, NIGHT), pane("work"), dark=True),
        Shot("case-execution", "xuemei", of + "execution", (WIDE,), pane("work")),
        Shot("case-reply", "xuemei", of + "reply", (WIDE,), pane("work")),
        Shot("case-followup", "fanwei", of + "followup", (WIDE,), pane("work")),
        Shot("option-new", "xuemei", of + "resolution", (), after(pane("work"), follows("a[href$='/options/new/']"))),
        Shot("reply-page", "xuemei", of + "reply", (), beside_case("reply/")),
        *(
            Shot(f"paper-{name}", "xuemei", of + stage, docs, beside_case(then))
            for name, stage, then, docs in (
                ("record", "investigation", "papers/record/", (WIDE,)),
                ("receipt", "received", "papers/receipt/", (WIDE,)),
                ("handover", "investigation", "papers/handover/", ()),
                ("reply", "followup", "papers/reply/", ()),
                ("plan", "execution", "plan/", ()),
                ("causes", "resolution&level=2", "causes/print/", ()),
            )
        ),
        Shot(
            "paper-report",
            "xuemei",
            of + "resolution&level=2",
            (),
            after(pane("work"), unfolded("details.fold"), follows("a[href*='/reports/'][href$='/print/']")),
        ),
        Shot("followups", "fanwei", "/desk/followups/", (WIDE, PHONE)),
        Shot("legal-today", "zhengyan", "/desk/", (WIDE,)),
        Shot("legal-approvals", "zhengyan", "/desk/approvals/"),
        Shot("legal-review", "zhengyan", "/desk/approvals/", (WIDE,), follows("a[href*='/approvals/replies/']")),
        Shot("liaison-today", "weilan", "/desk/", ()),
        Shot("liaison-case", "weilan", "/desk/queue/?view=open&channel=regulator", (WIDE,), pane("story")),
        Shot("liaison-queue", "weilan", "/desk/queue/?view=regulator"),
        Shot("inspector-today", "shenyue", "/desk/", (WIDE,)),
        Shot("improver-today", "baishuo", "/desk/", (WIDE,)),
        Shot("admin-today", "admin", "/desk/"),
        # Customers, figures.
        Shot("customers", "xuemei", "/desk/customers/", (WIDE,)),
        Shot("customer", "xuemei", of + "resolution", (WIDE,), whose),
        Shot("customers-import", "xuemei", "/desk/customers/import/", (WIDE,)),
        Shot("customer-new", "xuemei", "/desk/customers/new/"),
        Shot("customer-edit", "xuemei", of + "resolution", (), after(whose, follows("main a[href$='/edit/']"))),
        Shot("customer-merge", "xuemei", "/desk/customers/", (), a_likely_double),
        Shot("customer-erase", "weilan", of + "resolution", (), after(whose, follows("main a[href$='/erase/']"))),
        Shot("executive-today", "gaoyuan", "/desk/"),
        Shot("insight", "gaoyuan", "/desk/insight/", (WIDE, NIGHT), drawn, dark=True),
        # The house.
        Shot("policy", "duheng", "/desk/policy/", (WIDE,)),
        Shot("policy-versions", "admin", "/desk/policy/versions/", (WIDE,)),
        Shot("insight-cases", "gaoyuan", "/desk/insight/", (), follows("main a[href*='/insight/cases/']")),
        Shot("risk", "gaoyuan", "/desk/insight/risk/", (WIDE,), drawn, dark=True),
        Shot("policy-draft", "admin", "/desk/policy/draft/", (WIDE,)),
        Shot("policy-version", "admin", "/desk/policy/versions/1/"),
        Shot("policy-compare", "admin", "/desk/policy/versions/", (WIDE,), follows("a[href*='/policy/compare/?b=']")),
        Shot("policy-words", "xuemei", "/desk/policy/words/"),
        Shot("policy-words-list", "xuemei", "/desk/policy/words/", (), follows(".words-lists a[href*='list=']")),
        Shot("policy-words-tried", "xuemei", "/desk/policy/words/", (WIDE,), a_word_tried, dark=True),
        Shot("calendar", "admin", "/desk/policy/calendar/", (WIDE,)),
        Shot("calendar-notice", "admin", "/desk/policy/calendar/notice/"),
        Shot("admin", "admin", "/desk/admin/", (WIDE,)),
        Shot("admin-units", "admin", "/desk/admin/units/", (WIDE,)),
        Shot("admin-unit", "admin", "/desk/admin/units/", (), follows("main .list a[href*='/admin/units/']")),
        Shot("admin-unit-new", "admin", "/desk/admin/units/new/"),
        Shot("admin-hire", "admin", "/desk/admin/people/new/"),
        Shot("admin-people", "admin", "/desk/admin/people/", (WIDE,)),
        Shot("admin-person", "admin", "/desk/admin/people/", (), follows("main table a[href*='/admin/people/']")),
        Shot("admin-roles", "admin", "/desk/admin/roles/", (WIDE,)),
        Shot("admin-role", "admin", "/desk/admin/roles/agent/", (WIDE,)),
        Shot("admin-role-new", "admin", "/desk/admin/roles/new/"),
        Shot("admin-tokens", "admin", "/desk/admin/tokens/", (WIDE,)),
        Shot("admin-models", "admin", "/desk/admin/models/", (WIDE,), drawn, dark=True),
        Shot("admin-jobs", "admin", "/desk/admin/jobs/", (WIDE,)),
        Shot("admin-audit", "admin", "/desk/admin/audit/", (WIDE,)),
        Shot(
            "admin-stream",
            "admin",
            "/desk/admin/audit/",
            (WIDE,),
            follows("main tr:has-text('TS-') a[href*='/admin/audit/']"),
        ),
        Shot("admin-health", "admin", "/desk/admin/health/", (WIDE,)),
        # The same house on its first day.
        *(
            Shot(f"empty-{name}", who, address, docs, company="empty", dark=dark)
            for name, who, address, docs, dark in (
                ("portal-home", "", "/", (), False),
                ("desk-today", "xiaoman", "/desk/", (WIDE,), True),
                ("desk-team", "xuemei", "/desk/", (), False),
                ("desk-queue", "xuemei", "/desk/queue/", (WIDE,), True),
                ("desk-entry", "xiaoman", "/desk/register/", (), False),
                ("approvals", "xuemei", "/desk/approvals/", (PHONE,), False),
                ("followups", "fanwei", "/desk/followups/", (), False),
                ("department-today", "yubo", "/desk/", (), False),
                ("executive-today", "gaoyuan", "/desk/", (), False),
                ("notices", "xuemei", "/desk/notices/", (), False),
                ("review", "xuemei", "/desk/review/", (), False),
                ("groups", "xuemei", "/desk/groups/", (), False),
                ("search", "xuemei", "/desk/search/?q=退款", (), False),
                ("risk", "gaoyuan", "/desk/insight/risk/", (), False),
                ("words-tried", "xuemei", "/desk/policy/words/?word=退款", (), False),
                ("models", "admin", "/desk/admin/models/", (), False),
                ("tokens", "admin", "/desk/admin/tokens/", (), False),
                ("audit", "admin", "/desk/admin/audit/", (), False),
                ("health", "admin", "/desk/admin/health/", (), False),
                ("tray", "xuemei", "/desk/tray/", (), False),
                ("customers", "xuemei", "/desk/customers/", (), False),
                ("insight", "gaoyuan", "/desk/insight/", (WIDE,), True),
                ("policy", "admin", "/desk/policy/", (), False),
                ("admin", "admin", "/desk/admin/", (), False),
                ("admin-jobs", "admin", "/desk/admin/jobs/", (), False),
            )
        ),
    ]


# ── the camera ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Camera:
    """One signed-in context a person and pixel density; widths and darkness change on the open page."""

    def __init__(self, browser: Browser, url: str, english: bool) -> None:
        self.browser, self.url, self.english = browser, url, english
        self.pages: dict[tuple[str, bool], Page] = {}
        self.signed: dict[str, BrowserContext] = {}

    def page(self, who: str, phone: bool = False) -> Page:
        if (who, phone) in self.pages:
            return self.pages[who, phone]
        state = self.signed[who].storage_state() if who in self.signed else None
        context = self.browser.new_context(
            viewport={"width": 1440, "height": 900}, locale="en-US" if self.english else "zh-CN",
            timezone_id="Asia/Shanghai", storage_state=state,
            device_scale_factor=1.5 if phone else 1, has_touch=phone, is_mobile=phone, reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(40_000)
        page = self.pages[who, phone] = context.new_page()
        if who and state is None:
            page.goto(f"{self.url}/accounts/login/")
            page.fill("input[name=login]", who)
            page.fill("input[name=password]", PASSWORD)
            page.click("main button[type=submit], form button[type=submit]")
            page.wait_for_url(re.compile("/desk/"))
            self.signed[who] = context
        if self.english:  # signing in chose the person's own language
            context.add_cookies([{"name": "django_language", "value": "en", "url": self.url}])
        return page

    def shoot(self, shot: Shot, width: int, dark: bool, file: Path, whole: bool) -> bool:
        """Returns whether there was something to see."""
        page = self.page(shot.who, width < 500)
        page.set_viewport_size({"width": width, "height": 844 if width < 500 else 1024 if width < 1000 else 900})
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.goto(self.url + shot.address)
        settle(page)
        if shot.ready and shot.ready(page, self.url) is False:
            return False
        page.wait_for_timeout(300)
        sticks_out = page.evaluate("document.documentElement.scrollWidth") - width
        if sticks_out > 0:
            print(f"  {file.stem}: sticks out {sticks_out} px sideways")
        if whole:
            high = min(page.evaluate("document.documentElement.scrollHeight"), LONGEST)
            page.screenshot(path=file, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": high})
        else:
            page.screenshot(path=file)
        smaller(file)
        return True


def smaller(file: Path) -> None:
    """256 colours are enough for a screen and take a third of the bytes."""
    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(file, optimize=True)


# ── the two companies ────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def company(name: str, cases: int) -> Iterator[str]:
    """Found it if need be, let it grow to `cases`, serve it. Yields its address."""
    home = ROOT / "var" / "pictures" / name
    home.mkdir(parents=True, exist_ok=True)
    wenguo, env = [str(ROOT / ".venv/bin/wenguo")], {**os.environ, "WENGUO_HOME": str(home)}
    port, live = free_ports()
    env |= {"WENGUO_PORT": str(port), "WENGUO_LIVE_PORT": str(live)}
    env |= {"WENGUO_DEMO_CASES": str(cases), "PYTHONPATH": str(ROOT / "src")}
    if given := env.get("DATABASE_URL"):
        env["DATABASE_URL"] = beside(given, name)
    report = home / "report.json"
    subprocess.run([*wenguo, "migrate", "--demo", "--report", str(report)], env=env, check=True)
    if missing := json.loads(report.read_text())["demo_cases_missing"]:
        subprocess.run([*wenguo, "demo", "--cases", str(missing)], env=env, check=True)
    if cases:  # the night after: a candidate model (too few cases are no failure), and whether the risk was right
        subprocess.run([*wenguo, "train", "--if-news"], env=env, check=False)
        subprocess.run([sys.executable, "-c", CHECKED], env=env, check=True)
    server = subprocess.Popen(
        [*wenguo, "up", "--no-demo"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        answers(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(60)


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def beside(url: str, name: str) -> str:
    """The address of a database of its own on the same server, made if need be."""
    import psycopg
    from psycopg import sql

    parts = urlsplit(url)
    own = f"{parts.path.lstrip('/') or 'wenguo'}_pictures_{name}"
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [own]).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(own))
            )
    return f"{parts.scheme}://{parts.netloc}/{own}" + (f"?{parts.query}" if parts.query else "")


def answers(url: str, server: subprocess.Popen[bytes]) -> None:
    for _try in range(240):
        if server.poll() is not None:
            sys.exit(f"the server of {url} did not start")
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.5)
    sys.exit(f"{url} does not answer")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--busy", default="", help="address of a running company, instead of one of our own")
    asked.add_argument("--empty", default="", help="address of a running company without complaints")
    asked.add_argument("--cases", type=int, default=100, help="how many complaints our own busy company is to have")
    asked.add_argument("--out", type=Path, default=ROOT / "docs/pictures")
    asked.add_argument("--english", action="store_true", help="the screens as an English reader has them")
    asked.add_argument("--only", default="", help="a regular expression over the names")
    asked.add_argument(
        "--all", action="store_true", help="every screen at every width, whole pages, a part in the dark"
    )
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    missed, taken = [], 0
    with ExitStack() as stack:
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[*FLAGS, f"--lang={'en-US' if given.english else 'zh-CN'}"],  # zh: with Debian's chromium-l10n
            env={**os.environ, "LANGUAGE": "en_US" if given.english else "zh_CN"},
        )
        cameras: dict[str, Camera] = {}

        def camera(name: str) -> Camera:
            if name not in cameras:
                cases = given.cases if name == "busy" else 0
                url = getattr(given, name) or stack.enter_context(company(name, cases))
                cameras[name] = Camera(browser, url.rstrip("/"), given.english)
            return cameras[name]

        customers = Customers(lambda who: camera("busy").page(who))
        for shot in shots(customers):
            looks = [(w, False) for w in WIDTHS] + [(w, True) for w in WIDTHS if shot.dark] if given.all else shot.docs
            for width, dark in looks:
                name = f"{shot.name}-{width}{'-dark' if dark else ''}"
                if not given.all and (width, dark) == shot.docs[0]:
                    name = shot.name
                if not re.search(given.only, name):
                    continue
                try:
                    seen = camera(shot.company).shoot(shot, width, dark, given.out / f"{name}.png", given.all)
                except Error as error:
                    seen = False
                    print(f"  {name}: {str(error).splitlines()[0]}")
                taken += seen
                print(f"{name}{'' if seen else ': nothing to see'}", flush=True)
                if not seen:
                    missed.append(name)
        browser.close()
    size = sum(file.stat().st_size for file in given.out.glob("*.png")) / 2**20
    print(
        f"{taken} pictures; {given.out} holds {size:.1f} MiB" + (f"; not taken: {', '.join(missed)}" if missed else "")
    )
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()

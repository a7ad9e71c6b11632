"""Every form of the desk filled in wrongly: whatever a browser, a hand or a program sends, the answer is a page with a
clear word, never a fault, and a refused form leaves no trace in the journal.

The forms are not listed here: they are read off the pages as each person sees them, in every stage of one laborious
case and in the house, so a new form is tried too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from tests.doors.laborious import whole_way, worked
from tests.doors.visitor import at_desk

WRONG = {
    "nothing": "",
    "control": "\x00坏\x0b字\u202e符\ufeff<script>alert(1)</script>&amp;'\"\\",
    "long": "很长" * 6000,
    "negative": "-1",
    "huge": "9" * 40,
    "real": "1e400",
    "no number": "NaN",
    "wide": "１２．５",
    "no day": "2026-02-30",
    "far day": "9999-12-31T23:59",
    "zero day": "0000-00-00 00:00",
    "first day": "0001-01-01",
}
EVERY_TIME = {"nothing", "control", "huge"}


@dataclass
class Form:
    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)


class Forms(HTMLParser):
    """The forms of a page, each with the fields it would send; a select and a radio with the first of its choices."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.links: set[str] = set()
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {k: v or "" for k, v in attrs}
        self.links |= {v.split("#")[0] for k, v in a.items() if k in {"href", "hx-get"} and v.startswith("/desk/")}
        if tag == "form":
            self.found.append(Form(a.get("hx-post") or a.get("action", ""), a.get("method", "get").lower()))
        elif self.found and (name := a.get("name")):
            if tag in {"input", "textarea", "button"}:
                self.found[-1].fields.append((name, a.get("value", "")))
            elif tag == "select":
                self.select = name
        elif tag == "option" and self.select and a.get("value"):
            self.found[-1].fields.append((self.select, a["value"]))
            self.select = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.select = ""


def read(client: Client, address: str) -> Forms:
    answer = client.get(address)
    assert answer.status_code < 500, (address, answer.status_code)
    forms = Forms()
    if "html" in answer.headers.get("Content-Type", ""):
        forms.feed(answer.content.decode(errors="replace"))
    return forms


def wrongly(form: Form, thoroughly: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The form with every field wrong in one way; thoroughly: also each field by itself, the others as they stood."""
    whole = dict(form.fields)
    for how, value in WRONG.items():
        if thoroughly or how in EVERY_TIME:
            yield how, dict.fromkeys(whole, value)
    for name in whole if thoroughly else ():
        for how in ("control", "huge", "no day"):
            yield f"{name}: {how}", whole | {name: WRONG[how]}
    yield "doubled", {name: [value, value, "x"] for name, value in whole.items()}


HOW = pytest.mark.parametrize("thoroughly", [False, pytest.param(True, marks=pytest.mark.nightly)])


def tried(client: Client, page: str, seen: set[str], thoroughly: bool) -> list[str]:
    """Every form of this page that was not tried before, filled in wrongly; what the program could not answer."""
    faults = []
    for form in read(client, page).found:
        action = form.action or page
        key = re.sub(r"\d+", "0", action) + " ".join(sorted({name for name, _value in form.fields}))
        if key in seen or not action.startswith("/desk/"):
            continue
        seen.add(key)
        send = client.post if form.method == "post" else client.get
        for n, (how, values) in enumerate(wrongly(form, thoroughly)):
            headers = {"HX-Request": "true"} if n % 2 else {}
            with transaction.atomic():
                try:
                    status = send(action, values, headers=headers).status_code
                except Exception as error:
                    status = f"{type(error).__name__}: {str(error)[:120]}"
                transaction.set_rollback(True)
            if not isinstance(status, int) or status >= 500:
                faults.append(f"{action} [{how}] {status}")
    return faults


@HOW
def test_the_forms_of_a_case_in_every_stage(now: Any, thoroughly: bool) -> None:
    """Every day in one stage as one person sees it; at night in all of them."""
    seen: set[str] = set()
    faults: list[str] = []
    for case in whole_way(now) if thoroughly else [worked(now, "investigation")]:
        here = f"/desk/cases/{case.number}/"
        for person in (now.agent, now.supervisor, now.relationship) if thoroughly else (now.agent,):
            client = at_desk(person)
            links = read(client, here).links
            for page in [here, *sorted(link for link in links if link.startswith(here) and "reveal" not in link)]:
                faults += tried(client, page, seen, thoroughly)
    assert len(seen) > (60 if thoroughly else 20), seen
    assert not faults, "\n".join(faults)


def plain(patterns: Any = None, path: str = "") -> list[str]:
    """Every address of the desk that needs nothing filled in."""
    found = []
    for entry in patterns if patterns is not None else get_resolver().url_patterns:
        here = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += plain(entry.url_patterns, here)
        elif isinstance(entry, URLPattern) and here.startswith("desk/") and "<" not in here:
            found.append("/" + here)
    return list(dict.fromkeys(found))


@pytest.mark.nightly
def test_the_forms_of_the_house(now: Any) -> None:
    seen: set[str] = set()
    faults: list[str] = []
    worked(now, "resolution")
    for person in (now.admin, now.supervisor, now.manager, now.agent):
        client = at_desk(person)
        for page in plain():
            if client.get(page).status_code != 200:
                continue
            faults += tried(client, page, seen, True)
            for link in sorted(read(client, page).links)[:60]:
                if re.match(r"/desk/(admin|customers|groups|tray|policy|approvals)/.*\d", link):
                    faults += tried(client, link, seen, True)
    assert len(seen) > 40, seen
    assert not faults, "\n".join(faults)

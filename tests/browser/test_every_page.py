"""Every page of portal and desk, read from the addresses: nobody is shut out (WCAG 2.2 AA by axe-core, light and dark),
nothing sticks out at 390, 768 and 1440 px, in large type, and in English.

One company, one server, one browser for all of them. A new address without arguments is looked at by itself; one with
arguments is named in PAGES with what it needs, or in NO_PAGES when it is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

pytestmark = [pytest.mark.browser, pytest.mark.django_db]  # the mark makes the test database; the rows are `w`'s
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TEXT = "昨天买的电水壶底座漏水，插座都湿了，打售后电话一直没人接，要求退款。"
LONG = "这是一个没有空格也没有标点的五百字长句" * 27  # 513 characters
NAME = "阿卜杜勒拉赫曼伊本穆罕默德阿勒萨乌德买买提艾力库尔班江吐尔逊艾则孜玉素甫肉孜"

# Addresses with arguments: what fills them. `w` is the company below.
PAGES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "portal:done": lambda w: {"token": w.done},
    "portal:progress": lambda w: {"token": w.link},
    "portal:disagree": lambda w: {"token": w.link},
    "portal:survey": lambda w: {"token": w.survey},
    "desk:submission": lambda w: {"pk": w.tray},
    "desk:case": lambda w: {"number": w.signing},
    "desk:act": lambda w: {"number": w.open, "name": "classify"},
    "desk:say_templates": lambda w: {"number": w.open},
    "desk:case_risk": lambda w: {"number": w.open},
    "desk:case_similar": lambda w: {"number": w.neighbour},
    "desk:group": lambda w: {"pk": w.group},
    "desk:clock": lambda w: {"number": w.open, "pk": w.clock},
    "desk:paper": lambda w: {"number": w.signing, "paper": "record"},
    "desk:print_causes": lambda w: {"number": w.signing},
    "desk:new_option": lambda w: {"number": w.signing},
    "desk:option": lambda w: {"number": w.signing, "pk": w.option},
    "desk:print_plan": lambda w: {"number": w.signing},
    "desk:reply": lambda w: {"number": w.signing},
    "desk:approval": lambda w: {"pk": w.approval},
    "desk:customer": lambda w: {"pk": w.customer},
    "desk:customer_edit": lambda w: {"pk": w.customer},
    "desk:customer_merge": lambda w: {"pk": w.customer, "other": w.other_customer},
    "desk:customer_erase": lambda w: {"pk": w.customer},
    "desk:policy_version": lambda w: {"number": 1},
    "desk:unit": lambda w: {"pk": w.unit},
    "desk:role": lambda w: {"code": "agent"},
    "desk:person": lambda w: {"pk": w.person},
    "desk:audit_stream": lambda w: {"pk": w.stream},
    # The same screens with other things on them.
    "portal:progress?early": lambda w: {"token": w.early},
    "portal:progress?answered": lambda w: {"token": w.answered_link},
    "portal:progress?strange": lambda w: {"token": w.strange_link},
    "desk:case?new": lambda w: {"number": w.new},
    "desk:case?open": lambda w: {"number": w.open},
    "desk:case?answered": lambda w: {"number": w.answered},
    "desk:case?strange": lambda w: {"number": w.strange},
    "desk:act?grade": lambda w: {"number": w.open, "name": "grade"},
    "desk:act?split": lambda w: {"number": w.new, "name": "split"},
    "desk:paper?receipt": lambda w: {"number": w.signing, "paper": "receipt"},
}
# Posts, files, and parts of pages: not looked at by themselves.
NO_PAGES = frozenset({
    "web:language", "portal:say", "portal:remind", "portal:withdraw", "portal:answer", "portal:receipt",
    "portal:file", "portal:thumbnail", "desk:search", "desk:discard", "desk:entry_customer", "desk:entry_hints",
    "desk:notices_read", "desk:story", "desk:reveal", "desk:say", "desk:note", "desk:call", "desk:evidence_add",
    "desk:evidence", "desk:evidence_small", "desk:evidence_check", "desk:facts", "desk:fact", "desk:ticks",
    "desk:tick", "desk:ask", "desk:ask_customer", "desk:supply", "desk:cancel_request", "desk:causes",
    "desk:code_cause", "desk:cause", "desk:remove_cause", "desk:find", "desk:reports", "desk:report",
    "desk:submit_report", "desk:review_report", "desk:print_report", "desk:calculate", "desk:choose",
    "desk:withdraw_option", "desk:propose", "desk:override", "desk:offer", "desk:option_answer", "desk:justify",
    "desk:measures", "desk:change_measure", "desk:cancel_measure", "desk:complete", "desk:pay", "desk:reply_draft",
    "desk:reply_remarks", "desk:review_reply", "desk:call_back", "desk:decide", "desk:reply_review", "desk:owed",
    "desk:customer_import_do", "desk:customer_import_errors", "desk:customer_import_template", "desk:customer_reveal",
    "desk:identity_add", "desk:identity_retire", "desk:order_add", "desk:customer_merge_with", "desk:customer_export",
    "desk:customer_unmerge", "desk:policy_publish", "desk:policy_discard", "desk:policy_download",
    "desk:policy_words_save", "desk:person_act",
    "desk:token_revoke", "desk:jobs_retry_all", "desk:job_act", "desk:letter_resend", "desk:audit_check",
    "desk:audit_receipt", "desk:absence_end", "desk:peek", "desk:view_change", "desk:bulk", "desk:queue_export",
    "desk:queue_layout", "desk:queue_news", "desk:view_keep", "desk:model_train", "desk:model_promote",
    "desk:model_back",
    "desk:case_assist", "desk:risk_check", "desk:risk_model", "desk:review_decide",
    "desk:group_confirm", "desk:group_dismiss", "desk:group_take_out",
})  # fmt: skip
ACCOUNTS = ("account_login", "account_change_password", "account_reauthenticate", "mfa_index", "mfa_activate_totp")


def addresses() -> dict[str, list[str]]:
    """{name: what it takes} of all addresses of portal and desk."""
    found: dict[str, list[str]] = {}

    def walk(patterns: list[Any], space: str) -> None:
        for entry in patterns:
            if isinstance(entry, URLResolver):
                walk(entry.url_patterns, entry.app_name or space)
            elif isinstance(entry, URLPattern) and entry.name and space in {"portal", "desk"}:
                found[f"{space}:{entry.name}"] = re.findall(r"<(?:\w+:)?(\w+)>", str(entry.pattern))

    walk(list(get_resolver().url_patterns), "")
    return found


def plain() -> list[str]:
    return [name for name, takes in addresses().items() if not takes and name not in NO_PAGES]


def test_no_address_is_forgotten(w: Any) -> None:
    """What answers a plain GET with a whole page stands in PAGES; posts, files and fragments need not."""
    from django.test import Client

    known = {name.split("?")[0] for name in PAGES} | NO_PAGES
    filled = {"number": w.open, "pk": 1, "token": w.link, "name": "classify", "paper": "record", "code": "agent"}
    unseen = []
    for name in [name for name, takes in addresses().items() if takes and name not in known]:
        for person in (w.who, w.admin):
            client = Client(raise_request_exception=False)
            client.force_login(person)
            answer = client.get(reverse(name, kwargs={key: filled.get(key, 1) for key in addresses()[name]}))
            if answer.status_code == 200 and not answer.streaming and b"</html>" in answer.content:
                unseen.append(name)
                break
    assert not unseen, f"say in PAGES what opens it: {unseen}"
    assert len(plain()) > 30


# ── the company, the server, the two who look ─────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def w(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A company with a case at each stage, on a running server; emptied at the end like after any such test."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections
    from django.test import override_settings
    from pytest_django.live_server_helper import LiveServer
    from tests.conftest import build_company

    folder = tmp_path_factory.mktemp("files")
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": folder}}
    with (
        django_db_blocker.unblock(),
        override_settings(STORAGES={**settings.STORAGES, "default": storage}),
    ):
        assert connections["default"].settings_dict["NAME"].startswith("test_")  # it is emptied below
        build_company()
        made = build()
        server = LiveServer("localhost")
        made.url = server.url
        yield made
        server.stop()
        connections.close_all()
        call_command("flush", interactive=False, verbosity=0, allow_cascade=True, inhibit_post_migrate=True)


def build() -> Any:
    from django.core import signing
    from tests.browser.test_desk_journeys import answered, waiting_for_signature
    from tests.conftest import Desk

    from wenguo.cases import evidence, followup, group, intake, links
    from wenguo.cases.intake import Submission
    from wenguo.people.actor import SYSTEM
    from wenguo.people.roles import Role
    from wenguo.people.staff import give_post
    from wenguo.web.portal.submit import DONE_SALT

    desk = Desk()
    desk.now = datetime.now(UTC) - timedelta(hours=2)
    long_ago = desk.now - timedelta(days=700)
    for unit, code in (("zjb", "executive"), ("zb", "inspector"), ("zb", "liaison"), ("zl", "improver")):
        give_post(desk.supervisor, desk.units[unit], Role.objects.get(code=code), by=SYSTEM, at=long_ago)
    signing_case, option = waiting_for_signature(desk)
    after = desk.receives("门铃装上就不响，换了电池也一样。", phone="13700001111", name="李四", channel="web")
    after = answered_by(answered, desk, after)
    followup.invite_survey(after.pk, after.round, at=desk.now)
    opened = desk.triages(desk.receives("冰箱门封条老化，保修期内要求更换。", phone="13600001111", name="周五"))
    fresh = desk.receives("取暖器有焦味，家里有老人，怕着火。", phone="13500001111", name="赵六", channel="web")
    kept = evidence.store("照片.txt", iter(["看不清".encode()]))
    evidence.attach(opened, kept, by=opened.customer, at=desk.now, public=True)
    strange = desk.triages(
        desk.receives(f"{LONG} 😡🙏👨‍👩‍👧‍👦 שלום המוצר פגום", phone="13400001111", name=NAME, channel="web")
    )
    tray = intake._keep(intake.Complaint(channel="web", text="看不懂", phone="13800009999"), None, desk.now, None)
    Submission.objects.filter(pk=tray.pk).update(state=Submission.State.UNSORTED, why="不知道是谁")

    leaks = ("接头一直滴水，柜子泡坏了", "接头漏水，橱柜板全泡发了", "装上十天接头就渗水，楼下也湿了")
    neighbours = [
        desk.receives(f"栖云里小区团购的净水器CJ-600{leak}。", phone=f"1330000111{n}", name=f"邻居{n}", channel="web")
        for n, leak in enumerate(leaks)
    ]
    suggested = [group.meet(case.pk, at=desk.now) for case in neighbours][-1]
    assert suggested is not None

    def link(case: Any, purpose: str = links.TRACK) -> str:
        return links.make(case, purpose, at=datetime.now(UTC), days=5)

    return SimpleNamespace(
        who=desk.supervisor, admin=desk.admin, signing=signing_case.number, option=option.pk,
        approval=option.approvals.get().pk, open=opened.number, clock=opened.clocks.first().pk,
        new=fresh.number, answered=after.number, group=suggested.pk, neighbour=neighbours[0].number,
        strange=strange.number, link=link(signing_case), early=link(fresh), answered_link=link(after),
        strange_link=link(strange), survey=link(after, links.SURVEY), tray=tray.pk,
        done=signing.dumps(fresh.submissions.get().pk, salt=DONE_SALT), customer=opened.customer_id,
        other_customer=fresh.customer_id, unit=desk.units["kf"].pk, person=desk.agent.pk, stream=opened.stream_id,
    )  # fmt: skip


def answered_by(answered: Callable[[Any], Any], desk: Any, case: Any) -> Any:
    """`answered` of the journeys makes a case of its own; this one takes the case it is given."""
    receives, desk.receives = desk.receives, lambda text: case
    try:
        return answered(desk)
    finally:
        desk.receives = receives


@pytest.fixture(scope="module")
def looks(browser: Any, w: Any) -> Iterator[Callable[[str], Any]]:
    """`looks("portal")` is a stranger's page, `looks("desk")` that of who sees all cases, `looks("admin")` the rest."""
    from django.conf import settings
    from django.test import Client

    pages: dict[str, Any] = {}

    def session(person: Any) -> str:
        client = Client()
        client.force_login(person)
        return str(client.cookies[settings.SESSION_COOKIE_NAME].value)

    sessions = {"desk": session(w.who), "admin": session(w.admin)}

    def look(room: str) -> Any:
        if room not in pages:
            context = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce")
            if room in sessions:
                context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": sessions[room], "url": w.url}])
            pages[room] = context.new_page()
        return pages[room]

    yield look
    for page in pages.values():
        page.context.close()


# ── the looking ───────────────────────────────────────────────────────────────────────────────────────────────────

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def barriers(page: Any, only: list[str] | None = None) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA; `only` these rules."""
    asked = f"{{type: 'rule', values: {only}}}" if only else f"{{type: 'tag', values: {WCAG}}}"
    found = page.evaluate(
        f"axe.run(document, {{runOnly: {asked}, resultTypes: ['violations'], preload: false}})"
        ".then((r) => r.violations)"
    )
    return [
        f"{v['id']}: {n['html'][:200]} :: {n['any'][0]['message'] if n['any'] else n['failureSummary'][:200]}"
        for v in found
        for n in v["nodes"][:4]
    ]


def sticks_out(page: Any, width: int) -> str:
    page.set_viewport_size({"width": width, "height": 844})
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide <= width:
        return ""
    culprit = page.evaluate(
        "(w) => [...document.querySelectorAll('main *, header *, nav *, .a4 *')]"
        ".filter((e) => e.getBoundingClientRect().right > w + 1 && "
        "!e.closest('.sheet-scroll, .p-scroll, .tabs, .stages'))"
        ".slice(-1).map((e) => e.outerHTML.slice(0, 160)).join()", width
    )  # fmt: skip
    return f"{wide} px at {width}: {culprit}"


def cramped(page: Any) -> list[str]:
    """Where one is to write sentences there is room for some, behind every fold."""
    return page.evaluate(
        "(document.querySelectorAll('main details').forEach((fold) => { fold.open = true; }),"
        " [...document.querySelectorAll('main textarea')].filter((e) => e.checkVisibility() && e.offsetWidth < 200)"
        ".map((e) => `${e.offsetWidth} px to write in: ${e.outerHTML.slice(0, 120)}`))"
    )


@pytest.mark.parametrize("name", [*plain(), *PAGES, *ACCOUNTS])
def test_a_page(w: Any, looks: Any, name: str) -> None:
    if not AXE.exists():
        pytest.skip(f"axe-core is not here: {AXE}; npm ci")
    plain_name = name.split("?")[0]
    address = w.url + reverse(plain_name, kwargs=PAGES[name](w) if name in PAGES else None)
    wrong: list[str] = []

    for room in ["portal"] if name.startswith("portal:") or name == "account_login" else ["desk", "admin"]:
        page = looks(room)
        page.context.add_cookies([{"name": "django_language", "value": "zh-hans", "url": w.url}])
        page.set_viewport_size({"width": 1440, "height": 900})
        answer = page.goto(address)
        if answer.status != 403:
            break
    if name not in PAGES and (answer.status == 405 or "text/html" not in answer.headers["content-type"]):
        return  # a post, or figures for a page that is open
    assert answer.status == 200, (answer.status, address)
    assert page.evaluate("document.documentElement.lang") == "zh-hans"
    titles = page.locator("h1").count()
    wrong += [f"{titles} h1"] if titles != 1 else []
    page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
    wrong += barriers(page)
    wrong += [sticks_out(page, width) for width in (1440, 768, 390)]
    page.evaluate("document.documentElement.setAttribute('data-bs-theme', 'dark')")
    wrong += [f"dark, 390 px: {line}" for line in barriers(page, ["color-contrast", "target-size"])]
    page.evaluate("document.documentElement.setAttribute('data-type', 'large')")
    wrong += [f"large type: {line}" for line in [sticks_out(page, 390)] if line]
    wrong += cramped(page)

    page.context.add_cookies([{"name": "django_language", "value": "en", "url": w.url}])
    page.goto(address)
    assert page.evaluate("document.documentElement.lang") == "en"
    wrong += [f"English: {line}" for line in [sticks_out(page, 390)] if line]
    if name not in PAGES:  # with arguments, names of people and matters stand in the title
        wrong += (
            ["English: the title is Chinese"] if re.search(r"[\u4e00-\u9fff]", page.title().split(" · ")[0]) else []
        )
    assert not (left := [line for line in wrong if line]), "\n".join(left)

"""One table of who may open what: the lists, customers, policy, analysis and administration of the desk, by role.

What leads to one case is walked by test_every_door.py, with role and scope; this is the rest. An address that stands in
no line fails: whoever adds one says here for whom it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from wenguo.people.roles import STANDARD
from wenguo.people.staff import Person

EVERYBODY = {standard.code for standard in STANDARD}
CASES = EVERYBODY - {"admin"}  # whoever has to do with complaints; who manages people has not
DESK = {"agent", "senior_agent", "supervisor", "manager"}
LEADS = {"supervisor", "manager"}
REGISTER = DESK | {"relationship", "liaison"}
CHANGE_CUSTOMERS = DESK | {"relationship"}
MERGE_CUSTOMERS = {"senior_agent", "supervisor", "manager", "relationship"}
STAFF = DESK | {"executive", "investigator", "handler", "admin"}
JOURNAL = {"manager", "executive", "inspector", "admin"}
INSIGHT = LEADS | {"executive", "relationship", "inspector", "liaison", "improver"}
DRAFT = {"manager", "improver", "admin"}
SUPERVISE = LEADS | {"executive", "liaison"}
EXPORT = LEADS | {"executive", "liaison"}

MAY = {
    # the day, the lists, what one keeps for oneself
    "": EVERYBODY, "news/": CASES, "queue/": CASES, "queue/news/": CASES, "queue/acts/": CASES,
    "queue/export/": EXPORT, "queue/layout/": CASES, "queue/views/": CASES, "queue/views/{pk}/": CASES,
    "review/": DESK, "review/{number}/": DESK, "review/{number}/danger/": DESK,
    "mine/": CASES, "search/": CASES, "notices/": EVERYBODY, "notices/count/": EVERYBODY, "notices/read/": EVERYBODY,
    "followups/": EVERYBODY, "approvals/": EVERYBODY,
    "groups/": CASES, "groups/{pk}/": CASES, "groups/{pk}/confirmation/": SUPERVISE,
    "groups/{pk}/dismissal/": SUPERVISE, "groups/{pk}/members/": SUPERVISE, "groups/{pk}/merge/": SUPERVISE,
    "groups/{pk}/members/{number}/removal/": SUPERVISE,
    "absence/": EVERYBODY, "absence/{pk}/end/": EVERYBODY,
    # taking in
    "register/": REGISTER, "register/customer/": REGISTER, "register/hints/": REGISTER,
    "tray/": REGISTER, "tray/{pk}/": REGISTER, "tray/{pk}/discard/": REGISTER,
    # signing: about which case is asked inside
    "approvals/{pk}/": EVERYBODY, "approvals/{pk}/explanation/": EVERYBODY,
    "approvals/{pk}/decision/": DESK | {"executive"},
    "approvals/replies/{pk}/": EVERYBODY, "approvals/overrides/{pk}/": EVERYBODY,
    # customers
    "customers/": CASES, "customers/{pk}/": CASES, "customers/{pk}/reveal/": CASES,
    "customers/new/": CHANGE_CUSTOMERS, "customers/{pk}/edit/": CHANGE_CUSTOMERS,
    "customers/{pk}/identities/": CHANGE_CUSTOMERS, "customers/{pk}/identities/{identity}/retire/": CHANGE_CUSTOMERS,
    "customers/{pk}/orders/": CHANGE_CUSTOMERS,
    "customers/{pk}/merge/": MERGE_CUSTOMERS, "customers/{pk}/merge/{other}/": MERGE_CUSTOMERS,
    "customers/merges/{pk}/undo/": MERGE_CUSTOMERS,
    "customers/{pk}/export/": {"liaison"}, "customers/{pk}/erase/": {"liaison"},
    "customers/import/": LEADS, "customers/import/do/": LEADS, "customers/import/errors/": LEADS,
    "customers/import/template/": LEADS,
    # what was decided
    "policy/": EVERYBODY, "policy/versions/": EVERYBODY, "policy/versions/{number}/": EVERYBODY,
    "policy/versions/{number}/download/": EVERYBODY, "policy/compare/": EVERYBODY, "policy/calendar/": EVERYBODY,
    "policy/words/": EVERYBODY, "policy/words/save/": DRAFT, "policy/draft/": DRAFT,
    "policy/versions/{number}/discard/": DRAFT,
    "policy/versions/{number}/publish/": {"executive"}, "policy/calendar/notice/": {"admin"},
    # questions about all of it
    "insight/": INSIGHT, "insight/cases/": INSIGHT, "insight/risk/": INSIGHT,
    "insight/risk/check/": LEADS | {"executive", "liaison"}, "insight/risk/models/{pk}/": {"executive"},
    # administration
    "admin/": EVERYBODY,  # leads on to the first part this person may open
    "admin/units/": STAFF, "admin/roles/": STAFF, "admin/roles/{code}/": STAFF, "admin/people/": STAFF,
    "admin/people/{pk}/": STAFF,
    "admin/units/new/": {"admin"}, "admin/units/{pk}/": {"admin"}, "admin/roles/new/": {"admin"},
    "admin/people/new/": {"admin"}, "admin/people/{pk}/{name}/": {"admin"},
    "admin/tokens/": EVERYBODY, "admin/tokens/{pk}/revoke/": EVERYBODY,  # one's own
    "admin/jobs/": {"admin"}, "admin/jobs/retry/": {"admin"}, "admin/jobs/{pk}/{name}/": {"admin"},
    "admin/letters/{pk}/resend/": {"admin"}, "admin/health/": {"admin"},
    "admin/models/": {"admin"}, "admin/models/train/": {"admin"},
    "admin/models/{number}/promote/": {"admin"}, "admin/models/{number}/back/": {"admin"},
    "admin/audit/": JOURNAL, "admin/audit/check/": JOURNAL, "admin/audit/{pk}/": JOURNAL,
    "admin/audit/{pk}/receipt/": JOURNAL,
}  # fmt: skip
NOWHERE = {"pk": "987654", "identity": "987654", "other": "987655", "number": "987654", "code": "agent", "name": "x"}


def addresses(patterns: list[URLPattern | URLResolver], path: str = "") -> Iterator[str]:
    for entry in patterns:
        here = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from addresses(entry.url_patterns, here)
        else:
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", here)


def of_the_desk() -> list[str]:
    """Every address of the desk that leads to no single case, below `desk/`."""
    found = [a.removeprefix("desk/") for a in addresses(get_resolver().url_patterns) if a.startswith("desk/")]
    return list(dict.fromkeys(a for a in found if not a.startswith("cases/")))


def test_the_table_holds_every_address_and_no_other():
    assert set(of_the_desk()) == set(MAY)


@pytest.mark.parametrize("code", sorted(EVERYBODY))
def test_who_may_open_what(desk, code):
    person = Person.objects.filter(posts__role__code=code).first()
    assert person is not None, f"nobody in the cast is {code}"
    client = Client(raise_request_exception=False)
    client.force_login(person)
    wrong = []
    for address, may in MAY.items():
        for method in ("get",) if code in may else ("get", "post"):
            with transaction.atomic():
                answer = getattr(client, method)("/desk/" + address.format(**NOWHERE))
                transaction.set_rollback(True)
            if (answer.status_code == 403) == (code in may) or answer.status_code >= 500:
                wrong.append((method, address, answer.status_code))
    assert not wrong


def test_a_stranger_opens_none_of_it(desk):
    client = Client(raise_request_exception=False)
    for address in MAY:
        for method in ("get", "post"):
            answer = getattr(client, method)("/desk/" + address.format(**NOWHERE))
            assert answer.status_code == 302 and answer["Location"].startswith("/login/"), (method, address)


# ── doors of the portal ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_members_session_opens_nothing_of_the_portal_and_a_customers_link_nothing_of_the_desk(desk):
    """A link is for one case and one purpose; being signed in as anybody adds nothing to it."""
    from wenguo.cases import evidence, links

    mine, other = desk.receives("门铃装上就不响。"), desk.receives("冰箱不制冷。", phone="13900002222", name="赵六")
    stored = evidence.store("秘密凭据乙.txt", iter(["秘密凭据乙".encode()]))
    inner = evidence.attach(other, stored, by=desk.agent, at=desk.now, public=True)
    link = links.make(mine, links.TRACK, at=timezone.now())
    survey = links.make(mine, links.SURVEY, at=timezone.now(), days=30)
    for person in (None, desk.executive, desk.admin):
        client = Client(raise_request_exception=False)
        if person:
            client.force_login(person)
        for token in (link, survey, "forged", ""):
            for address in addresses(get_resolver().url_patterns):
                if "{token}" not in address:
                    continue
                path = "/" + re.sub(r"\{token\}", token or "x", address)
                path = re.sub(r"\{\w+\}", str(inner.pk), path)
                for method in ("get", "post"):
                    answer = getattr(client, method)(path)
                    words = b"".join(answer.streaming_content) if answer.streaming else answer.content
                    assert answer.status_code < 500, (method, path, answer.status_code)
                    assert "冰箱不制冷".encode() not in words and "秘密凭据乙".encode() not in words, (method, path)
                    assert other.number.encode() not in words, (method, path)
                    if token in {"forged", ""}:
                        assert answer.status_code in {302, 404, 405, 422}, (method, path, answer.status_code)
    for token in (link, survey):
        client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})
        assert client.get("/api/v1/cases").status_code == 401
        assert client.get(f"/desk/cases/{mine.number}/").status_code == 302

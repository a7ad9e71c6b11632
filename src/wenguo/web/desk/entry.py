"""新投诉: one screen for the agent on the phone. Who it is, what happened, what we propose, what to ask."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wenguo.cases import gravity, intake, model
from wenguo.cases.case import Case, Channel, Nature
from wenguo.cases.hearing import Heard, hear, mood_heard
from wenguo.cases.intake import Complaint
from wenguo.customers import search as customers
from wenguo.customers.customer import Customer, Order, family_ids, find
from wenguo.customers.privacy import masked
from wenguo.errors import Refusal
from wenguo.policy.schema import Pack
from wenguo.policy.told import told
from wenguo.policy.versions import in_force
from wenguo.text.matters import matters
from wenguo.web.desk.common import files_of, me, spelt
from wenguo.web.desk.folder import MATTERS_IN, Folder
from wenguo.web.desk.suggestion import CLEAR, DANGER, Suggested, suggest
from wenguo.web.desk.terms import CONTACTS, WISHES
from wenguo.web.desk.triage import floors_of, record_labels
from wenguo.web.doors import again, desk, go, page
from wenguo.web.given import Given, clean
from wenguo.web.jinja import url

AT_THE_DESK = (
    Channel.PHONE,
    Channel.COUNTER,
    Channel.LETTER,
    Channel.PAPER,
    Channel.MAIL,
    Channel.WECHAT,
    Channel.WEIBO,
    Channel.DOUYIN,
    Channel.REVIEW_SITE,
    Channel.ASSOCIATION,
    Channel.REGULATOR,
    Channel.OTHER,
)


@desk(permission="case.register")
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The form; posted, a new case (or one more word on an open one) and what was promised."""
    at = timezone.now()
    if request.method == "GET":
        made = (
            Case.objects.visible_to(me(request), at)
            .select_related("record", "customer")
            .filter(number=request.GET.get("made", ""))
            .first()
        )
        return page(request, "desk/entry.html", {**_offered(request, at), **_made(request, made, at)}, here="queue")
    given = Given(request.POST)
    try:
        complaint = read(request, given)
        received = intake.receive(complaint, by=me(request), at=at)
    except Refusal as refusal:
        return again(request, refusal, "desk/entry.html", {**_offered(request, at), **_who(request, at)}, here="queue")
    if received.case is None:
        aside = Refusal(_("暂时不能立件：{why}。来件已放入待整理").format(why=received.submission.reason))
        return again(request, aside, "desk/entry.html", _offered(request, at), here="queue")
    joined = "&joined=1" if received.joined else "&repeated=1" if received.repeated else ""
    return go(request, f"{url('desk:register')}?made={received.case.number}{joined}")


def _offered(request: HttpRequest, at: datetime) -> dict[str, Any]:
    """What the form offers, from the policy of the day."""
    pack = in_force(at).pack
    return {
        "pack": pack,
        "channels": [(c.value, str(c.label)) for c in AT_THE_DESK],
        "natures": spelt(Nature.choices),
        "labels": record_labels(),
        "wishes": spelt(WISHES.items()),
        "contacts": spelt(CONTACTS.items()),
        "wording": pack.wording,
        "classes": [(told(c.title), [(s.code, told(s.title)) for s in c.subs]) for c in pack.taxonomy],
        "levels": [(x.number, f"{told(x.title)} · {told(x.name)}") for x in pack.levels],
        "moods": [(m.code, told(m.title)) for m in pack.wording.moods],
        "missing": [i for i in pack.checklists.intake if i.required and i.only == "all"],
        "heard": None,
        "key": f"{me(request).pk}-{at.timestamp():.3f}",
    }


def _made(request: HttpRequest, case: Case | None, at: datetime) -> dict[str, Any]:
    if case is None:
        return {}
    promised = [c for c in Folder(case, me(request), at).live_clocks if c.clock.kind in {"respond", "solve"}]
    return {
        "made": case,
        "promised": promised,
        "joined": "joined" in request.GET,
        "repeated": "repeated" in request.GET,
    }


def read(request: HttpRequest, given: Given) -> Complaint:
    """The complaint the form tells of. Invalid: names each field that is wrong."""
    labels = record_labels()
    words: dict[str, Any] = {
        name: given.text(name, label, most=most, optional=True)
        for name, label, most in (
            ("name", _("客户姓名"), 80),
            ("phone", _("电话"), 40),
            ("mail", labels["contact_mail"], 200),
            ("company", _("企业名称"), 120),
            ("member_no", _("会员号"), 60),
            ("happened", labels["happened"], 120),
            ("place", labels["place"], 200),
            ("region", labels["region"], 40),
            ("product", labels["product"], 80),
            ("batch", labels["batch"], 40),
            ("order_number", labels["order_number"], 60),
            ("wish", labels["wish"], 5000),
            ("business_address", labels["business_address"], 200),
            ("on_behalf_of", labels["on_behalf_of"], 80),
        )
    }
    text = clean(given.data.get("text", ""))
    if not text and not request.FILES.getlist("files"):
        given.refuse("text", _("请记下发生了什么"))
    channel = given.choice("channel", _("渠道"), set(Channel.values))
    nature = given.choice("nature", _("性质"), set(Nature.values))
    pack = in_force(timezone.now()).pack
    category = given.choice("category", _("分类"), {s.code for s in pack.subs}, optional=True)
    level = given.choice("level", _("等级"), {"1", "2", "3", "4"}, optional=True)
    moods = {m.code for m in pack.wording.moods}
    extra: dict[str, Any] = {
        "mood": given.choice("mood", labels["mood"], moods, optional=True),
        "preferred_channel": given.choice(
            "preferred_channel", labels["preferred_channel"], set(CONTACTS), optional=True
        ),
        "wishes": tuple(given.choices("wishes", labels["wish"], set(WISHES))),
        "claim_fen": given.fen("claim_fen", labels["claim_fen"]),
        "order_fen": given.fen("order_fen", labels["order_fen"]),
        "people_affected": given.whole("people_affected", labels["people_affected"], most=1_000_000),
    }
    customer = given.raw("customer")
    given.check()
    return Complaint(
        channel=channel,
        text=text,
        nature=nature,
        category=category,
        level=int(level) if level else None,
        customer_id=_known(customer),
        key=given.raw("key")[:100],
        files=tuple(files_of(request)),
        **words,
        **extra,
    )


def _known(pk: str) -> int | None:
    """The customer the agent picked, if there is one of that id."""
    if not (pk.isdecimal() and len(pk) < 18):
        return None
    return Customer.objects.living().filter(pk=int(pk)).values_list("pk", flat=True).first()


# ── while the agent types ─────────────────────────────────────────────────────────────────────────────────────────


def _who(request: HttpRequest, at: datetime) -> dict[str, Any]:
    """Whose phone number this is: the customer masked, orders, open and latest cases. Or several, to pick from."""
    given = Given(request.POST if request.method == "POST" else request.GET)
    phone, picked = given.raw("phone")[:40], given.raw("customer")
    chosen = Customer.objects.living().filter(pk=_known(picked) or 0).first() if picked else None
    known = chosen or (find("phone", phone) if len(phone) >= 7 else None)
    others: Sequence[Customer] = []
    if known is None and len("".join(c for c in phone if c.isdigit())) >= 4:
        others = customers.search(phone, limit=5)
    if known is None:
        return {"who": None, "others": [masked(c, me(request), at) for c in others], "asked": phone}
    seen = Case.objects.visible_to(me(request), at).values_list("pk", flat=True)
    cases = [c for c in intake.possible_repeats(known, at=at) if seen.filter(pk=c.pk).exists()]
    return {
        "who": masked(known, me(request), at),
        "cases": cases,
        "asked": phone,
        "others": [],
        "orders": list(Order.objects.filter(customer_id__in=family_ids(known))[:4]),
    }


@desk(permission="case.register")
@require_GET
def customer(request: HttpRequest) -> HttpResponse:
    """While the phone number is typed: is it somebody we know, is it about something open?"""
    at = timezone.now()
    return render(request, "desk/entry_who.html", {**_who(request, at), "at": at, "person": me(request)})


@desk(permission="case.register")
@require_POST
def hints(request: HttpRequest) -> HttpResponse:
    """While the story is typed: level with its reasons, likely categories, mood, and what is still to be asked."""
    at = timezone.now()
    version = in_force(at)
    given = Given(request.POST)
    text = given.raw("text")[:20_000]
    known = Customer.objects.living().filter(pk=_known(given.raw("customer")) or 0).first()
    complaint = Complaint(
        channel=given.raw("channel") or Channel.PHONE,
        text=text,
        category=given.raw("category"),
        people_affected=given.whole("people_affected", ""),
        claim_fen=given.fen("claim_fen", ""),
        order_fen=given.fen("order_fen", ""),
    )
    orders = list(Order.objects.filter(customer_id__in=family_ids(known))[:8]) if known else []
    told = hear(text, received=timezone.localtime(at).date(), orders=orders)
    suggested = suggest(version.pack, text)
    if clearest := _clear(suggested):
        told.append(Heard("category", clearest.sub.code, _("、").join(clearest.words)))
    mood, mood_words = mood_heard(text)
    score = gravity.assess(version.pk, f"{text}\n{given.raw('wish')}", intake.facts_of(complaint, known or Customer()))
    context = {
        "at": at,
        "heard": score,
        "floors": floors_of(version.pack, score),
        "pack": version.pack,
        "suggested": suggested,
        "matters": _matters(version.pack, text),
        "missing": missing(version.pack, given, {h.field for h in told}),
        "mood": mood_of(version.pack, given.raw("mood") or mood),
        "mood_words": [] if given.raw("mood") else mood_words,
        "told": [{"field": h.field, "value": h.value, "because": h.because} for h in told],
        "wording": version.pack.wording,
        "chosen": given.raw("category"),
    }
    return render(request, "desk/entry_hints.html", context)


def _matters(pack: Pack, text: str) -> list[str]:
    """The titles of the several matters that are being told; none when it is one."""
    known = {sub.code: sub.title for sub in pack.subs}
    found = [code for code in matters(text[:MATTERS_IN], model.in_force().model).codes if code in known]
    return [told(known[code]) for code in found] if len(found) > 1 else []


def _clear(suggested: Sequence[Suggested]) -> Suggested | None:
    """The category that is heard clearly enough to fill in; None when nothing is."""
    if not suggested:
        return None
    best = suggested[0]
    return best if best.sub.code == DANGER or (best.probability or 0) >= CLEAR else None


def mood_of(pack: Pack, code: str) -> Any:
    """The mood the agent ticked, with what helps and what does not; None when none is."""
    return next((mood for mood in pack.wording.moods if mood.code == code), None)


def missing(pack: Pack, given: Given, told: Collection[str] = ()) -> list[Any]:
    """The intake items that neither the form has nor the story tells, in words ready to ask."""
    filled = {
        "name": ("name", "company", "customer"),
        "contact": ("phone", "mail", "customer"),
        "tier": ("member_no", "customer"),
        "purchase": ("order_number", "order_fen"),
        "occurred_at": ("happened",),
        "place": ("place",),
        "product": ("product",),
        "batch": ("batch",),
        "order": ("order_number",),
        "wish": ("wish", "wishes"),
        "amount": ("claim_fen",),
        "preferred": ("preferred_channel",),
        "business": ("business_address",),
    }
    category, wishes = given.raw("category"), set(given.data.getlist("wishes"))
    given_or_told = set(told) | {name for name in given.data if given.raw(name)}
    asked = {
        "all": True,
        "enterprise": bool(given.raw("company")),
        "product": not category or category.startswith(("product.", "aftersales.")),
        "money": bool({"refund", "compensation"} & wishes),
    }
    has = {code: bool(given_or_told & set(fields)) for code, fields in filled.items()}
    has["description"] = len(given.raw("text")) >= 10
    has["evidence"] = True
    return [i for i in pack.checklists.intake if asked[i.only] and not has.get(i.code, True)]

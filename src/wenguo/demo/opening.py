"""The first stretch of a story: the customer, the submission, acceptance, class and level, and into whose hands."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext_noop as _noop

from wenguo.cases import acceptance, clock, handover, intake, letters, reading, triage
from wenguo.cases.clock import Consent
from wenguo.cases.evidence import Stored, store
from wenguo.customers import customer as customers
from wenguo.customers.customer import Customer, Order
from wenguo.customers.identity import Claims
from wenguo.demo import pictures, words
from wenguo.demo.corpus import shapes
from wenguo.demo.scene import MINUTE, Meanwhile, Scene, working_hours
from wenguo.people.actor import SYSTEM
from wenguo.people.staff import Person
from wenguo.people.units import Unit

BY_STAFF = {"phone", "counter", "letter", "paper", "regulator"}
PUBLIC = ("weibo", "douyin", "review_site")
MOODS = {"rant": "vent", "elder": "respect", "formal": "remedy"}
REFUSALS = {"refused-other-brand": "not_ours", "refused-spam": "spam", "refused-in-court": "in_court"}
LATE_RESPONSE = 0.045
LATE_SIGNATURE = 0.06
PHOTOS = 0.34
COMES_AGAIN = 0.04


# The customer


def enrol(scene: Scene) -> Customer:
    """The customer as the shop knew them before: identities, tier, address, purchases; each at its own time."""
    one = scene.woven.customer
    orders = sorted({o.number: o for o in (*one.orders, scene.woven.order)}.values(), key=lambda o: o.bought_on)
    found = customers.find("phone", one.phone)
    if found is None:
        found = _met(one, min(_bought(orders[0].bought_on), scene.woven.received_at - timedelta(hours=3)))
    known = set(Order.objects.filter(customer=found).values_list("number", flat=True))
    for order in orders:
        if order.number not in known and (at := _bought(order.bought_on)) <= scene.now:
            if order is scene.woven.order:
                at = min(at, scene.woven.received_at - timedelta(hours=1))
            customers.add_order(
                found, order.number, by=SYSTEM, at=at,
                amount_fen=order.paid_fen, bought_on=order.bought_on, product=_title(order.model), model=order.model,
                batch=order.batch, place=_place(scene, order), channel="网购" if order.place == "mall" else "门店",
            )  # fmt: skip
    return found


def _met(one: shapes.Customer, at: datetime) -> Customer:
    company = one.kind == "company"
    claims = Claims(
        name=one.contact, company=one.name if company else "", phone=one.phone, mail=one.email, wechat=one.wechat,
        member_no=one.member_no, city=one.city, region=one.region, address=one.address,
    )  # fmt: skip
    made = customers.link(claims, at=at, by=SYSTEM)
    details: dict[str, Any] = {"tier": "regular" if one.tier == "normal" else one.tier, "vip": one.vip}
    if one.vip:
        details["vip_note"] = "多年老客户，由客户关系专员维护"
    if one.elder and one.age >= 70:
        details["vulnerable"] = ["elderly"]
    customers.change(made, by=SYSTEM, at=at + MINUTE, **details)
    return made


def _bought(day: Any) -> datetime:
    return datetime.combine(day, time(10, 20), ZoneInfo(settings.TIME_ZONE))


def _title(model: str) -> str:
    from wenguo.demo.corpus import load

    return load().product(model).title


def _place(scene: Scene, order: shapes.Order) -> str:
    return "官方商城" if order.place == "mall" else scene.cast.units[order.place].title


# The submission


def receive(scene: Scene) -> bool:
    """The complaint comes in, by its own hand or taken down by an agent. False: it went into a case that is open."""
    woven = scene.woven
    customer = enrol(scene)
    scene.cast.as_of(woven.received_at)
    by = _registrar(scene)
    received = intake.receive(_complaint(scene, customer, by), by=by, at=woven.received_at)
    if received.case is None:
        raise RuntimeError(f"not understood: {received.submission.why}")
    scene.case, scene.first, scene.at = received.case, by, woven.received_at
    if received.joined:
        return False
    scene.hours = working_hours(scene.case.intake_unit)
    if woven.channel == "regulator":
        due = clock.calendar_of("standard").add_days(woven.received_at, 7)
        clock.start_until(
            scene.case, "statutory", due, by=by, at=woven.received_at, title="监管转办办理期限", rule="SAMR-7WD"
        )
    letters.acknowledge(scene.case.pk, at=scene.go(scene.at + timedelta(seconds=scene.rng.randint(8, 240))))
    scene.case.refresh_from_db()
    return True


def _registrar(scene: Scene) -> Person | None:
    """Who takes it down: the hotline, an outlet with an agent of its own, the region's desk, the liaison; or nobody."""
    woven, cast = scene.woven, scene.cast
    if woven.channel not in BY_STAFF:
        return None
    if woven.channel == "regulator":
        return cast.holding(cast.units["hq-law"], "liaison")[0]
    if woven.channel == "counter" and (own := cast.at_home(cast.units[woven.outlet], "agent")):
        return own[0]
    region = cast.near("customer_service", woven.customer.region, woven.outlet)
    if woven.channel == "phone" and not scene.stop and scene.chance(0.35):
        return scene.a(cast.holding(region, "agent"))
    if woven.channel in {"counter", "paper"}:
        return scene.a(cast.holding(region, "agent"))
    hotline = cast.at_home(cast.units["hq-cs"], "agent", "senior_agent")
    if scene.stop:
        return hotline[0]
    return next((p for p in hotline if p.name == woven.handler), None) or scene.a(hotline)


def _complaint(scene: Scene, customer: Customer, by: Person | None) -> intake.Complaint:
    woven, one, order = scene.woven, scene.woven.customer, scene.woven.order
    day = woven.happened_on
    full = by is not None or scene.chance(0.6)  # whoever writes themselves leaves things out
    channel = scene.rng.choice(PUBLIC) if woven.channel == "social" else woven.channel
    nature = woven.ending if by and woven.ending in {"praise", "suggestion"} and scene.chance(0.5) else "complaint"
    return intake.Complaint(
        channel=channel, text=woven.text, subject=_subject(scene), name=one.contact, phone=one.phone, mail=one.email,
        wechat=one.wechat, company=one.name if one.kind == "company" else "", nature=nature,
        happened=f"{day.year}年{day.month}月{day.day}日" if full else "",
        place=_place(scene, order) if full else "", region=one.region, product=woven.product.title,
        batch=order.batch if full and woven.category.startswith(("product", "aftersales")) else "",
        order_number=order.number, order_fen=order.paid_fen,
        wishes=tuple(dict.fromkeys(words.WISHES.get(w, w) for w in woven.wish if w != "none")), wish=woven.wants,
        claim_fen=woven.amount_fen or None, business_address=one.address if one.kind == "company" else "",
        preferred_channel="wechat" if woven.channel == "wechat" else "mail" if woven.channel == "mail" else "phone",
        mood=MOODS.get(woven.voice, "") if by else "", external_id=scene.external_id, customer_id=customer.pk,
        files=photographs(scene) if woven.category.startswith(("product.", "aftersales.")) else (),
    )  # fmt: skip


NAMES_PRODUCT = ("product.", "aftersales.", "price.hidden_fee", "service.slow", "service.promise")


def _subject(scene: Scene) -> str:
    """Nobody writes the same heading twice: with the product, with the model, or without."""
    woven, title = scene.woven, scene.woven.title
    if scene.stop or not woven.category.startswith(NAMES_PRODUCT):
        return title
    if woven.product.kind[-3:] not in title and scene.chance(0.6):
        title = f"{woven.product.kind}{title}"
    return f"{title}（{woven.product.model}）" if scene.chance(0.35) else title


def photographs(scene: Scene, chance: float = PHOTOS) -> tuple[Stored, ...]:
    """Sketched evidence, stored as an upload would be; usually none."""
    if scene.woven.channel in {"phone", "letter"} or not scene.chance(chance):
        return ()
    drawn = pictures.of(scene.woven, scene.rng, scene.woven.happened_on)
    return tuple(store(name, iter([data])) for name, data in drawn)


_WHY = {
    "nobody": _noop("没有姓名、电话和订单，看不出是哪位客户的什么事"),
    "nickname": _noop("只有公开评论的昵称，须先私信确认身份和事由"),
    "bounced": _noop("疑为系统退信，请判断原信是否需要改用电话答复"),
    "handwriting": _noop("手写信扫描件识别不全，请人工辨认后登记"),
    "short": _noop("内容过短，无法判断事由"),
}


def lay_aside(scene: Scene) -> None:
    """Something that nobody can make a complaint of yet: kept in the tray for a person to read."""
    tray = words.pools()["tray"]
    one = tray[int(scene.external_id.rsplit("-", 1)[1]) % len(tray)]
    complaint = intake.tidy(
        intake.Complaint(
            channel=one["channel"], text=one["text"], name=one["name"], subject=intake.subject_of(one["text"]),
            external_id=scene.external_id,
        )
    )  # fmt: skip
    intake.lay_aside(complaint, _WHY[one["why"]], at=scene.woven.received_at)


# Taken on, or not


def refuse(scene: Scene) -> None:
    """不予受理, and the letter that says why; put away in the archive later."""
    turn = scene.woven.turn("refused")
    assert turn is not None
    who = scene.first or scene.a(_desk(scene))
    at = scene.after(10, 180)
    acceptance.refuse(scene.case, REFUSALS.get(scene.woven.scenario, "no_matter"), turn.text, by=who, at=at)
    letters.tell_refusal(scene.case.pk, at=scene.go(at + timedelta(seconds=40)))
    scene.case.refresh_from_db()


def accept(scene: Scene) -> None:
    """受理. Who wrote it down accepts it; what came by itself waits for the desk."""
    scene.halt("received", 0.3 if scene.first is None else 0.0, within=1.6)
    who = scene.first or scene.a(_desk(scene))
    late = scene.first is None and scene.chance(LATE_RESPONSE)
    at = scene.after(*((2, 12) if scene.first else (300, 700) if late else (6, 95)))
    reading.read(scene.case.pk, at=scene.woven.received_at)
    acceptance.accept(scene.case, by=who, at=at)
    scene.first = scene.lead = who
    _complete_record(scene)


def _desk(scene: Scene) -> list[Person]:
    """The agents of the unit where it came in; now and then its lead."""
    unit = scene.case.intake_unit
    return scene.cast.holding(unit, "agent") * 3 + scene.cast.holding(unit, "senior_agent", "supervisor")


def _complete_record(scene: Scene) -> None:
    record = scene.case.record
    day, order = scene.woven.happened_on, scene.woven.order
    lacking = {
        "happened": f"{day.year}年{day.month}月{day.day}日", "place": _place(scene, order), "wish": scene.woven.wants,
    }  # fmt: skip
    changes = {name: value for name, value in lacking.items() if not getattr(record, name)}
    if changes:
        acceptance.change_record(scene.case, changes, by=scene.first, at=scene.after(2, 15))


# What it is about, how grave


def classify(scene: Scene) -> None:
    scene.halt("class", 0.1, within=1.2)
    triage.classify(scene.case, scene.woven.category, by=scene.first, at=scene.after(1, 8))


def grade(scene: Scene) -> None:
    """The proposed level mostly; another with a reason, and a lower one by a supervisor only."""
    proposed, meant = triage.assess(scene.case).level, scene.woven.level
    if meant > proposed and scene.woven.turns == () and scene.chance(0.45):
        meant = proposed
    if meant == proposed:
        triage.grade(scene.case, meant, by=scene.first, at=scene.after(1, 5))
        return
    lower = meant > proposed
    leads = scene.cast.leads(scene.case.intake_unit, "supervisor")
    who = leads[0] if lower else scene.first
    pool = "grade_lower" if lower else "grade_raise"
    triage.grade(scene.case, meant, scene.says(pool), by=who, at=scene.after(2, 25 if lower else 6))


def convert(scene: Scene) -> None:
    """咨询, 建议 or 表扬 after all: a supervisor confirms what the agent heard."""
    ending = scene.woven.ending
    if scene.case.nature == ending:
        return
    turn = scene.woven.turn(ending)
    who = scene.cast.leads(scene.case.intake_unit, "supervisor")[0]
    acceptance.convert(scene.case, ending, turn.text if turn else scene.woven.title, by=who, at=scene.after(3, 40))


# Into whose hands


def hand_over(scene: Scene) -> None:
    """Assign by the matrix; tell the customer who has it; sign, or send back once or twice and be ruled upon."""
    scene.halt("triage", 0.2, within=1.5)
    home, unit = scene.case.intake_unit, _responsible(scene)
    turn = scene.woven.turn("returned_once") or scene.woven.turn("returned_twice")
    wrong = _mistaken(scene, unit) if turn or scene.stop == "misrouted" else None
    first_to = wrong or unit
    words_ = scene.says("dispatch")
    if first_to.pk == home.pk:
        owner = _owner_at_home(scene, home)
        triage.assign(scene.case, first_to, words_, owner=owner, by=scene.first, at=scene.after(2, 20))
        scene.lead = owner
        respond(scene, first_to, owner)
        return
    triage.assign(scene.case, first_to, words_, by=scene.first, at=scene.after(2, 20))
    respond(scene, first_to, scene.first)
    if turn or scene.stop == "misrouted":
        _sent_back(scene, first_to, unit, turn)
    else:
        _sign(scene, first_to)


def _responsible(scene: Scene) -> Unit:
    """The unit of the matrix, of the customer's region."""
    rule, proposed, _helpers = triage.proposed_route(scene.case)
    home = scene.case.intake_unit
    if rule is None or rule.lead in {"customer_service", home.function}:
        return home
    unit = scene.unit(rule.lead)
    if proposed is not None and proposed.region == unit.region and proposed.kind != "outlet":
        unit = scene.cast.units[scene.cast.codes[proposed.pk]]
    return unit


def _mistaken(scene: Scene, right: Unit) -> Unit:
    """A unit somebody could think responsible."""
    functions = ["aftersales", "logistics", "ecommerce", "marketing", "quality"]
    scene.rng.shuffle(functions)
    if scene.stop == "misrouted":
        functions = ["aftersales"]
    return next(u for f in functions if (u := scene.unit(f)).pk != right.pk)


def _owner_at_home(scene: Scene, home: Unit) -> Person:
    """Whom the level asks for: senior staff from level 3, the lead of the team from level 2."""
    if scene.case.level <= 2:
        senior = scene.stop or scene.chance(0.4)
        return scene.cast.leads(home, "senior_agent" if senior else "supervisor")[0]
    if scene.case.level == 3:
        return scene.a(scene.cast.workers(home, "senior_agent", "agent") or [scene.first])
    return scene.first


def respond(scene: Scene, unit: Unit, owner: Person) -> None:
    """The first word of substance to the customer: who does what by when."""
    late = scene.chance(LATE_RESPONSE)
    due = scene.case.clocks.filter(kind="respond").values_list("due_at", flat=True).first()
    if late and due:
        scene.go(scene.hours.add(due, scene.rng.randint(20, 240)))
    values = letters.values(scene.case, at=scene.at)
    given = {
        "dear": scene.dear, "unit": unit.title, "owner": owner.name, "due": values["solve_due"].removesuffix(" 前"),
        "matter": scene.case.subject, "hotline": values["hotline"],
    }  # fmt: skip
    if scene.writes and scene.chance(0.7):
        text = scene.says("respond_said", **given)
        letters.say(scene.case, "", text, by=scene.first, at=scene.after(3, 25), response=True)
        return
    if scene.chance(0.12):
        at = scene.after(3, 12)
        letters.called(scene.case, "no_answer", scene.says("no_answer"), by=scene.first, at=at)
    text, minutes = scene.says("respond_called", **given), scene.rng.randint(3, 11)
    letters.called(scene.case, "reached", text, by=scene.first, at=scene.after(3, 30), response=True, minutes=minutes)


def _pending(scene: Scene) -> handover.Handover:
    found = scene.case.handovers.filter(state="sent").get()
    found.case = scene.case
    return found


def _signer(scene: Scene, unit: Unit) -> Person:
    own = scene.cast.workers(unit, "handler", "investigator", "senior_agent")
    return scene.a(own) if own else scene.cast.leads(unit, "supervisor", "manager")[0]


def _sign(scene: Scene, unit: Unit) -> None:
    scene.halt("handover", 0.3, within=1.2)
    scene.hours = working_hours(unit)
    who = _signer(scene, unit)
    late = scene.chance(LATE_SIGNATURE)
    soon = {1: (2, 9), 2: (5, 30)}.get(scene.case.level, (8, 140))
    handover.sign(_pending(scene), by=who, at=scene.after(*((250, 420) if late else soon)))
    scene.lead = who


def _sent_back(scene: Scene, wrong: Unit, right: Unit, turn: shapes.Turn | None) -> None:
    """退单 with its reason; the second time an arbiter rules."""
    scene.halt("misrouted")
    assert turn is not None
    twice = turn.kind == "returned_twice"
    first_words, _, second_words = turn.text.partition("第二次")
    scene.hours = working_hours(wrong)
    _give_back(scene, wrong, right, first_words if twice else turn.text)
    scene.hours = working_hours(scene.case.intake_unit)
    if not twice:
        _send_on(scene, right)
        return
    other = _mistaken(scene, right) if right.pk == scene.case.intake_unit_id else right
    handover.dispatch(scene.case, other, scene.says("dispatch_again"), by=scene.first, at=scene.after(15, 90))
    scene.hours = working_hours(other)
    text = f"第二次{second_words}" if second_words else turn.text
    _give_back(scene, other, right if other.pk != right.pk else wrong, text)
    disputed = scene.case.handovers.get(state="disputed")
    disputed.case = scene.case
    scene.hours = working_hours(scene.case.intake_unit)
    arbiter = scene.cast.leads(scene.case.intake_unit, "supervisor")[0]
    at = scene.after(20, 160)
    handover.arbitrate(disputed, right, f"经核对职责划分与来件内容，由{right.title}承办，不得再退。", by=arbiter, at=at)
    _sign(scene, right)


def _give_back(scene: Scene, unit: Unit, better: Unit, text: str) -> None:
    who = _signer(scene, unit)
    incomplete = "缺少" in text or "补充" in text
    handover.give_back(
        _pending(scene), "incomplete" if incomplete else "not_our_duty", text,
        proposed=None if incomplete else better, by=who, at=scene.after(15, 170),
    )  # fmt: skip


def _send_on(scene: Scene, unit: Unit) -> None:
    """After one return: to whom it belongs; if that is the own desk, on with the work."""
    if unit.pk == scene.case.unit_id:
        scene.lead = scene.first
        letters.note(scene.case, scene.says("take_over"), by=scene.first, at=scene.after(10, 60))
        return
    handover.dispatch(scene.case, unit, scene.says("dispatch_again"), by=scene.first, at=scene.after(15, 90))
    _sign(scene, unit)


# While the work goes on


def weave_in(scene: Scene) -> None:
    """Messages, reminders, orders, extensions: each somewhere between now and the end of the work."""
    assert scene.anchor is not None and scene.target is not None
    whole = max(60, scene.hours.between(scene.anchor, scene.target))

    def moment(low: float, high: float) -> datetime:
        return scene.hours.add(scene.anchor, int(whole * scene.rng.uniform(low, high)) + 1)  # type: ignore[arg-type]

    for text in scene.woven.messages:
        scene.meanwhile(moment(0.15, 0.85), _hear(text))
    for text in scene.woven.notes:
        scene.meanwhile(moment(0.05, 0.6), _note(text))
    if turn := scene.woven.turn("chased"):
        for _time in range(scene.rng.choice((1, 1, 1, 2, 3))):
            scene.meanwhile(moment(0.4, 0.95), _chase(turn.text))
    if not scene.stop and scene.woven.planted is None and scene.chance(COMES_AGAIN):
        scene.meanwhile(moment(0.3, 0.9), _again)
    if turn := scene.woven.turn("supervised"):
        vip = scene.woven.planted == "vip"  # the one who saves it does not wait
        text = scene.says("vip_saved", days=str((scene.at - scene.woven.received_at).days + 1)) if vip else turn.text
        scene.meanwhile(moment(0.02, 0.08) if vip else moment(0.55, 0.8), _supervise(text))
    if turn := scene.woven.turn("extended"):
        _plan_extension(scene, turn.text)


def _note(text: str) -> Meanwhile:
    return lambda scene, at: letters.note(scene.case, scene.own(text), by=scene.lead, at=at)


def _hear(text: str) -> Meanwhile:
    def act(scene: Scene, at: datetime) -> None:
        channel = "phone" if scene.woven.channel in BY_STAFF else scene.case.channel
        letters.hear(scene.case, text, by=scene.case.customer, at=at, channel=channel)

    return act


def _chase(text: str) -> Meanwhile:
    def act(scene: Scene, at: datetime) -> None:
        if scene.case.is_open:
            handover.remind(scene.case, text, by=scene.case.customer if scene.writes else scene.first, at=at)

    return act


def _again(scene: Scene, at: datetime) -> None:
    """The same complaint once more, by another way: it goes into the case that is open."""
    if not scene.case.is_open:
        return
    order, channel = scene.woven.order, "app" if scene.case.channel == "web" else "web"
    complaint = intake.Complaint(
        channel=channel, text=f"{scene.says('again')}{scene.woven.text}", phone=scene.woven.customer.phone,
        nature=scene.case.nature, order_number=order.number, customer_id=scene.case.customer_id,
        external_id=f"again-{scene.external_id}",
    )  # fmt: skip
    intake.receive(complaint, at=at)
    scene.case.refresh_from_db()


def _supervise(text: str) -> Meanwhile:
    def act(scene: Scene, at: datetime) -> None:
        if scene.case.stage not in {"investigation", "resolution", "execution", "reply"}:
            return
        who = scene.cast.leads(scene.case.intake_unit, "supervisor")[0]
        order = handover.supervise(scene.case, text, by=who, at=at)
        scene.meanwhile(scene.hours.add(at, scene.rng.randint(40, 200)), _report(order))

    return act


def _report(order: handover.Supervision) -> Meanwhile:
    def act(scene: Scene, at: datetime) -> None:
        who = scene.lead if scene.lead.may("case.assist", at) else scene.first
        handover.report_supervision(order, scene.says("supervise_report"), by=who, at=at)

    return act


def _plan_extension(scene: Scene, text: str) -> None:
    """Some hours before the solution is due, a later date is agreed, and the work takes until then."""
    due = scene.case.clocks.live().filter(kind="solve").values_list("due_at", flat=True).first()
    if due is None:
        return
    when = scene.hours.subtract(due, scene.rng.randint(60, 300))
    if when <= scene.at:
        return
    until = scene.hours.end_of_day(scene.hours.local_date(scene.hours.add_days(due, scene.rng.randint(2, 4))))
    scene.target = scene.hours.add(when, int(scene.hours.between(when, until) * scene.rng.uniform(0.5, 0.95)))
    scene.meanwhile(when, _extend(until, text))


def _extend(until: datetime, text: str) -> Meanwhile:
    def act(scene: Scene, at: datetime) -> None:
        promise = scene.case.clocks.running().filter(kind="solve", due_at__gt=at).first()
        if promise is None or promise.due_at >= until:
            return
        who = scene.lead if scene.lead.may("case.extend", at) else scene.first
        consent = Consent(scene.woven.customer.contact, "phone", at - timedelta(minutes=scene.rng.randint(4, 40)))
        clock.extend(scene.case, promise, until, text, consent=consent, by=who, at=at)

    return act

"""Signs in the history of a case that it may be taken higher or outside. Plain sums: no database, no clock.

Each is measured from the events of the case up to a moment and says at which of them it shows, so that a person can
look. What a sign weighs is policy. Source: TR-11, PV-2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from wenguo.policy.escalation import Escalation, logistic
from wenguo.text.feelings import Heard, hear, trend, trips
from wenguo.text.lexicon import Lexicon

OUTSIDE = frozenset({"regulator", "association", "weibo", "douyin", "review_site"})
"""Channels on which a complaint has already left the house."""
PROMISED = frozenset({"acknowledge", "first_contact", "respond", "solve", "progress", "followup", "statutory"})
"""Clocks the customer was promised; the others are between ourselves."""
_CONTACTS = frozenset({"case.received", "message.received", "case.joined", "case.reminded"})
_ANSWERS = frozenset({"message.sent", "message.called", "reply.sent", "option.proposed", "followup.done"})
_DAY = timedelta(days=1)
SHOWN = 3  # places a sign points to; the latest


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as the signs read it. `words`: what the customer said in it, if anything."""

    seq: int
    type: str
    at: datetime
    because: str
    data: Mapping[str, Any]
    words: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the customer beside this case, at the same moment: earlier complaints, how many of them were
    taken higher or outside."""

    earlier: int = 0
    escalated: int = 0
    vulnerable: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """`amount` in the unit of its rule; `places`: the events it shows at, or the moment alone (seq 0). `grows_at`: when
    there will be more of it if nothing happens."""

    code: str
    amount: int
    places: tuple[tuple[int, datetime], ...] = ()
    grows_at: datetime | None = None


@dataclass
class _Clock:
    kind: str
    due: datetime | None
    seq: int
    at: datetime
    percent: int = 0
    live: bool = True


@dataclass
class Story:
    """A case as far as it has been told: what the signs ask of it, gathered in one walk over its events."""

    at: datetime
    by_type: dict[str, list[Happened]] = field(default_factory=dict)
    clocks: dict[int, _Clock] = field(default_factory=dict)
    broken: list[Happened] = field(default_factory=list)
    unanswered: list[Happened] = field(default_factory=list)
    turned: list[Happened] = field(default_factory=list)
    heard: list[tuple[Happened, Heard]] = field(default_factory=list)
    owned: bool = False
    since: tuple[int, datetime] | None = None  # nobody has been in charge
    silent_since: tuple[int, datetime] | None = None
    answered: bool = False  # and the customer has not come back: a call-back has its own clock
    waiting: bool = False  # for the customer
    flags: dict[str, Happened] = field(default_factory=dict)
    offered: dict[int, int] = field(default_factory=dict)

    def all(self, type: str) -> list[Happened]:
        return self.by_type.get(type, [])


def told(events: Iterable[Happened], at: datetime, words: Lexicon | None = None) -> Story:
    """The story up to `at`: what happened later is not in it. `words`: what is listened for, else the shipped ones."""
    story = Story(at)
    for e in events:
        if e.at > at:
            continue
        story.by_type.setdefault(e.type, []).append(e)
        _columns(story, e)
        if e.type.startswith("clock."):
            _clock(story, e)
        elif e.type in _CONTACTS:
            story.unanswered.append(e)
        elif e.type in _ANSWERS and not (e.type == "message.called" and e.data.get("outcome") != "reached"):
            story.unanswered.clear()
            story.silent_since = (e.seq, e.at)
        _answered(story, e)
        _decisions(story, e)
        if e.words:
            story.heard.append((e, hear(e.words, words)))
    return story


def _columns(story: Story, e: Happened) -> None:
    changed: Mapping[str, Any] = e.data.get("set") or {}
    if "owner_id" in changed:
        story.owned = changed["owner_id"] is not None
        story.since = None if story.owned else story.since or (e.seq, e.at)
    if "waiting_since" in changed:
        story.waiting = changed["waiting_since"] is not None
    if "flags" in changed:
        story.flags = {f: story.flags.get(f, e) for f in changed["flags"]}


def _answered(story: Story, e: Happened) -> None:
    if e.type == "case.answered":
        story.answered = True
    elif story.answered and (e.type in _CONTACTS or e.type in {"case.reassessed", "case.reopened"}):
        story.answered, story.silent_since = False, (e.seq, e.at)


def _clock(story: Story, e: Happened) -> None:
    due = _moment(e.data.get("due_at") or e.data.get("new_due_at"))
    for pk, moved in _clocks_of(e):
        clock = story.clocks.get(pk)
        if e.type == "clock.started":
            story.clocks[pk] = _Clock(str(e.data.get("kind")), due, e.seq, e.at)
        elif clock is None:
            continue
        elif e.type in {"clock.met", "clock.cancelled"}:
            clock.live = False
            if e.type == "clock.met" and clock.kind in PROMISED and clock.due and e.at > clock.due:
                story.broken.append(e)
        elif e.type in {"clock.warned", "clock.breached"}:
            clock.percent, clock.seq, clock.at = int(e.data.get("percent", 0)), e.seq, e.at
        elif e.type == "clock.paused":
            clock.due = None
        else:  # resumed, extended, derived anew
            clock.due = moved or due
            clock.percent = clock.percent if clock.due and clock.due <= e.at else 0


def _clocks_of(e: Happened) -> list[tuple[int, datetime | None]]:
    if "clock" in e.data:
        return [(int(e.data["clock"]), None)]
    named = e.data.get("clocks") or []
    if isinstance(named, Mapping):
        return [(int(pk), _moment(due)) for pk, due in named.items()]
    return [(int(pk), None) for pk in named]


def _decisions(story: Story, e: Happened) -> None:
    """What we said and then said otherwise."""
    if e.type == "option.proposed":
        fen = int(e.data.get("amount_fen") or 0)
        if story.offered and fen < max(story.offered.values()):
            story.turned.append(e)
        story.offered[e.data.get("option", 0)] = fen
    elif (e.type == "option.withdrawn" and e.because != "answered" and e.data.get("option") in story.offered) or (
        e.type == "case.reconsidered"
    ):
        story.turned.append(e)


def _moment(written: Any) -> datetime | None:
    return datetime.fromisoformat(written) if isinstance(written, str) else None


# ── the signs ─────────────────────────────────────────────────────────────────────────────────────────────────────


def measure(story: Story, past: Past, rules: Escalation, silence_days: int) -> list[Sign]:
    """The signs that are there, in no particular order."""
    found = [
        _of("told_again", [e for e in story.all("case.joined") if e.because == "repeat"]),
        _of("urged", story.all("case.reminded")),
        _of("unanswered", story.unanswered[1:]),
        Sign("earlier", past.earlier, _birth(story)),
        _escalated(story, past),
        *_promises(story, rules),
        _visits(story),
        _of("disrespect", [e for e, heard in story.heard if any(s.kind == "disrespect" for s in heard.signs)]),
        _of("hops", story.all("handover.sent")[1:]),
        _of("returned", story.all("handover.returned")),
        _unowned(story, rules),
        _silence(story, silence_days),
        _of("rejected", [e for e in story.all("option.answered") if e.data.get("answer") != "accept"]),
        _of("contradictory", story.turned),
        *_threats(story),
        *_feelings(story),
        _flag(story, "unhappy"),
        _vulnerable(story, past),
        _flag(story, "vip"),
    ]
    known = {rule.code for rule in rules.signs}
    return [sign for sign in found if sign.amount > 0 and sign.code in known]


def _visits(story: Story) -> Sign:
    """Beyond the first: at our counter, or as the customer says."""
    came = [e for kind in _CONTACTS for e in story.all(kind) if e.data.get("channel") == "counter"]
    said = [(trips(e.words), e) for e, _heard in story.heard if trips(e.words) > 1]
    most = max((n for n, _e in said), default=0)
    events = sorted({e.seq: e for e in (*came, *(e for _n, e in said))}.values(), key=lambda e: e.seq)
    return Sign("visits", max(len(came), most) - 1, tuple((e.seq, e.at) for e in events[-SHOWN:]))


def _of(code: str, events: Sequence[Happened]) -> Sign:
    return Sign(code, len(events), tuple((e.seq, e.at) for e in events[-SHOWN:]))


def _birth(story: Story) -> tuple[tuple[int, datetime], ...]:
    return tuple((e.seq, e.at) for e in story.all("case.received")[:1])


def _escalated(story: Story, past: Past) -> Sign:
    own = [e for kind in ("case.reminded", "message.received") for e in story.all(kind) if e.data.get("higher")]
    own += [e for e in story.all("case.joined") if e.data.get("channel") in OUTSIDE]
    own += [e for e in story.all("case.received") if e.data.get("channel") in OUTSIDE]
    places = tuple((e.seq, e.at) for e in own[-SHOWN:]) or _birth(story)
    return Sign("escalated_before", len(own) + past.escalated, places)


def _promises(story: Story, rules: Escalation) -> list[Sign]:
    running = [c for c in story.clocks.values() if c.live and c.due and c.kind in PROMISED]
    late = [c for c in running if c.due and c.due <= story.at]
    nearly = [c for c in running if c not in late and c.percent >= rules.nearly_due_percent]
    soon = min((c.due for c in running if c.due and c not in late), default=None)
    return [
        Sign("overdue", len(late), tuple((c.seq, c.due) for c in late[:SHOWN] if c.due), soon if late else None),
        Sign("nearly_due", len(nearly), tuple((c.seq, c.at) for c in nearly[:SHOWN])),
        _of("broken", story.broken),
    ]


def _unowned(story: Story, rules: Escalation) -> Sign:
    if story.owned or story.since is None:
        return Sign("unowned", 0)
    return _lasting("unowned", story.since, timedelta(hours=rules.unowned_hours), story.at)


def _silence(story: Story, days: int) -> Sign:
    since = story.silent_since or next(iter(_birth(story)), None)
    if story.waiting or story.answered or since is None:
        return Sign("silence", 0)
    return _lasting("silence", since, days * _DAY, story.at)


def _lasting(code: str, since: tuple[int, datetime], grace: timedelta, at: datetime) -> Sign:
    """One when the grace is over, one more each day after."""
    over = at - since[1] - grace
    amount = 0 if over < timedelta(0) else 1 + over // _DAY
    return Sign(code, amount, (since,), since[1] + grace + amount * _DAY)


def first_growth(story: Story, rules: Escalation, silence_days: int) -> list[datetime]:
    """When what depends on time alone will next be more, whether there is any of it now or not."""
    signs = [_unowned(story, rules), _silence(story, silence_days)]
    left = [s.grows_at for s in signs if s.grows_at and s.amount < rules.sign(s.code).most]
    return [*left, *(c.due for c in story.clocks.values() if c.live and c.due and c.due > story.at)]


_THREATS = {
    "regulator": "threat_regulator", "media": "threat_media", "review": "threat_media", "lawsuit": "threat_lawsuit",
}  # fmt: skip


def _threats(story: Story) -> list[Sign]:
    places: dict[str, list[tuple[int, datetime]]] = {}
    for e, heard in story.heard:
        for code in {_THREATS[t.kind] for t in heard.threats if t.kind in _THREATS}:
            places.setdefault(code, []).append((e.seq, e.at))
    return [Sign(code, len(found), tuple(found[-SHOWN:])) for code, found in sorted(places.items())]


def _feelings(story: Story) -> list[Sign]:
    if not story.heard:
        return []
    last, heard = story.heard[-1]
    place = ((last.seq, last.at),)
    rises = trend([h.mood.strength for _e, h in story.heard]) > 0
    return [Sign("heat", max(0, heard.mood.strength - 1), place), Sign("rising", int(rises), place)]


def _flag(story: Story, code: str) -> Sign:
    e = story.flags.get(code)
    return Sign(code, int(e is not None), ((e.seq, e.at),) if e else ())


def _vulnerable(story: Story, past: Past) -> Sign:
    said = [e for e, heard in story.heard if any(s.kind == "vulnerable" for s in heard.signs)]
    if said:
        return Sign("vulnerable", 1, tuple((e.seq, e.at) for e in said[-1:]))
    return Sign("vulnerable", int(past.vulnerable), _birth(story))


# ── the score ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Weights:
    """What a unit of each sign weighs: those of the policy, or of a model put in force. `name` says whose."""

    name: str
    start: float
    of: Mapping[str, float]


def weights_of(rules: Escalation, name: str) -> Weights:
    return Weights(name, rules.start, {s.code: s.weight for s in rules.signs})


def counted(sign: Sign, rules: Escalation) -> int:
    """The amount that weighs: no more than the policy lets count."""
    return min(sign.amount, rules.sign(sign.code).most)


def score(signs: Iterable[Sign], rules: Escalation, weights: Weights) -> float:
    """0 … 1."""
    return logistic(weights.start + sum(weights.of.get(s.code, 0.0) * counted(s, rules) for s in signs))


# ── what really happened ──────────────────────────────────────────────────────────────────────────────────────────


def escalated_at(events: Iterable[Happened]) -> list[tuple[datetime, str]]:
    """When and how a case was taken higher or outside, oldest first.

    `higher`: the customer asked those above; `outside`: complained of again to a regulator, the association or in
    public; `reopened`: after the end, or judged anew because the customer was not content.
    """
    found = []
    for e in events:
        if e.type in {"case.reminded", "message.received"} and e.data.get("higher"):
            found.append((e.at, "higher"))
        elif e.type in {"case.joined", "case.received"} and e.data.get("channel") in OUTSIDE:
            found.append((e.at, "outside"))
        elif e.type in {"case.reopened", "case.reassessed", "case.continued"}:
            found.append((e.at, "reopened"))
    return found


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "case.received": lambda p: f"{p.get('text', '')}\n{p.get('wish', '')}",
    "case.joined": lambda p: str(p.get("text", "")),
    "case.reminded": lambda p: str(p.get("words", "")),
    "message.received": lambda p: str(p.get("body", "")),
    "option.answered": lambda p: str(p.get("body", "")),
    "survey.answered": lambda p: str(p.get("words", "")),
}


def customer_words(type: str, private: Mapping[str, Any] | None) -> str:
    """What the customer said in an event of this type; empty once it was erased."""
    said = _WORDS.get(type)
    return said(private).strip() if said and private else ""


SPEAKING = tuple(_WORDS)
UNREAD = ("case.seen", "case.exported", "case.printed", "evidence.seen", "risk.raised", "risk.lowered")
"""Events no sign is read from: somebody looked."""

"""Read the YAML files into `Corpus`, and say which file and scenario is wrong when one is.

The files use small one-line forms so that a scenario fits on a screen:

- fact        `aspect source state text`          e.g. `what inspection verified 复测时未断电`
- statement   `speaker text`
- why         `depth bone text`, depth 1 is the symptom; a deeper line answers "why?" of the line above it
- finding     `liability substantiated text`
- options     `satisfaction ease cost benefit risk text`, the chosen one first
- measure     `kind owner_function days amount text`, amount `-` for none
- reaction    `answer text`
- amounts     `12900` fen, `3000..8000` fen between, `price`, `price*0.3`, in measures also `wish`, `wish*0.5`
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from wenguo.demo.corpus import shapes
from wenguo.demo.corpus.filling import Malformed, check_amount, check_text
from wenguo.demo.corpus.shapes import (
    Cause,
    Common,
    Company,
    Corpus,
    Fact,
    Finding,
    Measure,
    Option,
    Post,
    Product,
    Reaction,
    Reply,
    Scenario,
    Statement,
    Story,
    SurveyRange,
    Turn,
)

VOICES = ("phone_note", "plain", "rant", "wechat", "elder", "mail", "formal", "sheet")
ASPECTS = ("what", "who", "when", "where", "why", "which", "how", "how_much")
STATES = ("verified", "unverified", "contradicted")
BONES = ("people", "method", "machine", "material", "environment", "measurement")
LIABILITIES = ("ours", "none", "both")
DEGREES = ("full", "partial", "none", "unknown")
WISHES = ("refund", "exchange", "repair", "apology", "explanation", "compensation", "punishment", "improvement",
          "delivery", "none")  # fmt: skip
MEASURES = ("refund", "exchange", "repair", "apology", "compensation", "points", "voucher", "gift", "process_change",
            "explanation")  # fmt: skip
ANSWERS = ("accept", "refuse", "propose")
ROLES = ("agent", "senior_agent", "supervisor", "manager", "executive", "investigator", "handler", "relationship",
         "legal", "inspector", "liaison", "improver", "admin")  # fmt: skip
FUNCTIONS = ("customer_service", "quality", "aftersales", "retail", "ecommerce", "logistics", "finance",
             "information_security", "product", "marketing", "legal", "management")  # fmt: skip
CATEGORIES = {
    "product": ("function", "performance", "safety", "appearance", "lifespan", "packaging", "description"),
    "service": ("attitude", "skill", "slow", "communication", "promise"),
    "price": ("discrimination", "hidden_fee", "refund", "promotion"),
    "aftersales": ("repair_quality", "repair_time", "parts", "tech_support", "return_exchange", "warranty"),
    "security": ("privacy", "account", "unauthorised"),
}
SUBCLASSES = tuple(f"{parent}.{sub}" for parent, subs in CATEGORIES.items() for sub in subs)
WEIGHTS = {1: 0.3, 2: 0.7, 3: 1.1, 4: 2.2}
SURVEYS = {True: {"csat": [3, 5], "nps": [6, 10], "ces": [4, 7]}, False: {"csat": [1, 3], "nps": [0, 5], "ces": [2, 4]}}


@cache
def load() -> Corpus:
    """Everything, read once. Malformed with file and scenario when a file breaks the forms above."""
    folder = files("wenguo.demo.corpus")
    common = _common(_yaml(folder / "common.yaml"))
    products = tuple(_product(row) for row in _yaml(folder / "products.yaml")["products"])
    kinds = {product.kind for product in products}
    scenarios: list[Scenario] = []
    for path in sorted((folder / "scenarios").iterdir(), key=lambda one: one.name):
        if path.name.endswith(".yaml"):
            page = _yaml(path)
            for row in page["scenarios"]:
                try:
                    scenarios.append(_scenario({"category": page.get("category"), **row}, common, kinds))
                except (Malformed, KeyError, ValueError, TypeError, AttributeError) as problem:
                    raise Malformed(f"{path.name}: {row.get('id')}: {type(problem).__name__} {problem}") from problem
    return Corpus(
        company=_company(_yaml(folder / "company.yaml")),
        products=products,
        crowd=_yaml(folder / "customers.yaml"),
        common=common,
        scenarios=tuple(scenarios),
    )


def _yaml(path: Any) -> dict[str, Any]:
    page = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if not isinstance(page, dict):
        raise Malformed(f"{path.name}: a mapping is expected at the top")
    return page


def _one_of(word: str, allowed: Iterable[str]) -> str:
    if word not in allowed:
        raise Malformed(f"{word!r} is none of {', '.join(allowed)}")
    return word


def _texts(value: Any, *, wish: bool = True) -> tuple[str, ...]:
    """A list of sentences, each a checked template. A single string counts as a list of one."""
    rows = [value] if isinstance(value, str) else list(value or [])
    for row in rows:
        if not isinstance(row, str):
            raise Malformed(f"a sentence is expected, not {row!r}")
        check_text(row, may_name_amount=wish)
    return tuple(row.strip() for row in rows)


def _company(page: dict[str, Any]) -> Company:
    units = tuple(shapes.Unit(**row) for row in page["units"])
    codes = {unit.code for unit in units}
    staff = []
    for row in page["staff"]:
        posts = tuple(Post(unit=_one_of(unit, codes), role=_one_of(role, ROLES)) for unit, role in row.pop("posts"))
        staff.append(shapes.StaffMember(posts=posts, **row))
    for unit in units:
        _one_of(unit.function, FUNCTIONS)
        _one_of(unit.calendar, ("standard", "retail", "hotline"))
        _one_of(unit.parent or unit.code, codes)
    names = {one.username for one in staff}
    deputies = tuple(shapes.Deputy(**row) for row in page["deputies"])
    accounts = tuple(shapes.DemoAccount(**row) for row in page["demo_accounts"])
    for name in [*(one.username for one in accounts), *(n for one in deputies for n in (one.absent, one.deputy))]:
        _one_of(name, names)
    head = {key: str(page[key]) for key in ("name", "short", "hotline", "website")}
    return Company(units=units, staff=tuple(staff), deputies=deputies, demo_accounts=accounts, **head)


def _product(row: dict[str, Any]) -> Product:
    return Product(**{**row, "lines": tuple(row["lines"])})


def _common(page: dict[str, Any]) -> Common:
    pools = {key: {name: _texts(rows, wish=False) for name, rows in page[key].items()}
             for key in ("openers",
            "details", "closers", "messages", "turns", "reactions", "first_calls", "second_calls",
                         "comments")}  # fmt: skip
    for kind in [*page["turns"], *page["chances"]]:
        _one_of(kind, shapes.TURNS)
    return Common(
        voice_channels={voice: tuple(page["voice_channels"][voice]) for voice in VOICES},
        notes=_texts(page["notes"], wish=False),
        thanks=_texts(page["thanks"], wish=False),
        greeting=_texts(page["greeting"], wish=False),
        chances={kind: float(chance) for kind, chance in page["chances"].items()},
        **pools,
    )


def _scenario(row: dict[str, Any], common: Common, kinds: set[str]) -> Scenario:
    allowed = {"amount", "category", "age", "days", "id", "title", "level", "products", "channels", "wish", "wants",
               "flags", "weight", "stories", "more", "notes", "facts", "statements", "why", "finding", "options",
               "measures", "reply", "reaction", "calls", "survey", "comments", "turns", "months", "bare"}  # fmt: skip
    for key in row:
        _one_of(key, allowed)
    amount = check_amount(str(row.get("amount", 0)), wish=False)
    money = amount != "0"
    stories = tuple(_story(entry, money) for entry in row["stories"])
    turns = tuple(_turn(entry, common) for entry in row.get("turns", []))
    early = any(turn.kind in shapes.EARLY_ENDS for turn in turns)
    level = int(row["level"])
    content = not early and not any(turn.kind in ("reassessed", "reopened") for turn in turns)
    survey = {**SURVEYS[content], **row.get("survey", {})}
    calls = row.get("calls", [])
    return Scenario(
        id=row["id"],
        category=_one_of(row["category"], SUBCLASSES),
        title=_texts(row["title"], wish=money)[0],
        level=level,
        products=tuple(_one_of(kind, kinds) for kind in row.get("products", sorted(kinds))),
        channels=tuple(row.get("channels") or
                       dict.fromkeys(c for story in stories for c in common.voice_channels[story.voice])),
        age_days=_pair(row.get("age", [5, 300])),
        days=_pair(row.get("days", [2, 12])),
        amount=amount,
        wish=tuple(_one_of(wish, WISHES) for wish in row["wish"]),
        wants=_texts(row["wants"], wish=money)[0],
        flags=tuple(row.get("flags", ())),
        weight=float(row.get("weight", WEIGHTS[level])),
        months=tuple(row.get("months", range(1, 13))),
        bare=bool(row.get("bare", False)),
        stories=stories,
        messages=_texts(row.get("more"), wish=money),
        notes=_texts(row.get("notes"), wish=money),
        facts=tuple(_fact(line, money) for line in row.get("facts", [])),
        statements=tuple(_statement(line, money) for line in row.get("statements", [])),
        causes=_tree(row.get("why", [])),
        finding=_finding(row["finding"], money) if "finding" in row else None,
        options=tuple(_option(line, money) for line in row.get("options", [])),
        measures=tuple(_measure(line, money) for line in row.get("measures", [])),
        reply=_reply(row["reply"], common, money),
        reactions=tuple(Reaction(_one_of(answer, ANSWERS), _texts(text, wish=money)[0])
                        for answer, _, text in (line.partition(" ") for line in row.get("reaction", []))),
        calls=(_texts(calls[0], wish=money) if calls else (), _texts(calls[1], wish=money) if len(calls) > 1 else ()),
        survey=SurveyRange(**{key: _pair(survey[key]) for key in ("csat", "nps", "ces")}),
        comments=_texts(row.get("comments"), wish=money),
        turns=turns,
    )  # fmt: skip


def _pair(value: list[int]) -> tuple[int, int]:
    low, high = int(value[0]), int(value[1])
    if low > high:
        raise Malformed(f"{value}: the first must not exceed the second")
    return low, high


def _story(entry: Mapping[str, str], money: bool) -> Story:
    ((voice, text),) = entry.items()
    return Story(_one_of(voice, VOICES), _texts(text, wish=money)[0])


def _turn(entry: str | Mapping[str, str], common: Common) -> Turn:
    """`joint`, or `joint: reason`; without a reason one is borrowed from the common pool when woven."""
    if isinstance(entry, str):
        if entry not in common.turns:
            raise Malformed(f"turn {entry!r} needs a reason: the common pool has none")
        return Turn(_one_of(entry, shapes.TURNS), "")
    ((kind, text),) = entry.items()
    return Turn(_one_of(kind, shapes.TURNS), _texts(text)[0])


def _fact(line: str, money: bool) -> Fact:
    aspect, source, state, text = line.split(" ", 3)
    return Fact(_one_of(aspect, ASPECTS), source, _one_of(state, STATES), _texts(text, wish=money)[0])


def _statement(line: str, money: bool) -> Statement:
    speaker, text = line.split(" ", 1)
    return Statement(_texts(speaker)[0], _texts(text, wish=money)[0])


def _finding(line: str, money: bool) -> Finding:
    liability, degree, text = line.split(" ", 2)
    return Finding(_one_of(liability, LIABILITIES), _one_of(degree, DEGREES), _texts(text, wish=money)[0])


def _option(line: str, money: bool) -> Option:
    *scores, text = line.split(" ", 5)
    numbers = [int(score) for score in scores]
    if len(numbers) != 5 or not all(1 <= number <= 5 for number in numbers):
        raise Malformed(f"five scores 1-5 are expected: {line}")
    return Option(_texts(text, wish=money)[0], *numbers)


def _measure(line: str, money: bool) -> Measure:
    kind, function, days, amount, text = line.split(" ", 4)
    amount = "0" if amount == "-" else check_amount(amount, wish=money)
    owner = _one_of(function, FUNCTIONS)
    return Measure(_one_of(kind, MEASURES), owner, int(days), amount, _texts(text, wish=money)[0])


def _reply(page: Mapping[str, str], common: Common, money: bool) -> Reply:
    """Four parts are the scenario's own; thanks may be borrowed (empty until woven)."""
    if set(page) - {"apology", "found", "actions", "prevention", "thanks"}:
        raise Malformed(f"reply: unknown part in {sorted(page)}")
    parts = {key: _texts(page[key], wish=money)[0] for key in ("apology", "found", "actions", "prevention")}
    return Reply(thanks=_texts(page["thanks"], wish=money)[0] if "thanks" in page else "", **parts)


def _tree(lines: list[str]) -> tuple[Cause, ...]:
    """`depth bone text` lines into a forest; a line may go at most one level deeper than the line above it."""
    rows: list[tuple[int, str, str]] = []
    for line in lines:
        depth, bone, text = line.split(" ", 2)
        if int(depth) > (rows[-1][0] if rows else 0) + 1 or int(depth) < 1:
            raise Malformed(f"why: depth jumps at {line}")
        rows.append((int(depth), _one_of(bone, BONES), _texts(text)[0]))

    def forest(depth: int, start: int) -> tuple[tuple[Cause, ...], int]:
        grown: list[Cause] = []
        while start < len(rows) and rows[start][0] == depth:
            _, bone, text = rows[start]
            below, start = forest(depth + 1, start + 1)
            grown.append(Cause(bone, text, below))
        return tuple(grown), start

    return forest(1, 0)[0]

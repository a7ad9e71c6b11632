"""Forms of triage, and of how a case ends or begins again: 受理、分类、定级、分派、并单、撤回、结案、重开 …"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases import acceptance, danger, followup, intake, major, model, triage
from wenguo.cases import split as splitting
from wenguo.cases.case import Case, Nature, Record
from wenguo.cases.number import parse
from wenguo.errors import Invalid
from wenguo.people.staff import Person
from wenguo.policy.reading import fact_words
from wenguo.policy.schema import Pack
from wenguo.policy.severity import Floor, Score
from wenguo.policy.told import told
from wenguo.text.matters import matters
from wenguo.web.desk.common import Done, act_form, chosen_person, chosen_unit, of_case, spelt, units_to_choose
from wenguo.web.desk.folder import Folder
from wenguo.web.desk.suggestion import heard, suggest
from wenguo.web.desk.terms import CONTACTS, WISHES
from wenguo.web.given import Given
from wenguo.web.jinja import url

RECORD, ENDING = _lazy("内容与等级"), _lazy("并单与终止")
REASON = "desk/case/acts/reason.html"


def reason_of(given: Given, label: str) -> str:
    words = given.text("reason", label, most=5000)
    given.check()
    return words


# ── taking it on, or not ──────────────────────────────────────────────────────────────────────────────────────────


@act_form("accept", symbol="check")
def accept(request: HttpRequest, folder: Folder, given: Given) -> str:
    acceptance.accept(folder.case, by=folder.person, at=folder.at)
    return _("已受理")


def _refusal_reasons(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    return {"reasons": folder.case.pack.refusal_reasons}


@act_form("refuse", "desk/case/acts/refuse.html", context=_refusal_reasons, symbol="ban", danger=True)
def refuse(request: HttpRequest, folder: Folder, given: Given) -> str:
    reason = given.choice("reason", _("不予受理的原因"), {r.code for r in folder.case.pack.refusal_reasons})
    words = given.text("words", _("依据"), most=5000, optional=True)
    given.check()
    acceptance.refuse(folder.case, reason, words, by=folder.person, at=folder.at)
    return _("已登记为不予受理，将告知客户原因和复核办法")


@act_form("reconsider", REASON, symbol="rotate")
def reconsider(request: HttpRequest, folder: Folder, given: Given) -> str:
    acceptance.reconsider(folder.case, reason_of(given, _("重新受理的理由")), by=folder.person, at=folder.at)
    return _("已重新受理")


# ── what it is about ──────────────────────────────────────────────────────────────────────────────────────────────


def _categories(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    """The taxonomy, the way walked through the decision tree (`path` = 0.2.1), and what fits a search word."""
    pack = folder.case.pack
    walk = [int(p) for p in request.GET.get("path", "").split(".") if p.isdecimal() and len(p) < 3][:12]
    questions = {q.code: q for q in pack.decision_tree}
    question: Any = pack.decision_tree[0]
    steps: list[dict[str, str]] = []
    found = ""
    for i, n in enumerate(walk):
        if question is None or n >= len(question.answers):
            break
        answer = question.answers[n]
        steps.append({"question": question.question, "answer": answer.text, "path": ".".join(map(str, walk[:i]))})
        found, question = answer.sub or "", questions.get(answer.to or "")
    chosen = request.GET.get("category", "") or found or folder.case.category
    return {
        "classes": pack.taxonomy,
        "question": question if not found else None,
        "steps": steps,
        "path": walk[: len(steps)],
        "found": pack.sub(found) if found else None,
        "chosen": chosen if chosen in {s.code for s in pack.subs} else "",
        "suggested": suggest(pack, folder.case.record.description, heard(folder.case)),
    }


@act_form("classify", "desk/case/acts/classify.html", context=_categories, group=RECORD, symbol="tags")
def classify(request: HttpRequest, folder: Folder, given: Given) -> str:
    category = given.text("category", _("分类"), most=80)
    also = [c for c in given.data.getlist("also") if c]
    given.check()
    triage.classify(folder.case, category, also, by=folder.person, at=folder.at)
    return _("已分类为「{title}」").format(title=told(folder.case.pack.category_title(category)))


def floors_of(pack: Pack, score: Score) -> list[tuple[int, str, str]]:
    """Why at least a level, as (level, because, what it rests on): the words heard, the facts with their values."""

    def rests_on(floor: Floor) -> str:
        heard, known = (f"「{term}」" for term in floor.evidence), (fact_words(pack, *fact) for fact in floor.facts)
        return _("、").join([*heard, *known])

    return [(floor.level, floor.because, rests_on(floor)) for floor in score.floors]


def _grading(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    score = triage.assess(folder.case)
    return {
        "score": score,
        "floors": floors_of(folder.case.pack, score),
        "levels": folder.case.pack.levels,
        "most": folder.case.pack.severity.max_total,
        "last": folder.last_grading,
    }


@act_form("grade", "desk/case/acts/grade.html", context=_grading, group=RECORD, symbol="scale")
def grade(request: HttpRequest, folder: Folder, given: Given) -> str:
    level = given.choice("level", _("等级"), {"1", "2", "3", "4"})
    because = given.text("because", _("理由"), most=2000, optional=True)
    given.check()
    triage.grade(folder.case, int(level), because, by=folder.person, at=folder.at)
    return _("已定为{level}").format(level=told(folder.case.pack.level(int(level)).title))


def _routes(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    rule, unit, helpers = triage.proposed_route(folder.case)
    home = folder.case.unit or folder.case.intake_unit
    return {
        "rule": rule,
        "proposed": unit,
        "helpers": helpers,
        "units": units_to_choose(),
        "home": home,
        "colleagues": colleagues(folder, home),
    }


def colleagues(folder: Folder, unit: Any) -> list[tuple[str, str]]:
    """Who may be put in charge at this unit: those there who may work on cases."""
    if unit is None:
        return []
    people = Person.objects.able("case.reply", at=folder.at, units=[unit]).order_by("pk")
    return [(str(pk), name) for pk, name in people.values_list("pk", "name")]


@act_form("assign", "desk/case/acts/assign.html", context=_routes, symbol="send")
def assign(request: HttpRequest, folder: Folder, given: Given) -> str:
    unit = chosen_unit(given, "unit", _("责任部门"))
    owner = chosen_person(given, "owner", _("负责人"), optional=True)
    words = given.text("words", _("分派说明"), most=5000, optional=True)
    given.check()
    home = folder.case.unit or folder.case.intake_unit
    if owner is not None and (home is None or unit.pk != home.pk):
        owner = None  # another unit names its own
    triage.assign(folder.case, unit, words, owner=owner, by=folder.person, at=folder.at)
    return _("已分派给「{unit}」").format(unit=unit.title)


@act_form("back_to_triage", REASON, symbol="corner-up-left")
def back_to_triage(request: HttpRequest, folder: Folder, given: Given) -> str:
    triage.back_to_triage(folder.case, reason_of(given, _("退回原因")), by=folder.person, at=folder.at)
    return _("已退回分级")


def _natures(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    rules = [r for r in folder.case.pack.conversion.rules if r.from_kind == folder.case.nature]
    words = {r.to_kind: str(Nature(r.to_kind).label) for r in rules}
    return {"rules": rules, "natures": list(words.items())}


@act_form("convert", "desk/case/acts/convert.html", context=_natures, group=RECORD, symbol="switch-horizontal")
def convert(request: HttpRequest, folder: Folder, given: Given) -> str:
    nature = given.choice("nature", _("改为"), set(Nature.values))
    reason = given.text("reason", _("转换理由"), most=2000)
    given.check()
    acceptance.convert(folder.case, nature, reason, by=folder.person, at=folder.at)
    return _("已改为{nature}").format(nature=Nature(nature).label)


# ── the record ────────────────────────────────────────────────────────────────────────────────────────────────────

PERSONAL = ("contact_name", "contact_phone", "contact_mail", "business_address")


def _record(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    wishes = {**WISHES, **{w: w for w in folder.case.record.wishes if w not in WISHES}}
    return {
        "wishes": spelt(wishes.items()),
        "contacts": spelt(CONTACTS.items()),
        "labels": record_labels(),
        "moods": [("", _("未记录")), *((m.code, told(m.title)) for m in folder.case.pack.wording.moods)],
    }


def record_labels() -> dict[str, str]:
    """What the fields of the record form are called."""
    return {f.name: str(f.verbose_name) for model in (Record, Case) for f in model._meta.concrete_fields}


@act_form("change_record", "desk/case/acts/record.html", context=_record, group=RECORD, symbol="pencil")
def change_record(request: HttpRequest, folder: Folder, given: Given) -> str:
    changes = record_changes(folder, given)
    given.check()
    acceptance.change_record(folder.case, changes, by=folder.person, at=folder.at)
    return _("记录单已更新")


def record_changes(folder: Folder, given: Given) -> dict[str, Any]:
    """The fields the form brought. Personal fields seen masked change only when something is written."""
    labels = record_labels()
    changes: dict[str, Any] = {}
    most = {"description": 20_000, "wish": 5000}
    for name in (*Record.EDITABLE, "product", "batch", "region", "subject"):
        if name not in given.data and name != "wishes":
            continue
        if name == "wishes":
            if "wishes_shown" in given.data:
                changes[name] = given.choices("wishes", labels[name], {*WISHES, *folder.case.record.wishes})
        elif name in {"order_fen", "claim_fen"}:
            changes[name] = given.fen(name, labels[name])
        elif name == "people_affected":
            changes[name] = given.whole(name, labels[name], most=1_000_000)
        else:
            field = (
                Case if hasattr(Case, name) and name in {"product", "batch", "region", "subject"} else Record
            )._meta.get_field(name)
            limit = most.get(name) or getattr(field, "max_length", None) or 200
            words = given.text(name, labels[name], most=limit, optional=name not in {"subject", "description"})
            if words or name not in PERSONAL or folder.sees_personal:
                changes[name] = words
    return changes


# ── together, apart, over ─────────────────────────────────────────────────────────────────────────────────────────


def _others(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    rows = (
        Case.objects.visible_to(folder.person, folder.at)
        .open()
        .filter(customer_id__in=folder.family)
        .exclude(pk=folder.case.pk)
    )
    return {"others": list(rows.order_by("-received_at").values("number", "subject")[:8])}


@act_form("merge", "desk/case/acts/merge.html", context=_others, group=ENDING, symbol="arrows-join-2", danger=True)
def merge(request: HttpRequest, folder: Folder, given: Given) -> Done:
    written = given.text("into", _("并入哪一件"), most=40)
    reason = given.text("reason", _("并单理由"), most=2000)
    given.check()
    number = parse(written)
    into = Case.objects.visible_to(folder.person, folder.at).filter(number=number).first()
    if into is None:
        words = _("没有找到「{number}」，或者它不在您可以查看的范围内").format(number=number)
        raise Invalid(words, fields={"into": words})
    acceptance.merge(folder.case, into, reason, by=folder.person, at=folder.at)
    return Done(_("已并入 {number}").format(number=into.number), url("desk:case", into.number))


def _nothing_joined(folder: Folder) -> str:
    return "" if folder.joined else _("没有并入本件的来件")


@act_form("unjoin", "desk/case/acts/unjoin.html", why=_nothing_joined, group=ENDING, symbol="arrows-split-2")
def unjoin(request: HttpRequest, folder: Folder, given: Given) -> Done:
    submission = of_case(folder.case.submissions.all(), given.raw("submission"), _("来件"))
    new = intake.unjoin(submission, by=folder.person, at=folder.at)
    return Done(_("已拆为单独的投诉 {number}").format(number=new.number), url("desk:case", new.number))


def _parts(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    """The sentences, what each seems to speak of, and as many parts as there seem to be matters, or are wanted."""
    pack, story = folder.case.pack, folder.case.record.description
    found = matters(story, model.in_force().model)
    known = {sub.code for sub in pack.subs}
    codes = [code for code in found.codes if code in known][: splitting.MOST]
    wanted = request.GET.get("parts", "") or request.POST.get("parts", "")
    n = int(wanted) if wanted in {str(i) for i in range(2, splitting.MOST + 1)} else max(2, len(codes))
    codes = codes[:n]
    place = {code: str(i) for i, code in enumerate(codes, 1)}
    several = len(codes) > 1
    said = [story[start:end].strip() for start, end in found.sentences]
    of = [(place.get(code, "1") if code else "all") if several else "1" for code in found.of]
    return {
        "sentences": list(zip(said, of, strict=True)),
        "several": several,
        "n": n,
        "most": splitting.MOST,
        "codes": [*codes, *[""] * (n - len(codes))],
        "classes": [(told(c.title), [(s.code, told(s.title)) for s in c.subs]) for c in pack.taxonomy],
        "levels": [(str(level.number), f"{told(level.title)} · {told(level.name)}") for level in pack.levels],
    }


def _no_split(folder: Folder) -> str:
    return splitting.money_on(folder.case) if folder.has("options") else ""


@act_form("split", "desk/case/acts/split.html", context=_parts, why=_no_split, group=RECORD, symbol="arrows-split-2")
def split(request: HttpRequest, folder: Folder, given: Given) -> str:
    n = given.whole("parts", _("件数"), least=2, most=splitting.MOST) or 2
    places = {str(i) for i in range(1, n + 1)}
    count = len(splitting.sentences_of(folder.case))
    of = [given.choice(f"s-{i}", _("每句话属于哪一件"), places | {"all"}) for i in range(count)]
    parts = []
    for place in range(1, n + 1):
        category = given.text(f"category-{place}", _("第 {n} 件的分类").format(n=place), most=48)
        subject = given.text(f"subject-{place}", _("第 {n} 件的事由").format(n=place), most=160, optional=True)
        level = given.choice(f"level-{place}", _("等级"), {"1", "2", "3", "4"}, optional=True)
        mine = tuple(i for i, where in enumerate(of) if where in {str(place), "all"})
        parts.append(splitting.Part(category, mine, subject, int(level) if level else None))
    given.check()
    news = splitting.split(folder.case, parts, by=folder.person, at=folder.at)
    numbers = _("、").join(new.number for new in news)
    return _("已拆成 {n} 件，新立的编号：{numbers}；已告诉客户").format(n=n, numbers=numbers)


@act_form("withdraw", REASON, symbol="arrow-back-up", danger=True)
def withdraw(request: HttpRequest, folder: Folder, given: Given) -> str:
    acceptance.withdraw(folder.case, reason_of(given, _("撤回的说明")), by=folder.person, at=folder.at)
    return _("已登记撤回，当日终止办理")


@act_form("close", symbol="circle-check")
def close(request: HttpRequest, folder: Folder, given: Given) -> str:
    followup.close(folder.case, by=folder.person, at=folder.at)
    return _("已结案")


@act_form("archive", symbol="archive")
def archive(request: HttpRequest, folder: Folder, given: Given) -> str:
    followup.archive(folder.case, by=folder.person, at=folder.at)
    return _("已归档")


@act_form("reopen", REASON, symbol="rotate")
def reopen(request: HttpRequest, folder: Folder, given: Given) -> str:
    followup.reopen(folder.case, reason_of(given, _("重开的原因")), by=folder.person, at=folder.at)
    return _("已重开为第 {n} 轮").format(n=folder.case.round)


@act_form("continue", REASON, group=ENDING, symbol="rotate")
def reopen_archived(request: HttpRequest, folder: Folder, given: Given) -> Done:
    new = followup.reopen(folder.case, reason_of(given, _("重开的原因")), by=folder.person, at=folder.at)
    return Done(_("已重开为新的投诉 {number}").format(number=new.number), url("desk:case", new.number))


def _reply_advice(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    return {"empathy": folder.case.pack.wording.empathy[:3]}


def _is_major(folder: Folder) -> str:
    return _("已经标为重大投诉") if major.MAJOR in folder.case.flags else ""


@act_form("mark_major", REASON, why=_is_major, group=RECORD, symbol="flag")
def mark_major(request: HttpRequest, folder: Folder, given: Given) -> str:
    major.mark(folder.case, reason_of(given, _("理由")), by=folder.person, at=folder.at)
    return _("已标为重大投诉")


def _is_not_major(folder: Folder) -> str:
    return "" if major.MAJOR in folder.case.flags else _("没有标为重大投诉")


@act_form("lift_major", REASON, why=_is_not_major, group=RECORD, symbol="flag-off")
def lift_major(request: HttpRequest, folder: Folder, given: Given) -> str:
    major.lift(folder.case, reason_of(given, _("解除理由")), by=folder.person, at=folder.at)
    return _("已解除重大标记")


def _nothing_to_answer(folder: Folder) -> str:
    return "" if folder.danger else _("没有要核实的危险提示")


@act_form(
    "answer_danger", "desk/case/acts/answer_danger.html", why=_nothing_to_answer, group=RECORD, symbol="alert-triangle"
)
def answer_danger(request: HttpRequest, folder: Folder, given: Given) -> str:
    there = given.choice("there", _("有没有危险"), {"yes", "no"}) == "yes"
    given.check()
    danger.answer(folder.case, there, by=folder.person, at=folder.at)
    if not there:
        return _("已记下：没有危险")
    return _("已记下：有危险，等级为{level}").format(level=told(folder.case.pack.level(folder.case.level).title))


def _too_grave(folder: Folder) -> str:
    case = folder.case
    if major.MAJOR in case.flags:
        return _("重大投诉须按专门程序办理，不能即时办结")
    grave = case.level < 4 and case.nature == Nature.COMPLAINT
    return _("只有四级投诉和咨询、建议、表扬可以即时办结") if grave else ""


@act_form(
    "settle_at_once",
    "desk/case/acts/settle_at_once.html",
    context=_reply_advice,
    why=_too_grave,
    symbol="bolt",
)
def settle_at_once(request: HttpRequest, folder: Folder, given: Given) -> str:
    from wenguo.cases.reply import settle_at_once as settle

    words = given.text("words", _("答复内容"), most=20_000)
    given.check()
    settle(folder.case, words, by=folder.person, at=folder.at)
    return _("已即时办结，进入回访")

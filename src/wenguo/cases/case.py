"""The case: its row, its record form, the sets people ask for, and the one door through which either changes.

`Case` is narrow because the queue reads it a thousand times for each write; `Record` (客户投诉记录单) is wide. Every
column of `Case` but the search index is a projection of the case's journal: it changes only in `record`, which
writes the changed columns into the event, so that `fold` can build the row again from the stream. Source: DESIGN "A
case is its journal".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Self

from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import connection, models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo import journal
from wenguo.breath import is_news, once, taken
from wenguo.cases import stay
from wenguo.cases.lifecycle import OPEN, Outcome, Stage
from wenguo.compiled import ask, run
from wenguo.customers.customer import Customer
from wenguo.errors import Overtaken
from wenguo.journal.canonical import moment
from wenguo.people.scope import Reach, reach
from wenguo.policy.schema import Pack
from wenguo.policy.versions import pack as pack_of
from wenguo.text.search import tsquery_text, tsvector_text
from wenguo.together import Together


class Nature(models.TextChoices):
    COMPLAINT = "complaint", _lazy("投诉")
    CONSULTATION = "consultation", _lazy("咨询")
    SUGGESTION = "suggestion", _lazy("建议")
    PRAISE = "praise", _lazy("表扬")


class Channel(models.TextChoices):
    WEB = "web", _lazy("网站")
    APP = "app", _lazy("App")
    MAIL = "mail", _lazy("邮件")
    PHONE = "phone", _lazy("电话")
    COUNTER = "counter", _lazy("现场")
    LETTER = "letter", _lazy("来信")
    PAPER = "paper", _lazy("意见单")
    WECHAT = "wechat", _lazy("微信")
    WEIBO = "weibo", _lazy("微博")
    DOUYIN = "douyin", _lazy("抖音")
    REVIEW_SITE = "review_site", _lazy("点评网站")
    ASSOCIATION = "association", _lazy("消协")
    REGULATOR = "regulator", _lazy("监管转办")
    API = "api", _lazy("接口")
    OTHER = "other", _lazy("其他")


class Handling(models.TextChoices):
    FULL = "full", _lazy("全权处理")
    TRANSFER = "transfer", _lazy("转办")
    JOINT = "joint", _lazy("会办")


class Liability(models.TextChoices):
    OURS = "ours", _lazy("有责")
    NONE = "none", _lazy("无责")
    BOTH = "both", _lazy("双方责任")


class CaseSet(models.QuerySet["Case"]):
    def visible_to(self, person: Any, at: datetime) -> Self:
        """The only way in, for pages, search, exports, files and API alike. Source: SY-1."""
        return self.within(reach(person, at))

    def within(self, span: Reach) -> Self:
        """`visible_to` for who reaches so far."""
        if span.everything:
            return self
        involved = Involvement.objects.filter(case=models.OuterRef("pk"), person_id__in=span.person_ids)
        return self.filter(
            Q(unit_id__in=span.unit_ids)
            | Q(intake_unit_id__in=span.unit_ids)
            | Q(owner_id__in=span.person_ids)
            | Q(first_responsible_id__in=span.person_ids)
            | models.Exists(involved)
        )

    def open(self) -> Self:
        return self.exclude(stage__in=[Stage.CLOSED, Stage.ARCHIVED])  # as the indexes of the open say it

    def late(self, at: datetime) -> Self:
        return self.open().filter(next_due_at__lt=at)

    def due_before(self, until: datetime, at: datetime) -> Self:
        return self.open().filter(next_due_at__gte=at, next_due_at__lt=until)

    def unassigned(self) -> Self:
        return self.open().filter(owner=None)

    def matching(self, words: str) -> Self:
        """Full-text search over what was said in a case; two-character words and single characters are found too."""
        query = tsquery_text(words)
        if query is None:  # nothing in it that could be found
            return self.none()
        return self.filter(search__has=query)


_OPEN = ~Q(stage__in=[Stage.CLOSED.value, Stage.ARCHIVED.value])  # as `CaseSet.open` says it
_HEEDED = (  # each as the lists ask it, or its index does not serve them
    Q(level=1) | Q(repeats__gte=2) | Q(flags__contains=["supervised"]) | Q(flags__contains=["unhappy"])
    | Q(flags__contains=["override_owed"])
)  # fmt: skip
WHOSE = ("unit", "intake_unit", "owner", "first_responsible")  # what `within` looks at


COUNTED = (  # what questions about all cases look at
    "level", "nature", "channel", "category", "outcome", "flags", "responded_at", "answered_at", "closed_at", "policy",
    "round", "returns", "hops", "stream", *WHOSE,
)  # fmt: skip


def _whose_but(field: str) -> tuple[str, ...]:
    return tuple(name for name in WHOSE if name != field)


class Case(models.Model):
    """One complaint. Moments are UTC; `level` 1 (crisis) to 4; `next_due_at` is the nearest promise that is running."""

    number = models.CharField(_lazy("编号"), max_length=24, unique=True)
    stream = models.OneToOneField("journal.Stream", on_delete=models.PROTECT)
    policy = models.ForeignKey("policy.PolicyVersion", on_delete=models.PROTECT, db_index=False)
    version = models.PositiveIntegerField(default=1)
    round = models.PositiveSmallIntegerField(_lazy("轮次"), default=1)
    continues = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="continued_by", db_index=False
    )
    merged_into = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="merged_cases", db_index=False
    )
    split_from = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="split_cases", db_index=False
    )

    stage = models.CharField(_lazy("阶段"), max_length=16, choices=Stage.choices, default=Stage.RECEIVED)
    outcome = models.CharField(_lazy("结果"), max_length=12, choices=Outcome.choices, blank=True, default="")
    nature = models.CharField(_lazy("性质"), max_length=12, choices=Nature.choices, default=Nature.COMPLAINT)
    channel = models.CharField(_lazy("渠道"), max_length=16, choices=Channel.choices)
    level = models.PositiveSmallIntegerField(_lazy("等级"))
    category = models.CharField(_lazy("分类"), max_length=48, blank=True, default="")
    also = ArrayField(models.CharField(max_length=48), default=list, blank=True)
    handling = models.CharField(_lazy("处理方式"), max_length=12, choices=Handling.choices, blank=True, default="")
    liability = models.CharField(_lazy("责任"), max_length=8, choices=Liability.choices, blank=True, default="")
    cause = models.CharField(_lazy("原因编码"), max_length=48, blank=True, default="")
    flags = ArrayField(models.CharField(max_length=24), default=list, blank=True)
    region = models.CharField(_lazy("地区"), max_length=40, blank=True, default="")
    product = models.CharField(_lazy("产品"), max_length=80, blank=True, default="")
    batch = models.CharField(_lazy("批次"), max_length=40, blank=True, default="")

    subject = models.CharField(_lazy("事由"), max_length=160)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="cases")
    owner = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="owned_cases")
    first_responsible = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey("people.Unit", null=True, on_delete=models.PROTECT, related_name="cases")
    intake_unit = models.ForeignKey("people.Unit", null=True, on_delete=models.PROTECT, related_name="+")

    repeats = models.PositiveSmallIntegerField(_lazy("重复与催办"), default=0)
    returns = models.PositiveSmallIntegerField(_lazy("退单"), default=0)
    hops = models.PositiveSmallIntegerField(_lazy("流转"), default=0)
    waiting_since = models.DateTimeField(null=True)
    unanswered_since = models.DateTimeField(_lazy("客户留言"), null=True)  # see `unanswered`
    next_due_at = models.DateTimeField(null=True)
    next_clock = models.CharField(max_length=16, blank=True, default="")
    received_at = models.DateTimeField(_lazy("接收时间"))
    accepted_at = models.DateTimeField(null=True)
    responded_at = models.DateTimeField(null=True)
    executed_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    search = SearchVectorField(null=True)

    objects = CaseSet.as_manager()
    involved: dict[int, list[str]] | None = None  # of this instance; see `involve`

    # What a page has read of this case, each small set once; None while an act works on it, which must see it as it is.
    kept: dict[str, list[Any]] | None = None

    class Meta:
        indexes = [
            GinIndex(fields=["search"], name="cases_search"),
            # What views and counts of the open ask for, and whose the case is: to count, only the index is read.
            models.Index(fields=["next_due_at", "id"], name="cases_queue", include=["stage", *WHOSE], condition=_OPEN),
            models.Index(
                fields=["owner"],
                name="cases_open_owner",
                include=["id", "stage", "level", "returns", "next_due_at", *_whose_but("owner")],  # the team's sums too
                condition=_OPEN,
            ),
            models.Index(
                fields=["unit"], name="cases_open_unit", include=["id", "stage", *_whose_but("unit")], condition=_OPEN
            ),
            models.Index(fields=["stage"], name="cases_open_stage", include=["id", *WHOSE], condition=_OPEN),
            models.Index(  # whose class waits for a person, the most urgent first
                fields=["next_due_at", "received_at", "id"],
                name="cases_in_triage",
                include=["category", "flags", *WHOSE],
                condition=Q(stage="triage"),
            ),
            # The newest first; and all that analysis counts, so that it reads this index alone.
            models.Index(fields=["-received_at", "-id"], name="cases_newest", include=COUNTED),
            models.Index(
                fields=["-received_at", "-id"],  # the newest of the closed stand behind all that is open
                name="cases_closed",
                condition=Q(stage__in=[Stage.CLOSED.value, Stage.ARCHIVED.value]),
            ),
            # For what is rare among the open: counting it must not read them all.
            models.Index(fields=["channel"], name="cases_open_channel", condition=_OPEN),
            models.Index(fields=["returns"], name="cases_open_returned", condition=_OPEN & Q(returns__gte=1)),
            models.Index(fields=["next_due_at", "id"], name="cases_open_heeded", condition=_OPEN & _HEEDED),
            models.Index(
                fields=["unanswered_since"], name="cases_unanswered", condition=Q(unanswered_since__isnull=False)
            ),
            models.Index(fields=["category", "received_at"], name="cases_category"),
            models.Index(fields=["continues"], name="cases_continues", condition=Q(continues__isnull=False)),
            models.Index(fields=["merged_into"], name="cases_merged_into", condition=Q(merged_into__isnull=False)),
            models.Index(fields=["split_from"], name="cases_split_from", condition=Q(split_from__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(level__gte=1, level__lte=4), name="cases_level_1_to_4"),
            models.CheckConstraint(
                condition=Q(outcome="") | Q(stage__in=[Stage.CLOSED.value, Stage.ARCHIVED.value]),
                name="cases_outcome_when_closed",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_open(self) -> bool:
        return self.stage in OPEN

    def is_visible_to(self, person: Any, at: datetime) -> bool:
        """`visible_to`, asked of a case in hand; a test holds the two against each other. Mostly no query."""
        span = reach(person, at)
        units, persons = (self.unit_id, self.intake_unit_id), (self.owner_id, self.first_responsible_id)
        if span.everything or any(u in span.unit_ids for u in units) or any(p in span.person_ids for p in persons):
            return True
        return Involvement.objects.filter(case=self, person_id__in=span.person_ids).exists()

    @property
    def pack(self) -> Pack:
        """The policy pack the case was received under; it governs its promises."""
        return pack_of(self.policy_id)

    @property
    def level_words(self) -> str:
        level = self.pack.level(self.level)
        return f"{level.title} · {level.name}"

    @property
    def category_words(self) -> str:
        return self.pack.sub(self.category).title if self.category else _("未分类")


# The small sets of a case that gates and pages ask for again and again, with what is read along with each.
_WITH: dict[str, tuple[str, ...]] = {
    "evidence": (),
    "facts": ("evidence", "by"),
    "findings": ("unit", "by"),
    "causes": ("fact",),
    "reports": ("author", "reviewer"),
    "info_requests": ("unit", "person", "asked_by", "ended_by"),
    "joint_tasks": ("unit", "asked_by", "done_by"),
    "supervisions": ("ordered_by", "reported_by"),
    "options": ("drafted_by",),
    "measures": ("owner", "unit", "done_by", "payment", "evidence"),
    "replies": ("author",),
    "followups": ("by",),
}
# Ids that hang on such rows and are read with them, by the name the row then has them under.
_IDS = {"findings": {"basis_ids": ArrayAgg("basis", filter=Q(basis__isnull=False), default=[])}}


def rows(case: Case, name: str) -> list[Any]:
    """One of the small sets of a case, in its own order. A page that keeps what it read asks the database once."""
    if case.kept is not None and name in case.kept:
        return case.kept[name]
    found = ask(("rows", name), lambda pk: _rows(name, pk), case.pk)
    for row in found:
        row.case = case
    if case.kept is not None:
        case.kept[name] = found
    return found


def _rows(name: str, pk: int) -> models.QuerySet[Any]:
    kind = Case._meta.get_field(name).related_model
    found = kind._default_manager.filter(case=pk).annotate(**_IDS.get(name, {}))  # type: ignore[union-attr]
    found = found.order_by(*found.model._meta.ordering)  # which a query that aggregates would not keep by itself
    return found.select_related(*_WITH[name]) if _WITH[name] else found


@contextmanager
def reading(case: Case) -> Iterator[None]:
    """Read each small set once within this: what an act checks and what it then works on are the same rows."""
    before, case.kept = case.kept, {}
    try:
        yield
    finally:
        case.kept = before


# What an act may change. The search index is derived text, identity and stream are given at birth and never change.
PROJECTED = frozenset(
    f.attname for f in Case._meta.concrete_fields if f.attname not in {"id", "stream_id", "version", "search"}
)


# What may change without making what others have open out of date.
ASIDE = frozenset({"unanswered_since"})


class Record(models.Model):
    """The standard record, 客户投诉记录单: what the customer told us and wants, in full. Source: IN-3."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, primary_key=True)
    description = models.TextField(_lazy("投诉内容"), blank=True)
    happened = models.CharField(_lazy("发生时间"), max_length=120, blank=True)
    place = models.CharField(_lazy("发生地点"), max_length=200, blank=True)
    order_number = models.CharField(_lazy("订单号"), max_length=60, blank=True)
    order_fen = models.BigIntegerField(_lazy("订单金额"), null=True)
    wishes = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    wish = models.TextField(_lazy("客户诉求"), blank=True)
    claim_fen = models.BigIntegerField(_lazy("索赔金额"), null=True)
    people_affected = models.PositiveIntegerField(_lazy("涉及人数"), null=True)
    contact_name = models.CharField(_lazy("联系人"), max_length=80, blank=True)
    contact_phone = models.CharField(_lazy("联系电话"), max_length=40, blank=True)
    contact_mail = models.CharField(_lazy("邮箱"), max_length=200, blank=True)
    business_address = models.CharField(_lazy("单位地址"), max_length=200, blank=True)
    preferred_channel = models.CharField(_lazy("希望的联系方式"), max_length=16, blank=True)
    mood = models.CharField(_lazy("客户心理"), max_length=24, blank=True)
    on_behalf_of = models.CharField(_lazy("代为投诉"), max_length=80, blank=True)
    received_by = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="+")

    # What may be corrected later, with the words a person sees. Everything else is set by its own act.
    EDITABLE = (
        "description", "happened", "place", "order_number", "order_fen", "wishes", "wish", "claim_fen",
        "people_affected", "contact_name", "contact_phone", "contact_mail", "business_address",
        "preferred_channel", "mood", "on_behalf_of",
    )  # fmt: skip


class Involvement(models.Model):
    """A person who has or had a part in a case, and so may see it wherever it goes. Source: SY-1 "involved"."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="involvements")
    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="+", db_index=False)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "case"], name="cases_involved_once")]


def involve(case: Case, *people: Any, at: datetime, rows: Together | None = None) -> None:
    """Let these people see the case from now on; written with the other `rows` if those are given."""
    if new := _newcomers(case, people):
        if rows is None:
            run(_INVOLVE, [case.pk, at, new])
        else:
            rows.change(_INVOLVE, case.pk, at, new)
        _involved(case, new)


def _newcomers(case: Case, people: Iterable[Any]) -> list[int]:
    """Whom this instance has not involved already, and within which savepoints: what may have been undone is written
    again.
    """
    done, here = case.involved or {}, list(connection.savepoint_ids)
    wanted = dict.fromkeys(p if isinstance(p, int) else p.pk for p in people if p)
    new = [pk for pk in wanted if pk not in done or done[pk] != here[: len(done[pk])]]
    return [pk for pk in new if is_news(("involved", case.pk, pk))]


def _involved(case: Case, new: Iterable[int]) -> None:
    here = list(connection.savepoint_ids)
    case.involved = {**(case.involved or {}), **{pk: here for pk in new}}


_INVOLVE = """
    INSERT INTO cases_involvement (case_id, since, person_id) SELECT %s::bigint, %s::timestamptz, unnest(%s::bigint[])
    ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Happening:
    """What `record_all` is to write down; see `record`."""

    type: str
    because: str = ""
    data: Mapping[str, Any] | None = None
    private: Mapping[str, Any] | None = None
    set: Mapping[str, Any] | None = None
    words: Mapping[str, str] | None = None
    aside: Mapping[str, Any] | None = None

    def entry(self, by: Any, at: datetime) -> journal.Entry:
        body = {k: plain(v) for k, v in (self.data or {}).items()}
        if self.set or self.aside:
            body["set"] = {k: plain(v) for k, v in {**(self.set or {}), **(self.aside or {})}.items()}
        hidden = {k: plain(v) for k, v in (self.private or {}).items()}
        if self.words:
            hidden["set"] = dict(self.words)
        return journal.Entry(self.type, by.journal_ref, at, self.because, body, hidden or None)


def record(
    case: Case,
    type: str,
    *,
    by: Any,
    at: datetime,
    because: str = "",
    data: Mapping[str, Any] | None = None,
    private: Mapping[str, Any] | None = None,
    set: Mapping[str, Any] | None = None,
    words: Mapping[str, str] | None = None,
    aside: Mapping[str, Any] | None = None,
    find: str = "",
) -> Any:
    """The one door: change the case's columns and append the event that says so, in the caller's transaction.

    `data` holds ids, enumerations, numbers and moments; `private` what somebody wrote. `set` changes columns by their
    attribute name (`owner_id`), `words` changes those that hold personal words (`subject`). The update is guarded by
    the version as read: Overtaken when another act was first. `aside` changes columns that no form is filled in by, so
    whoever has one open is not overtaken. By `find` the case is found from now on. Returns the event.
    """
    return record_all(case, [Happening(type, because, data, private, set, words, aside)], by=by, at=at, find=find)[0]


def record_all(case: Case, happenings: Sequence[Happening], *, by: Any, at: datetime, find: str = "") -> list[Any]:
    """Several events of one act, in their order, at the price of one: the columns are changed once.

    The row of the case is taken before its journal, always: two acts on one case wait for each other in turn, never in
    a circle.
    """
    if find and taken() is not None:
        add_words(case, find)
        find = ""
    changes: dict[str, Any] = {}
    aside: dict[str, Any] = {}
    for happening in happenings:
        changes |= {**(happening.set or {}), **(happening.words or {})}
        aside |= happening.aside or {}
    entries = [happening.entry(by, at) for happening in happenings]
    if changes:
        return _changed(case, {**changes, **aside}, find, entries, by=by, at=at)
    if aside:
        _change_aside(case, aside, find)
    elif find:
        add_words(case, find)
    else:
        take(case)
    if by.journal_ref.startswith("staff:"):
        involve(case, by, at=at)
    return journal.append(case.stream, entries)


def _changed(
    case: Case, changes: Mapping[str, Any], find: str, entries: Sequence[journal.Entry], *, by: Any, at: datetime
) -> list[Any]:
    """Columns, stay, who is involved and the journal: one statement. The row of the case is its first part."""
    unknown = changes.keys() - PROJECTED
    assert not unknown, f"not columns of a case that an act may change: {unknown}"
    sets = [f'"{name}" = %s' for name in changes]
    params = [_stored(name, value) for name, value in changes.items()]
    if find:
        sets.append(f"search = {_GROWN}")
        params.append(tsvector_text(find))
    parts = [f"changed AS (UPDATE cases_case SET {', '.join(sets)}, version = version + 1 {_AS_READ} RETURNING id)"]
    params += [case.pk, case.version]
    if "stage" in changes:
        moved, given = stay.moves(case.stage, changes["stage"], at)
        parts.append(moved)
        params += given
    if new := _newcomers(case, [by] if by.journal_ref.startswith("staff:") else []):
        parts.append(_INVOLVE_TOO)
        params += [at, new]
    try:
        events = journal.append(case.stream, entries, journal.Along(", ".join(parts), params))
    except journal.Unchanged:
        words = _("「{number}」刚被他人更新，请刷新后再试；您填写的内容仍在")
        raise Overtaken(words.format(number=case.number)) from None
    _involved(case, new)
    for name, value in changes.items():
        setattr(case, name, value)
    case.version += 1
    return events


def _stored(column: str, value: Any) -> Any:
    return _COLUMNS[column].get_db_prep_save(value.value if isinstance(value, Enum) else value, connection)


_COLUMNS: dict[str, Any] = {f.attname: f for f in Case._meta.concrete_fields}
_AS_READ = "WHERE id = %s AND version = %s"
_INVOLVE_TOO = """
    involved AS (
        INSERT INTO cases_involvement (case_id, since, person_id)
        SELECT id, %s::timestamptz, unnest(%s::bigint[]) FROM changed ON CONFLICT DO NOTHING)"""
_GROWN = "COALESCE(search, ''::tsvector) || %s::tsvector"  # the index grows, nothing leaves it


def _change_aside(case: Case, changes: Mapping[str, Any], find: str) -> None:
    assert changes.keys() <= ASIDE, f"not columns that may change aside: {changes.keys() - ASIDE}"
    Case.objects.filter(pk=case.pk).update(**changes, **_found(find))
    for name, value in changes.items():
        setattr(case, name, value)


def _found(find: str) -> dict[str, Any]:
    return {"search": RawSQL(_GROWN, [tsvector_text(find)])} if find else {}


def take(case: Case) -> None:
    """Hold the row until the transaction ends; nothing of it is read, for it is as wide as what was said."""
    once(("taken", case.pk), lambda: _take(case.pk))


def _take(pk: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM cases_case WHERE id = %s FOR NO KEY UPDATE", [pk])


def differing(case: Case, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `columns` that would change the case; for `set`."""
    return {name: value for name, value in columns.items() if getattr(case, name) != value}


_PLAIN = frozenset({str, int, bool})


def plain(value: Any) -> Any:
    """A value as the journal keeps it: JSON without floats; moments as UTC text, days as ISO text, models as their
    id.
    """
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, models.TextChoices | models.IntegerChoices):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | frozenset):
        return [plain(v) for v in value]
    return value


def fold(case: Case) -> dict[str, Any]:
    """The projected columns as the case's journal alone tells them, in JSON form: {column: value}."""
    columns: dict[str, Any] = {}
    for event in journal.Event.objects.filter(stream_id=case.stream_id).order_by("seq"):
        columns |= event.data.get("set", {})
        columns |= (event.private or {}).get("set", {})
    return columns


def add_words(case: Case, *texts: str) -> None:
    """Make more of what was said findable. In one breath: at its end."""
    if (breath := taken()) is not None:
        known = breath.known.setdefault(("words", case.pk), [])
        known += texts
        breath.at_end.setdefault(("words", case.pk), lambda: _index(case.pk, known))
        return
    _index(case.pk, texts)


def _index(pk: int, texts: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE cases_case SET search = {_GROWN} WHERE id = %s", [words_of(*texts), pk])


def words_of(*texts: str) -> str:
    """What `search` holds of these texts, for `%s::tsvector`."""
    return tsvector_text("\n".join(t for t in texts if t))


def flag(case: Case, *names: str) -> list[str]:
    """The case's flags with these added, in order, for `set`."""
    return [*case.flags, *(n for n in names if n not in case.flags)]


def unflag(case: Case, names: Iterable[str]) -> list[str]:
    """The case's flags without these, for `set`."""
    gone = frozenset(names)
    return [f for f in case.flags if f not in gone]

"""The pack over time: drafted by one person, published by another from a date on, never rewritten. Source: SY-7.

version = in_force(at)          # the row a case remembers
pack(version.pk)                # its Pack, kept in memory: what is published does not change
calendar("standard")            # a working calendar of the pack with all known holidays
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.signals import request_started
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wenguo import journal
from wenguo.compiled import run
from wenguo.errors import Invalid, NotFound, NotNow, NotYours, Overtaken
from wenguo.people.actor import SYSTEM, Actor, permit, record

from . import checks, holidays, loading
from .calendar import ALWAYS, Calendar, Day, parse_hours
from .parts import CalendarSpec
from .schema import Missing, Pack
from .told import told

DRAFTED = journal.define("policy.drafted", gettext_lazy("起草政策版本"))
PUBLISHED = journal.define("policy.published", gettext_lazy("发布政策版本"))
DISCARDED = journal.define("policy.discarded", gettext_lazy("作废政策草稿"))
NOTICE = journal.define("calendar.notice_imported", gettext_lazy("导入放假安排"))

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # the standard pack governs whatever was received before any other
FRESH_SECONDS = 2.0  # outside a request, look at most so often whether a calendar changed


class Versions(models.QuerySet["PolicyVersion"]):
    def published(self) -> Versions:
        return self.filter(state=PolicyVersion.State.PUBLISHED)

    def effective(self, at: Any) -> Versions:
        """Published and effective at this moment, the one in force first."""
        return self.published().filter(effective_from__lte=at).order_by("-effective_from", "-number")


class PolicyVersion(models.Model):
    class State(models.TextChoices):
        DRAFT = "draft", gettext_lazy("草稿")
        PUBLISHED = "published", gettext_lazy("已发布")
        DISCARDED = "discarded", gettext_lazy("已作废")

    number = models.PositiveIntegerField(gettext_lazy("版本"), unique=True)
    title = models.CharField(gettext_lazy("名称"), max_length=120)
    note = models.TextField(gettext_lazy("说明"), blank=True, default="")
    content = models.JSONField(gettext_lazy("内容"))
    digest = models.CharField(gettext_lazy("摘要"), max_length=64)
    state = models.CharField(gettext_lazy("状态"), max_length=16, choices=State.choices, default=State.DRAFT)
    based_on = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    effective_from = models.DateTimeField(gettext_lazy("生效时间"), null=True)
    drafted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField(gettext_lazy("起草时间"))
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(gettext_lazy("发布时间"), null=True)

    objects = Versions.as_manager()

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.CheckConstraint(
                name="policy_published_is_dated",
                condition=~Q(state="published") | Q(effective_from__isnull=False, published_at__isnull=False),
            ),
            models.CheckConstraint(
                name="policy_published_by_another",
                condition=Q(drafted_by__isnull=True) | Q(published_by__isnull=True) | ~Q(published_by=F("drafted_by")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.title} v{self.number}"

    @property
    def from_the_beginning(self) -> bool:
        """The standard pack governs whatever was received before any other version."""
        return self.effective_from == BEGINNING

    @property
    def pack(self) -> Pack:
        return pack(self.pk)


class Holiday(models.Model):
    """A day of an imported notice. Days up to the last shipped year need no row."""

    year = models.PositiveSmallIntegerField(gettext_lazy("年度"))  # of the notice; the day may lie in December before
    date = models.DateField(gettext_lazy("日期"))
    name = models.CharField(gettext_lazy("名称"), max_length=40)
    off = models.BooleanField(gettext_lazy("放假"))
    source = models.CharField(gettext_lazy("来源"), max_length=200, blank=True, default="")

    class Meta:
        ordering = ("date", "year")
        constraints = (models.UniqueConstraint(fields=("year", "date"), name="policy_holiday_once"),)

    def __str__(self) -> str:
        return f"{self.date} {self.name}"


# ── the version in force ──────────────────────────────────────────────────────────────────────────────────


def in_force(at: datetime) -> PolicyVersion:
    """The version in force at this moment, without its content (see `.pack`). NotFound: none is published yet."""
    found = next((version for version in _state().versions if version.effective_from <= at), None)
    if found is None:
        raise NotFound(_("还没有已生效的政策版本，请先安装标准政策包"))
    return found


def current_pack() -> Pack:
    """The pack in force at this moment of the request. It costs nothing beside a calendar that was asked for."""
    return pack(_state().version_id)


@lru_cache(maxsize=32)
def pack(version_id: int) -> Pack:
    """The pack of a version; kept in memory, since the content of a version never changes. DoesNotExist: no such."""
    return Pack.model_validate(PolicyVersion.objects.values_list("content", flat=True).get(pk=version_id))


def digest_of(content: Any) -> str:
    """SHA-256 of the content as canonical JSON, in hex."""
    plain = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


# ── acts ──────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def install_standard(*, at: datetime) -> PolicyVersion:
    """First start: publish the standard pack, by the system, governing from the beginning. Afterwards: does nothing."""
    if (found := PolicyVersion.objects.published().defer("content").order_by("number").first()) is not None:
        return found
    made = _new(loading.standard(), note="", by=SYSTEM, at=at, based_on=None)
    fields = {"state": PolicyVersion.State.PUBLISHED, "effective_from": BEGINNING, "published_at": at}
    PolicyVersion.objects.filter(pk=made.pk).update(**fields)
    made.refresh_from_db()
    _tell(PUBLISHED, made, by=SYSTEM, at=at, effective_from=BEGINNING.isoformat())
    forget()
    return made


ensure_standard = install_standard


@transaction.atomic
def draft(files: Mapping[str, bytes | str] | Path, *, by: Actor, at: datetime, note: str = "") -> PolicyVersion:
    """A new draft from YAML files {name: content} or a folder. Sections not given are those of the latest version.

    NotYours: may not draft. PackInvalid: every mistake with file and line. Invalid: nothing would change.
    """
    permit(by, "policy.draft", at)
    if isinstance(files, Path):
        files = {f.name: f.read_bytes() for f in sorted(files.glob("*.y*ml"))}
    if not files:
        raise Invalid(_("请选择政策文件（.yaml）"), fields={"files": _("没有收到文件")})
    latest = _latest()
    new = loading.read(files, base=pack(latest.pk) if latest else None)
    if latest is not None and new == pack(latest.pk):
        raise Invalid(_("与第 {n} 版完全相同，没有需要发布的改动").format(n=latest.number))
    made = _new(new, note=note, by=by, at=at, based_on=latest)
    _tell(DRAFTED, made, by=by, at=at, based_on=latest.number if latest else None, note=note)
    return made


@transaction.atomic
def revise(sections: Mapping[str, Any], *, on: PolicyVersion, by: Actor, at: datetime, note: str = "") -> PolicyVersion:
    """A new draft: `on` with these sections otherwise. `on` is the latest published version, or a draft of one's own,
    which the new one replaces. Back at what is published: the draft goes, and the published version is returned.

    NotYours: may not draft, or somebody else's draft. NotNow: no draft any more. Overtaken: another version was
    published meanwhile. Invalid: what is wrong, or nothing would change.
    """
    permit(by, "policy.draft", at)
    on = PolicyVersion.objects.select_for_update(of=("self",)).defer("content").get(pk=on.pk)
    latest = _latest()
    is_draft = on.state == PolicyVersion.State.DRAFT
    if is_draft and by.journal_ref != _ref(on.drafted_by_id):
        raise NotYours(_("第 {n} 版草稿由他人起草，请本人修改").format(n=on.number))
    if not is_draft and on.state != PolicyVersion.State.PUBLISHED:
        raise NotNow(_("第 {n} 版草稿已经作废或换成了新的一版，请刷新").format(n=on.number))
    if latest is None or (on.based_on_id if is_draft else on.pk) != latest.pk:
        raise Overtaken(_("其间又发布了新的版本，请在它的基础上重新修改"))
    try:
        new = Pack.model_validate({**pack(on.pk).model_dump(mode="json"), **sections})
    except ValueError as wrong:
        raise Invalid(_("内容有误，没有保存：{why}").format(why=str(wrong).splitlines()[-2].strip()[:200])) from wrong
    if found := checks.check(new):
        raise Invalid(_("内容有误，没有保存：{why}").format(why=_("；").join(m for _loc, m in found[:3])))
    if new == pack(on.pk):
        raise Invalid(_("没有改动，不必保存"))
    if is_draft:
        discard(on, by=by, at=at)
    if new == pack(latest.pk):
        return latest
    made = _new(new, note=note or on.note if is_draft else note, by=by, at=at, based_on=latest)
    _tell(DRAFTED, made, by=by, at=at, based_on=latest.number, note=note)
    return made


@transaction.atomic
def publish(version: PolicyVersion, *, effective_from: datetime, by: Actor, at: datetime) -> PolicyVersion:
    """Let a draft take effect; a second person, and never for the past.

    NotYours: may not publish, or drafted it. Invalid: effective before now. NotNow: no draft any more. Overtaken:
    another version was published since it was drafted.
    """
    permit(by, "policy.publish", at)
    if by.journal_ref == _ref(version.drafted_by_id):
        raise NotYours(_("起草人不能发布自己起草的版本，请由另一人发布"))
    if effective_from < at:
        raise Invalid(
            _("生效时间不能早于现在：已经作出的承诺不因新政策改写"), fields={"effective_from": _("请选择以后的时间")}
        )
    latest = _latest()
    if version.state == PolicyVersion.State.DRAFT and latest is not None and version.based_on_id != latest.pk:
        message = _("起草之后又发布了第 {n} 版，请在它的基础上重新起草")
        raise Overtaken(message.format(n=latest.number))
    if found := checks.check(pack(version.pk)):
        raise Invalid(_("草稿没有通过检查：{why}").format(why=_("；").join(message for _loc, message in found[:5])))
    changed = PolicyVersion.objects.filter(pk=version.pk, state=PolicyVersion.State.DRAFT).update(
        state=PolicyVersion.State.PUBLISHED,
        effective_from=effective_from,
        published_by_id=getattr(by, "pk", None),
        published_at=at,
    )
    if not changed:
        raise NotNow(_("该版本不是草稿，不能发布"))
    version.refresh_from_db()
    _tell(PUBLISHED, version, by=by, at=at, effective_from=effective_from.isoformat())
    forget()
    return version


@transaction.atomic
def discard(version: PolicyVersion, *, by: Actor, at: datetime) -> None:
    """Drop a draft; its row stays. NotYours: may not draft. NotNow: no draft any more."""
    permit(by, "policy.draft", at)
    drafts = PolicyVersion.objects.filter(pk=version.pk, state=PolicyVersion.State.DRAFT)
    if not drafts.update(state=PolicyVersion.State.DISCARDED):
        raise NotNow(_("该版本不是草稿，不能作废"))
    version.refresh_from_db()
    _tell(DISCARDED, version, by=by, at=at)


def _latest() -> PolicyVersion | None:
    """The version published last, whether or not it is effective yet: the one the next draft builds on."""
    return PolicyVersion.objects.published().defer("content").order_by("-published_at", "-number").first()


def _new(new: Pack, *, note: str, by: Actor, at: datetime, based_on: PolicyVersion | None) -> PolicyVersion:
    content = new.model_dump(mode="json")
    number = (PolicyVersion.objects.aggregate(top=models.Max("number"))["top"] or 0) + 1
    try:
        with transaction.atomic():
            return PolicyVersion.objects.create(
                number=number,
                title=new.title[:120],
                note=note,
                content=content,
                digest=digest_of(content),
                based_on=based_on,
                drafted_by_id=getattr(by, "pk", None),
                drafted_at=at,
            )
    except IntegrityError as taken:
        raise Overtaken(_("刚刚有人起草了另一个版本，请再试一次")) from taken


def _tell(type: str, version: PolicyVersion, *, by: Actor, at: datetime, note: str = "", **data: Any) -> None:
    facts = {"number": version.number, "version": version.pk, "digest": version.digest, **data}
    record("policy", "pack", type, by=by, at=at, data=facts, private={"note": note} if note else None)


def _ref(person_id: int | None) -> str:
    return "system" if person_id is None else f"staff:{person_id}"


# ── the working calendars ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Notice:
    """What an imported notice changed: days it added, days it names differently, days that are ordinary again."""

    year: int
    days: int
    changes: tuple[str, ...]


@dataclass(frozen=True)
class CalendarWarning:
    """A year whose holidays are unknown although dates in it are being promised. `grave`: it is this very year."""

    year: int
    grave: bool
    message: str


@transaction.atomic
def import_notice(
    raw: dict[str, Any] | str | bytes, *, by: Actor, at: datetime, source: str = "", check_only: bool = False
) -> Notice:
    """Take in a year's notice of holidays and make-up days; a second import of a year replaces the first.

    `raw`: JSON or CSV as `holidays.parse_notice` reads it. `check_only`: change nothing, say what would change.
    NotYours: may not import. Invalid: with each bad line.
    """
    permit(by, "calendar.import", at)
    notice = holidays.parse_notice(raw)
    known, _years = holidays.merged(_notices())
    others = [n for n in _notices() if n.year != notice.year]
    new, _years = holidays.merged([*others, notice])
    changes = tuple(_changed_days(known, new))
    if check_only:
        return Notice(notice.year, len(notice.days), changes)
    Holiday.objects.filter(year=notice.year).delete()
    Holiday.objects.bulk_create(
        Holiday(year=notice.year, date=day, name=kind.name, off=kind.off, source=source[:200])
        for day, kind in notice.days.items()
    )
    days = [{"date": day.isoformat(), "name": kind.name, "off": kind.off} for day, kind in notice.days.items()]
    record("policy", "calendar", NOTICE, by=by, at=at, data={"year": notice.year, "days": days})
    forget()
    return Notice(notice.year, len(notice.days), changes)


def known_years() -> frozenset[int]:
    """The years whose official notice is known: shipped or imported."""
    return holidays.known_years() | set(Holiday.objects.values_list("year", flat=True).distinct())


def calendar_warnings(at: datetime) -> list[CalendarWarning]:
    """Years that promises made now will touch and whose holidays are unknown. Next year counts from November on."""
    today = at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    known = known_years()
    found = []
    if today.year not in known:
        message = _("{year} 年的放假安排尚未导入，时限暂按法定节日推算，调休未计入")
        found.append(CalendarWarning(today.year, True, message.format(year=today.year)))
    if today.month >= 11 and today.year + 1 not in known:
        message = _("{year} 年的放假安排尚未导入，跨年的时限暂按法定节日推算；通知发布后请及时导入")
        found.append(CalendarWarning(today.year + 1, False, message.format(year=today.year + 1)))
    return found


def calendar(code: str, *, version_id: int | None = None) -> Calendar:
    """The working calendar called `code`, of a version (default: the one in force now), with all known holidays.

    A calendar the newest pack no longer has is taken from the last version that had it. Missing: there never was one.
    Kept in memory; a change of the tables is seen at the next request, elsewhere within FRESH_SECONDS.
    """
    state = _state()
    return _calendar(code, version_id or state.version_id, state.last_holiday)


@dataclass(frozen=True)
class _State:
    versions: list[Any]  # published, without their content, the newest to take effect first
    last_holiday: int  # rows are replaced, never edited: a change always moves this on
    read_at: float

    @property
    def version_id(self) -> int:
        return int(in_force(datetime.now(UTC)).pk)


class _Kept(threading.local):
    state: _State | None = None  # as this request, or this thread, knows it


_kept = _Kept()


def forget(**_signal: Any) -> None:
    """Look again, at the next use, which version is in force and whether the holidays changed."""
    _kept.state = None


request_started.connect(forget, dispatch_uid="wenguo.policy.versions.forget")


def _state() -> _State:
    kept = _kept.state
    if kept is None or time.monotonic() - kept.read_at >= FRESH_SECONDS:
        kept = _heard(run(_EDITION)[0][0])
    if not kept.versions:
        raise NotFound(_("还没有已生效的政策版本，请先安装标准政策包"))
    return kept


def _heard(edition: str) -> _State:
    """The state of this edition, read anew if it is another than the last."""
    read = _read[0] if _read else None
    if read is None or read[0] != edition:
        published = PolicyVersion.objects.published().order_by("-effective_from", "-number")
        read = (edition, list(published.defer("content")))
        _read[:] = [read]
    _kept.state = state = _State(read[1], int(edition.partition(" ")[0]), time.monotonic())
    return state


# The newest holiday, and every version as the row it is now (xmin and ctid change with each change of a row).
_EDITION = """
    SELECT concat_ws(' ', (SELECT coalesce(max(id), 0) FROM policy_holiday),
        (SELECT string_agg(id || ':' || xmin::text || ctid::text, ' ' ORDER BY id) FROM policy_policyversion))
"""
LOOK = (_EDITION, _heard)  # for who asks something else at the beginning of a request: the question, and who hears it
_read: list[tuple[str, list[Any]]] = []  # the versions, and of which edition


@lru_cache(maxsize=64)
def _calendar(code: str, version_id: int, last_holiday: int) -> Calendar:
    return build(_spec(code, version_id), _notices())


def _spec(code: str, version_id: int) -> CalendarSpec:
    older = PolicyVersion.objects.published().order_by("-effective_from", "-number").values_list("pk", flat=True)
    for pk in [version_id, *older]:
        try:
            return pack(pk).calendar_spec(code)
        except Missing:
            continue
    raise Missing(f"calendar: {code}")


def build(spec: CalendarSpec, notices: Iterable[holidays.Notice] = ()) -> Calendar:
    """A Calendar from its description in the pack and the notices imported beyond the shipped ones."""
    if spec.always:
        return Calendar(week=ALWAYS.week, known_years=None, code=spec.code, title=spec.title, tz=settings.TIME_ZONE)
    week = {day - 1: parse_hours(opening.hours) for opening in spec.weekly for day in opening.days}
    days: Mapping[date, Day]
    days, known = holidays.merged(notices) if spec.holidays else ({}, None)
    return Calendar(
        week=week,
        days=days,
        known_years=known,
        code=spec.code,
        title=spec.title,
        tz=settings.TIME_ZONE,
        makeup=parse_hours(spec.makeup),
    )


def _notices() -> list[holidays.Notice]:
    years: dict[int, dict[date, Day]] = {}
    for year, day, name, off in Holiday.objects.values_list("year", "date", "name", "off"):
        years.setdefault(year, {})[day] = Day(name, off)
    return [holidays.Notice(year, dict(sorted(days.items()))) for year, days in sorted(years.items())]


def _changed_days(old: Mapping[date, Day], new: Mapping[date, Day]) -> Iterable[str]:
    for day in sorted(old.keys() | new.keys()):
        before, after = old.get(day), new.get(day)
        if before != after:
            yield f"{day.isoformat()} {_kind(before)} → {_kind(after)}"


def _kind(day: Day | None) -> str:
    if day is None:
        return _("平日")
    name = told(day.name)
    return _("{name}放假").format(name=name) if day.off else _("{name}调休上班").format(name=name)

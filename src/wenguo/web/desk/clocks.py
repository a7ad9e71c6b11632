"""Forms of the promises: 暂停、恢复、延期."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases import clock
from wenguo.cases.case import Channel
from wenguo.cases.clock import Consent, State
from wenguo.policy.told import told
from wenguo.web.desk.common import act_form, of_case
from wenguo.web.desk.folder import Chip, Folder
from wenguo.web.given import Given

TIME = _lazy("时限")


def _nothing_runs(folder: Folder) -> str:
    if any(c.clock.state == State.RUNNING and c.clock.pausable for c in folder.clocks):
        return ""
    return _("没有可以暂停的时限；法定时限不因等待客户而暂停")


def _pause_reasons(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    running = {c.clock.kind for c in folder.clocks if c.clock.state == State.RUNNING and c.clock.pausable}
    titles = {c.clock.kind: told(c.clock.title) for c in folder.clocks}
    return {
        "reasons": [(r, [titles[k] for k in r.pauses if k in running]) for r in folder.case.pack.pause_reasons],
    }


@act_form(
    "pause", "desk/case/acts/pause.html", context=_pause_reasons, why=_nothing_runs, group=TIME, symbol="player-pause"
)
def pause(request: HttpRequest, folder: Folder, given: Given) -> str:
    reason = given.choice("reason", _("暂停原因"), {r.code for r in folder.case.pack.pause_reasons})
    words = given.text("words", _("在等什么"), most=2000)
    given.check()
    paused = clock.pause(folder.case, reason, words, by=folder.person, at=folder.at)
    return _("已暂停：{titles}").format(titles=_("、").join(told(c.title) for c in paused))


def _nothing_paused(folder: Folder) -> str:
    return "" if any(c.clock.state == State.PAUSED for c in folder.clocks) else _("没有暂停中的时限")


@act_form("resume", "desk/case/acts/resume.html", why=_nothing_paused, group=TIME, symbol="player-play")
def resume(request: HttpRequest, folder: Folder, given: Given) -> str:
    words = given.text("words", _("说明"), most=2000, optional=True)
    given.check()
    clock.resume(folder.case, by=folder.person, at=folder.at, words=words)
    return _("已恢复计时")


def _extendable(folder: Folder) -> list[Chip]:
    return [
        c for c in folder.clocks if c.clock.state == State.RUNNING and c.clock.due_at and c.clock.due_at > folder.at
    ]


def _nothing_to_extend(folder: Folder) -> str:
    return "" if _extendable(folder) else _("没有可以延期的时限；已过的时限不能再延期，请向客户说明")


def _extension(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    pack = folder.case.pack
    return {
        "chips": _extendable(folder),
        "days": pack.thresholds.extension_consent_days,
        "most": pack.thresholds.extensions_max,
        "channels": [
            (c.value, str(c.label))
            for c in (Channel.PHONE, Channel.MAIL, Channel.WECHAT, Channel.COUNTER, Channel.LETTER, Channel.WEB)
        ],
    }


@act_form(
    "extend",
    "desk/case/acts/extend.html",
    context=_extension,
    why=_nothing_to_extend,
    group=TIME,
    symbol="calendar-plus",
)
def extend(request: HttpRequest, folder: Folder, given: Given) -> str:
    found = of_case(folder.case.clocks.all(), given.raw("clock"), _("时限"))
    until = given.moment("until", _("新期限"))
    if until is None:
        given.refuse("until", _("请填写新期限"))
    reason = given.text("reason", _("延期原因"), most=2000)
    who = given.text("consent_by", _("同意人"), most=80, optional=found.kind == "statutory")
    channel = given.choice("consent_channel", _("同意的渠道"), set(Channel.values), optional=found.kind == "statutory")
    when = given.moment("consent_at", _("同意的时间"))
    if found.kind != "statutory" and when is None:
        given.refuse("consent_at", _("请填写客户同意的时间"))
    given.check()
    assert until is not None
    consent = Consent(who, channel, when) if who and channel and when else None
    clock.extend(folder.case, found, until, reason, consent=consent, by=folder.person, at=folder.at)
    return _("已延期，请按新期限办理并告知客户")


def _ruled(regime: Any, allowance: str) -> str:
    words = _("{name}：{said}").format(name=told(regime.title), said=told(allowance))
    return words if regime.verified else words + _("（待法务核对）")


def _regimes(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    pack, day = folder.case.pack, folder.at.date()
    ruled = {r.regime: r for r in pack.clocks.rules if r.kind == "statutory"}
    return {
        "regimes": [
            (r.code, _ruled(r, ruled[r.code].allowance.words))
            for r in pack.clocks.regimes
            if r.code in ruled and r.in_force(day)
        ]
    }


@act_form("set_deadline", "desk/case/acts/set_deadline.html", context=_regimes, group=TIME, symbol="gavel")
def set_deadline(request: HttpRequest, folder: Folder, given: Given) -> str:
    known = {r.code for r in folder.case.pack.clocks.regimes}
    regime = given.choice("regime", _("法定时限"), known, optional=True)
    until = given.moment("until", _("来件时限"))
    title = given.text("title", _("来件机关与文号"), most=100, optional=True)
    given.check()
    clock.set_deadline(folder.case, regime=regime, until=until, title=title, by=folder.person, at=folder.at)
    return _("已登记法定期限")

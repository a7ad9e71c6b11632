"""Promises: standing still for a reason, running on, a later date with consent. Source: TR-8."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninja import Field, Schema

from wenguo.api.acting import Chapter, On
from wenguo.api.shapes import Body, Channel, Code, Id, Line, Moment, Words
from wenguo.cases import clock

chapter = Chapter("clock")


class PauseIn(Body):
    reason: Code = Field(description="政策中「暂停原因」的代码")
    words: Words = Field(description="在等什么")


class ResumeIn(Body):
    words: Words = ""


class ConsentIn(Body):
    """客户的同意：谁、何时、通过什么渠道。"""

    by: Line
    channel: Channel
    at: Moment

    def as_told(self) -> clock.Consent:
        return clock.Consent(by=self.by, channel=self.channel, at=self.at)


class ExtendIn(Body):
    clock: Id
    until: Moment
    reason: Words
    consent: ConsentIn | None = Field(None, description="法定时限以外必填")


class DeadlineIn(Body):
    regime: Code = Field("", description="政策中法定时限的代码；与 until 二者取一")
    until: Moment | None = Field(None, description="来件机关写明的时限")
    title: Line = Field("", description="来件机关与文号")


class ExtensionOut(Schema):
    id: int
    clock_id: int
    old_due_at: datetime
    new_due_at: datetime
    consent_at: datetime | None
    consent_channel: str
    granted_by_id: int
    granted_at: datetime


@chapter.act("pause")
def pause(on: On, body: PauseIn) -> None:
    """法定时限从不因等待客户而暂停。"""
    clock.pause(on.case, body.reason, body.words, by=on.by, at=on.at)


@chapter.act("resume")
def resume(on: On, body: ResumeIn) -> None:
    clock.resume(on.case, by=on.by, at=on.at, words=body.words)


@chapter.act("extend", gives=ExtensionOut)
def extend(on: On, body: ExtendIn) -> Any:
    """须在原期限到期前，并登记客户的同意。"""
    found = on.row(on.case.clocks.all(), body.clock, "时限")
    consent = body.consent.as_told() if body.consent else None
    return clock.extend(on.case, found, body.until, body.reason, consent=consent, by=on.by, at=on.at)


@chapter.act("set_deadline")
def set_deadline(on: On, body: DeadlineIn) -> None:
    """按政策中的法定时限，或按来件写明的日期；不因等待客户而暂停。"""
    clock.set_deadline(on.case, regime=body.regime, until=body.until, title=body.title, by=on.by, at=on.at)

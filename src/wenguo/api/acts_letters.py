"""Words with the customer, and notes among ourselves. Source: RP-5, TR-8 (a response tells how it will be handled)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ninja import Field

from wenguo.api.acting import Chapter, On
from wenguo.api.shapes import Body, Channel, EventOut, Line, Words, masked_for
from wenguo.cases import letters, unanswered
from wenguo.cases.case import Case
from wenguo.cases.covered import as_received
from wenguo.journal import Event, is_public, title_of

chapter = Chapter("letters")


class SayIn(Body):
    subject: Line = Field("", description="邮件主题；空则用编号")
    text: Words
    response: bool = Field(False, description="已告知将如何办理：首次响应时限达成")


class CalledIn(Body):
    outcome: Literal["reached", "no_answer", "refused"]
    text: Words = Field("", description="通话内容；接通时必填")
    response: bool = False
    minutes: Annotated[int, Field(ge=0, le=1440)] = 0


class HearIn(Body):
    text: Words = Field(description="客户说的话")
    channel: Channel = "phone"


class NoteIn(Body):
    text: Words


def event_out(event: Event, viewer: Any, case: Case | None = None) -> EventOut:
    """An event as it is shown to `viewer`: with its words, personal fields masked; `case` where it may be the letter
    of an authority.
    """
    words = masked_for(viewer, event.private)
    if case is not None and words and event.type in {"case.received", "case.joined"}:
        words = {k: as_received(case, v, viewer) if isinstance(v, str) else v for k, v in words.items()}
    return EventOut(
        seq=event.seq, type=event.type, title=title_of(event.type), at=event.at, by=event.by, because=event.because,
        public=is_public(event.type), data=event.data, words=words,
        hash=bytes(event.hash).hex(),
    )  # fmt: skip


@chapter.act("say", of=["message"], summary="写给客户", gives=EventOut)
def say(on: On, body: SayIn) -> EventOut:
    """在进度页面可见；有邮箱的同时发邮件。"""
    event = letters.say(on.case, body.subject, body.text, response=body.response, by=on.by, at=on.at)
    return event_out(event, on.by)


@chapter.act("called", of=["message"], summary="登记通话", gives=EventOut)
def called(on: On, body: CalledIn) -> EventOut:
    event = letters.called(
        on.case, body.outcome, body.text, response=body.response, minutes=body.minutes, by=on.by, at=on.at
    )
    return event_out(event, on.by)


@chapter.act("hear", of=["message"], summary="登记客户的话", gives=EventOut)
def hear(on: On, body: HearIn) -> EventOut:
    """客户另外说的话；因等待客户而暂停的时限随之恢复。"""
    return event_out(letters.hear(on.case, body.text, channel=body.channel, by=on.by, at=on.at), on.by)


@chapter.act("heed", gives=EventOut)
def heed(on: On) -> EventOut:
    """客户留言已读，不用回复。"""
    return event_out(unanswered.heed(on.case, by=on.by, at=on.at), on.by)


@chapter.act("note", gives=EventOut)
def note(on: On, body: NoteIn) -> EventOut:
    return event_out(letters.note(on.case, body.text, by=on.by, at=on.at), on.by)

"""What the commands of the other rooms do and print; `cli.py` only reads the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from django.db import transaction

from wenguo.config.language import speak, words
from wenguo.errors import NotFound

Bar = Callable[[int | None, str, str], AbstractContextManager[Callable[..., None]]]


def _person(username: str) -> Any:
    from wenguo.people.staff import Person

    person = Person.objects.filter(username=username).first()
    if person is None:
        raise NotFound(words(f"没有用户「{username}」", f"there is no user {username}"))
    return person


def token(username: str, name: str, scopes: Sequence[str], expires_at: datetime, *, at: datetime) -> str:
    """The secret, to be shown once."""
    from wenguo.people import tokens
    from wenguo.people.actor import SYSTEM

    speak()
    return tokens.issue(_person(username), name, scopes, expires_at, by=SYSTEM, at=at)


def train(bar: Bar, *, if_news: bool, at: datetime) -> None:
    """Teach a candidate, and say what it can do. NotNow, in words: nothing decided, too little, already at it."""
    from wenguo.cases import learning
    from wenguo.people.actor import SYSTEM

    speak()
    if if_news and not learning.has_news(at):
        click.echo(words("没有新的人工定类，不训练", "nothing new was decided: no training"))
        return
    steps = {
        "collect": words("读取已定类的投诉件", "reading decided cases"),
        "teach": words("训练", "teaching"),
        "network": words("读整句的意思", "reading the sense of whole texts"),
        "measure": words("在留出件上比较", "comparing on held-out cases"),
    }
    with bar(None, words("训练", "train"), words("件", "cases")) as show:
        said = ""

        def progress(done: int, of: int, step: str) -> None:
            nonlocal said
            if step != said:
                said = step
                click.echo(steps[step], err=True)
                show(0, of)
            show(done, of)

        made = learning.train(by=SYSTEM, at=at, progress=progress)
    own, before = made.evaluation["own"], made.evaluation["before"]

    def share(figures: dict[str, Any]) -> str:
        return f"{figures['accuracy']:.3f} [{figures['low']:.3f}, {figures['high']:.3f}]"

    click.echo(
        words(
            f"候选第 {made.number} 版：用 {made.examples} 件（其中更正 {made.corrections} 件）训练；"
            f"{made.held_out} 件留出件上正确 {share(own)}，在用模型 {share(before)}。"
            "请管理员在「管理 → 分类模型」决定是否启用",
            f"candidate {made.number}: taught with {made.examples} cases ({made.corrections} corrected);"
            f" right on {made.held_out} held-out cases {share(own)}, model in force {share(before)}."
            " An administrator decides on the page",
        )
    )


def verify(number: str | None, bar: Bar) -> int:
    """The exit code: 0 when every link holds, 1 when one is broken."""
    from wenguo import journal

    speak()
    if number is not None:
        stream = journal.Stream.objects.filter(ref=number).first()
        if stream is None:
            raise NotFound(words(f"没有「{number}」的记录", f"there is no record of {number}"))
        verdict = journal.verify(stream)
        return _show({} if verdict.ok else {stream.name: verdict}, 0 if verdict.ok else 1, 1, verdict.events)
    with bar(None, words("核对", "verify"), words("条", "events")) as show:
        summary = journal.verify_all(show)
    return _show(summary.broken, summary.broken_count, summary.streams, summary.events)


def _show(broken: dict[str, Any], count: int, streams: int, events: int) -> int:
    for where, verdict in broken.items():
        at = words(f"第 {verdict.first_broken} 条", f"event {verdict.first_broken}") if verdict.first_broken else ""
        click.echo(f"✗ {where} {at} {verdict.why}")
    seen = words(f"{streams} 份记录，{events} 条事件", f"{streams} streams, {events} events")
    if count:
        click.echo(words(f"✗ {count} 处不符（{seen}）", f"✗ {count} broken ({seen})"))
        return 1
    click.echo(words(f"✓ 全部相符（{seen}）", f"✓ everything holds ({seen})"))
    return 0


def policy_files(source: Path) -> dict[str, bytes]:
    """The YAML files of a folder, or the one file."""
    paths = sorted(source.glob("*.y*ml")) if source.is_dir() else [source]
    return {path.name: path.read_bytes() for path in paths}


def policy_check(source: Path) -> int:
    """Names every mistake with file and line. Sections that are not given count as in the standard pack."""
    from wenguo.policy import loading

    speak()
    pack = loading.read(policy_files(source), base=loading.standard())
    click.echo(words(f"✓ 「{pack.title}」没有错误", f"✓ no mistakes in {pack.title}"))
    return 0


def policy_publish(source: Path, drafted_by: str, published_by: str, since: datetime | None, *, at: datetime) -> str:
    """Draft by one person, publish by another; in force from midnight of that day, or at once."""
    from django.utils.timezone import make_aware

    from wenguo.policy import versions

    speak()
    drafter, publisher = _person(drafted_by), _person(published_by)
    with transaction.atomic():  # a draft nobody may publish does not stay behind
        version = versions.draft(policy_files(source), by=drafter, at=at)
        start = max(at, make_aware(since)) if since else at
        versions.publish(version, effective_from=start, by=publisher, at=at)
    return words(f"✓ 已发布第 {version.number} 版", f"✓ version {version.number} is published")


def import_(source: Path, *, only_check: bool, at: datetime) -> int:
    """Customers and their orders. Rows that were refused go into a file beside the source, to be corrected."""
    from wenguo.customers import importing
    from wenguo.people.actor import SYSTEM

    speak()
    with source.open("rb") as file:
        report = importing.import_customers(file, by=SYSTEM, at=at, dry_run=only_check)
    click.echo(
        words(
            f"新增 {report.created}，更新 {report.updated}，有误 {len(report.errors)}",
            f"{report.created} new, {report.updated} changed, {len(report.errors)} refused",
        )
    )
    if not report.errors:
        return 0
    refused = source.with_name(f"{source.stem}-errors.csv")
    refused.write_bytes(importing.error_file(report))
    click.echo(words(f"有误的行及原因见 {refused}", f"the refused rows and why: {refused}"))
    return 1

"""How the installation stands, for the administrator's page: facts of database, worker, queue, journal and disk."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from wenguo.channels.outbox import Delivery
from wenguo.policy.versions import calendar_warnings, known_years
from wenguo.spoken import counted

SILENT_SECONDS = 60  # workers show themselves every ten
LATE_FOLD_SECONDS = 3600  # the journal is folded every ten minutes
LITTLE_MIB = 2048
ENOUGH_WAITING = 1000


@dataclass(frozen=True)
class Fact:
    """`bad`: 0 well, 1 worth a look, 2 must be mended. `at`: a moment that belongs to it."""

    title: str
    words: str
    bad: int = 0
    todo: str = ""
    at: datetime | None = None


def condition(at: datetime) -> list[Fact]:
    """What stands well and what does not, the database first. A fixed number of queries."""
    return [
        _database(),
        _worker(at),
        *_queue(at),
        _fold(at),
        _guards(),
        _mail(),
        _deliveries(),
        _disk(),
        *_years(at),
        _versions(),
    ]


def _one(sql: str, *params: datetime) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone() or (None,)


def _database() -> Fact:
    number, size = _one(
        "SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))"
    )
    return Fact(_("数据库"), f"PostgreSQL {number} · {size}")


def _worker(at: datetime) -> Fact:
    count, beat = _one("SELECT count(*), max(last_heartbeat) FROM procrastinate_workers")
    if beat is None or (at - beat).total_seconds() > SILENT_SECONDS:
        return Fact(
            _("后台进程"),
            _("没有后台进程在运行，提醒、邮件和校验都会停下"),
            2,
            _("请在服务器上执行 wenguo up 或 wenguo worker"),
            beat,
        )
    return Fact(_("后台进程"), _("{n} 个在运行").format(n=count), at=beat)


def _queue(at: datetime) -> list[Fact]:
    waiting, oldest, failed = _one(
        "SELECT count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at, %s) <= %s),"
        " min(scheduled_at) FILTER (WHERE status = 'todo' AND scheduled_at <= %s),"
        " count(*) FILTER (WHERE status = 'failed') FROM procrastinate_jobs", at, at, at
    )  # fmt: skip
    return [
        Fact(
            _("任务队列"), _("{n} 个到时未办").format(n=waiting), int(waiting > ENOUGH_WAITING),
            _("请调大 WENGUO_WORKERS，或在另一台机器上再开 wenguo worker") if waiting > ENOUGH_WAITING else "", oldest,
        ),
        Fact(
            _("失败任务"), _("{n} 个").format(n=failed), int(failed > 0),
            _("请在「任务」中查看并重试") if failed else "",
        ),
    ]  # fmt: skip


def _fold(at: datetime) -> Fact:
    newest, waiting = _one(
        "SELECT (SELECT max(at) FROM journal_root), (SELECT count(*) FROM journal_stream WHERE unfolded)"
    )
    late = waiting > 0 and (newest is None or (at - newest).total_seconds() > LATE_FOLD_SECONDS)
    words = _("还没有存证根") if newest is None else counted("{n} 份记录等待存证", waiting)
    return Fact(
        _("日志存证"), words, int(late), _("存证由后台进程每十分钟进行一次，请确认它在运行") if late else "", newest
    )


def _guards() -> Fact:
    (n,) = _one(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'journal_event'::regclass AND NOT tgisinternal"
        " AND tgenabled <> 'D'"
    )
    if n:
        return Fact(_("防改写"), _("数据库拒绝改写日志"))
    return Fact(_("防改写"), _("日志表没有防改写的触发器"), 2, _("请执行 wenguo migrate"))


def _mail() -> Fact:
    if settings.EMAIL_HOST:
        return Fact(_("发信服务"), f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}")
    return Fact(_("发信服务"), _("未配置，邮件只存于发件箱"), 1, _("请设置 WENGUO_SMTP_HOST 等后重启"))


def _deliveries() -> Fact:
    n = Delivery.objects.exclude(state="sent").count()
    return Fact(_("未发出的邮件"), _("{n} 封").format(n=n), int(n > 0), _("请在「任务」中查看并重发") if n else "")


def _disk() -> Fact:
    free = shutil.disk_usage(settings.HOME).free >> 20
    bad = 2 if free < 200 else int(free < LITTLE_MIB)
    return Fact(_("磁盘"), _("剩余 {n} GB").format(n=f"{free / 1024:,.1f}"), bad, _("请腾出空间") if bad else "")


def _years(at: datetime) -> list[Fact]:
    todo = _("请在「政策 → 工作日历」导入国务院的放假通知")
    found = [Fact(_("节假日"), w.message, 2 if w.grave else 1, todo) for w in calendar_warnings(at)]
    return found or [Fact(_("节假日"), _("已知至 {year} 年").format(year=max(known_years())))]


def _versions() -> Fact:
    try:
        ours = version("wenguo")
    except PackageNotFoundError:
        ours = "—"
    return Fact(_("版本"), f"闻过 {ours} · Django {django.get_version()} · Python {platform.python_version()}")

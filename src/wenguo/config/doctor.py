"""Is this installation well? One finding a line, and what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import ModuleType

from wenguo.config.embedded import CannotStart
from wenguo.config.language import speak, words

MARKS = ("✓", "!", "✗")
LITTLE_MIB = 2048  # of free disk
ENOUGH_WAITING = 1000  # jobs that are due and not begun


@dataclass(frozen=True)
class Finding:
    """`badness`: 0 well, 1 worth a look, 2 must be mended."""

    badness: int
    what: str
    todo: str = ""

    @property
    def mark(self) -> str:
        return MARKS[self.badness]


def examine() -> Iterator[Finding]:
    """Everything, cheapest first; what needs the database is left out when there is none."""
    from wenguo.config import database, settings

    yield _python()
    yield from _assets(settings)
    yield _disk(settings)
    yield _secret(settings)
    yield _mail(settings)
    yield _address(settings)
    try:
        with database.database():
            speak()
            for check in (_version, _migrations, _calendar, _worker, _jobs, _journal):
                yield from _tried(check)
    except CannotStart as error:
        yield Finding(2, str(error))


def _tried(check: Callable[[], Finding]) -> Iterator[Finding]:
    from django.db import Error

    try:
        yield check()
    except Error as error:
        yield Finding(2, f"{check.__name__.strip('_')}: {str(error).strip().splitlines()[0]}", _run("wenguo migrate"))


def _run(command: str) -> str:
    return words(f"请执行 {command}", f"run {command}")


def _python() -> Finding:
    """The package does not install on a Python that is too old."""
    return Finding(0, f"Python {'.'.join(map(str, sys.version_info[:3]))}")


def _assets(settings: ModuleType) -> Iterator[Finding]:
    vendor = settings.PACKAGE / "web/static/vendor"
    if vendor.is_dir() and any(vendor.glob("*.css")) and any(vendor.glob("*.js")):
        yield Finding(0, words("页面部件已安装", "browser parts are installed"))
    else:
        yield Finding(2, words("缺少页面部件（样式和脚本）", "browser parts are missing"), _run("make assets"))
    catalogues = list(settings.PACKAGE.rglob("*.po"))
    stale = [po for po in catalogues if not po.with_suffix(".mo").exists()]
    if stale:
        yield Finding(1, words("英文界面尚未编译", "translations are not compiled"), _run("make assets"))


def _disk(settings: ModuleType) -> Finding:
    free = shutil.disk_usage(settings.HOME).free >> 20
    what = words(f"磁盘剩余 {free} MiB({settings.HOME})", f"{free} MiB of disk free ({settings.HOME})")
    if free < LITTLE_MIB:
        return Finding(2 if free < 200 else 1, what, words("请腾出空间", "make room"))
    return Finding(0, what)


def _secret(settings: ModuleType) -> Finding:
    if os.environ.get("WENGUO_SECRET_KEY"):
        return Finding(0, words("密钥来自 WENGUO_SECRET_KEY", "secret key from WENGUO_SECRET_KEY"))
    kept = settings.HOME / "secret_key"
    if kept.stat().st_mode & 0o077:
        return Finding(2, words("密钥文件可被他人读取", "others can read the secret key"), _run(f"chmod 600 {kept}"))
    if settings.DATABASE_URL:
        todo = words("多台机器须设相同的 WENGUO_SECRET_KEY", "several machines need one WENGUO_SECRET_KEY")
        return Finding(1, words(f"密钥在本机的 {kept}", f"secret key in {kept}, of this machine"), todo)
    return Finding(0, words(f"密钥在 {kept}", f"secret key in {kept}"))


def _mail(settings: ModuleType) -> Finding:
    if settings.EMAIL_HOST:
        return Finding(0, words(f"邮件经 {settings.EMAIL_HOST} 发出", f"mail leaves by {settings.EMAIL_HOST}"))
    todo = words("请设置 WENGUO_SMTP_HOST 等", "set WENGUO_SMTP_HOST and the others")
    return Finding(1, words("邮件尚未发出，只存于发件箱", "no mail leaves, it is kept in the outbox"), todo)


def _address(settings: ModuleType) -> Finding:
    if settings.PUBLIC_URL.startswith("https://"):
        return Finding(0, words(f"对外地址 {settings.PUBLIC_URL}", f"public address {settings.PUBLIC_URL}"))
    todo = words("对外服务请用 https 并设 WENGUO_PUBLIC_URL", "serve by https and set WENGUO_PUBLIC_URL")
    badness = 0 if settings.HOST in {"127.0.0.1", "::1", "localhost"} else 1
    return Finding(
        badness, words(f"地址 {settings.PUBLIC_URL}", f"address {settings.PUBLIC_URL}"), todo if badness else ""
    )


def _version() -> Finding:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))")
        number, size = cursor.fetchone()
    return Finding(0, words(f"PostgreSQL {number}，库大小 {size}", f"PostgreSQL {number}, {size}"))


def _migrations() -> Finding:
    from wenguo.config.prepare import waiting_migrations

    if waiting := waiting_migrations():
        what = words(f"数据库结构有 {waiting} 项未更新", f"{waiting} migrations are waiting")
        return Finding(2, what, _run("wenguo migrate"))
    return Finding(0, words("数据库结构是最新的", "migrations are applied"))


def _calendar() -> Finding:
    from wenguo.policy.versions import calendar_warnings, known_years

    for warning in calendar_warnings(datetime.now(UTC)):
        todo = words("请在「政策 → 工作日历」导入国务院的放假通知", "import the State Council's notice")
        return Finding(2 if warning.grave else 1, warning.message, todo)
    return Finding(0, words(f"节假日已知至 {max(known_years())} 年", f"holidays are known up to {max(known_years())}"))


def _worker() -> Finding:
    from wenguo.config.health import SILENT_AFTER_SECONDS, last_heartbeat

    beat = last_heartbeat()
    if beat is None or datetime.now(UTC) - beat > timedelta(seconds=SILENT_AFTER_SECONDS):
        todo = _run("wenguo up / wenguo worker")
        return Finding(2, words("没有后台任务进程在运行", "no worker is running"), todo)
    return Finding(0, words("后台任务进程在运行", "a worker is running"))


def _jobs() -> Finding:
    from wenguo.config.health import jobs_by_state

    states = jobs_by_state()
    if failed := states.get("failed", 0):
        todo = words("请在「管理 · 任务」查看并重试", "look at them under administration")
        return Finding(1, words(f"{failed} 个任务失败", f"{failed} jobs have failed"), todo)
    if (waiting := states.get("todo", 0)) > ENOUGH_WAITING:
        todo = words("请增加 WENGUO_WORKERS", "raise WENGUO_WORKERS")
        return Finding(1, words(f"{waiting} 个任务在等待", f"{waiting} jobs are waiting"), todo)
    return Finding(0, words("没有失败的任务", "no job has failed"))


def _journal() -> Finding:
    """That the database itself refuses to rewrite the journal; whether it was rewritten says `wenguo verify`."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'journal_event'::regclass AND NOT tgisinternal"
            " AND tgenabled <> 'D'"
        )
        guards = cursor.fetchone()[0]
    if not guards:
        return Finding(2, words("日志表没有防改写的触发器", "nothing guards the journal"), _run("wenguo migrate"))
    return Finding(0, words("日志表有防改写保护", "the journal is guarded"))

"""The `wenguo` command. Help in Chinese and English; each command imports what it needs when it runs."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wenguo.config.embedded import CannotStart, NotYet
from wenguo.config.language import LANGUAGES, words

if TYPE_CHECKING:
    from types import ModuleType

BAD_SETTING, TRY_AGAIN = 78, 75
HEADINGS = {"Usage": "用法", "Options": "选项", "Commands": "命令", "Arguments": "参数"}


class _Formatter(click.HelpFormatter):
    """click's own few words, in the language of the command line."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or words("用法：", "Usage: "))

    def write_heading(self, heading: str) -> None:
        super().write_heading(words(HEADINGS.get(heading, heading), heading))


class _Context(click.Context):
    formatter_class = _Formatter


class _Command(click.Command):
    context_class = _Context

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = words("显示本说明", "Show this message and exit.")
        return option


class _Group(_Command, click.Group):
    command_class = _Command


_Group.group_class = _Group


@click.group("wenguo", cls=_Group, help=words("闻过：投诉管理系统。", "Wenguo: complaint management."))
@click.option(
    "--lang", type=click.Choice(LANGUAGES), help=words("说明的语言", "Language of this help"), expose_value=False
)
@click.version_option(package_name="wenguo", help=words("显示版本", "Show the version."))
def cli() -> None:
    pass


def tell(line: str) -> None:
    click.echo(line, err=True)


def _now() -> datetime:
    return datetime.now(UTC)


def _settings() -> ModuleType:
    from wenguo.config import settings

    return settings


@contextmanager
def _progress(total: int | None, title: str, unit: str) -> Iterator[Callable[[int], None]]:
    """A tqdm bar; call what is given with the number done so far."""
    from tqdm import tqdm

    every = 0.2 if sys.stderr.isatty() else 15.0  # seconds; a log needs no animation
    with tqdm(total=total, desc=title, unit=unit, ascii=" #", dynamic_ncols=True, mininterval=every) as bar:

        def show(done: int, of: int | None = None) -> None:
            if of is not None and of != bar.total:
                bar.total = of
            bar.update(done - bar.n)

        yield show


# -- running -----------------------------------------------------------------------------------------------------------


@cli.command(
    help=words(
        "启动全部：数据库、网页、实时通知和后台任务；Ctrl-C 停止。",
        "Start everything: database, web, live updates, worker. Ctrl-C stops it.",
    )
)
@click.option("--port", type=int, help=words("网页端口（默认 WENGUO_PORT 或 8000）", "Port (WENGUO_PORT or 8000)"))
@click.option(
    "--demo/--no-demo",
    default=None,
    help=words("空库时建立演示公司（默认 WENGUO_DEMO）", "Found a demonstration company in an empty database"),
)
def up(port: int | None, demo: bool | None) -> None:
    if port is not None:
        os.environ["WENGUO_PORT"] = str(port)
    if demo is not None:
        os.environ["WENGUO_DEMO"] = "1" if demo else "0"
    from wenguo.config.supervisor import Supervisor

    Supervisor(_settings()).run()


@cli.command(help=words("只提供网页和接口。", "Serve pages and API only."))
def web() -> None:
    from wenguo.config import database, serve

    settings = _settings()
    serve.check_port(settings.HOST, settings.PORT, "WENGUO_PORT")
    with database.reachable(tell):
        serve.web(settings.HOST, settings.PORT, settings.WEB_WORKERS, settings.WEB_THREADS)


@cli.command(help=words("只提供实时通知（服务器推送事件）。", "Serve live updates (server-sent events) only."))
def live() -> None:
    from wenguo.config import database, serve

    settings = _settings()
    serve.check_port(settings.HOST, settings.LIVE_PORT, "WENGUO_LIVE_PORT")
    with database.reachable(tell):
        serve.live(settings.HOST, settings.LIVE_PORT)


@cli.command(help=words("只执行后台任务；可在多台机器上同时运行。", "Work off jobs; may run on many machines at once."))
def worker() -> None:
    from wenguo.config import database, serve

    with database.database(tell):
        serve.work(_settings().WORKER_JOBS)


@cli.command(
    help=words(
        "更新数据库结构，补齐标准政策包和内置角色。", "Update the database; fill in the standard policy and the roles."
    )
)
@click.option(
    "--demo", is_flag=True, help=words("空库时建立演示公司", "An empty database gets a demonstration company")
)
@click.option("--admin", is_flag=True, help=words("空库时建立首位管理员", "An empty database gets an administrator"))
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), hidden=True)
def migrate(demo: bool, admin: bool, report: Path | None) -> None:
    from wenguo.config import database

    with database.database(tell):
        from wenguo.config import prepare

        done = prepare.prepare(
            demo_cases=_settings().DEMO_CASES if demo else None, admin=admin, at=_now(), say=click.echo
        )
    if report is not None:
        report.write_text(json.dumps(done))
        return
    for account in done["accounts"]:
        click.echo(f"{account['title']}  {account['username']} / {account['password']}")
    click.echo(words("数据库已就绪", "The database is ready"))


@cli.command(help=words("让演示公司再增加投诉件。", "Make more cases in the demonstration company."))
@click.option(
    "--cases", type=click.IntRange(1, 10_000_000), default=300, show_default=True, help=words("件数", "How many")
)
@click.option("--gently", is_flag=True, help=words("低优先级，让网页先行", "At low priority, pages first"))
def demo(cases: int, gently: bool) -> None:
    from wenguo.config import database

    if gently:
        os.nice(10)
    with database.database(tell):
        from wenguo.demo import company, growth

        if not company.is_built():
            company.build(_now())  # NotNow, in words, where people are at work already
            click.echo(words("已建立演示公司", "The demonstration company is founded"))
        with _progress(cases, words("演示公司", "demo company"), words("件", "cases")) as show:
            at_once = min(4, os.cpu_count() or 1)
            growth.grow(cases, lambda done, _total, _words: show(done), processes=at_once)


# -- keeping -----------------------------------------------------------------------------------------------------------


@cli.command(
    help=words(
        "备份数据库、附件和密钥到一个文件；运行中也可执行。",
        "Back up database, files and secret key into one file; safe while running.",
    )
)
@click.argument("target", type=click.Path(path_type=Path), required=False)
def backup(target: Path | None) -> None:
    from wenguo.config import backup as backups
    from wenguo.config import database

    with database.database(tell), _progress(None, words("备份", "backup"), "MiB") as show:
        made = backups.backup(target, at=_now(), progress=show)
    click.echo(words(f"已备份到 {made}", f"Backed up to {made}"))


@cli.command(
    help=words("从备份恢复；只写入空数据库，不覆盖任何数据。", "Restore a backup, into an empty database only.")
)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(source: Path) -> None:
    from wenguo.config import backup as backups
    from wenguo.config import database

    with database.database(tell), _progress(None, words("恢复", "restore"), "MiB") as show:
        manifest = backups.restore(source, progress=show)
    cases = manifest["counts"].get("cases_case", 0)
    click.echo(words(f"已恢复 {cases} 件投诉，备份于 {manifest['at']}", f"Restored {cases} cases of {manifest['at']}"))


@cli.command(
    help=words("检查安装是否完好，逐项说明该做什么。", "Check the installation; says what to do, line by line.")
)
def doctor() -> None:
    from wenguo.config import doctor as examination

    worst = 0
    for finding in examination.examine():
        click.echo(f"{finding.mark} {finding.what}" + (f" → {finding.todo}" if finding.todo else ""))
        worst = max(worst, finding.badness)
    sys.exit(1 if worst == 2 else 0)


@cli.command(
    help=words("核对一件或全部投诉的哈希链，指出第一处断点。", "Check the hash chain of one case or of everything.")
)
@click.argument("number", required=False)
def verify(number: str | None) -> None:
    from wenguo.config import database

    with database.database(tell):
        from wenguo.config import commands

        sys.exit(commands.verify(number, _progress))


@cli.command(
    help=words(
        "用本单位人工定类的投诉件训练候选分类模型，与在用模型比较；启用由管理员在网页上决定。",
        "Teach a candidate model with the cases people classified; an administrator decides on the page.",
    )
)
@click.option(
    "--if-news", is_flag=True, help=words("没有新的定类就不训练（夜间任务用）", "Not when nothing new was decided")
)
def train(if_news: bool) -> None:
    from wenguo.config import database

    with database.database(tell):
        from wenguo.config import commands

        commands.train(_progress, if_news=if_news, at=_now())


# -- letting in --------------------------------------------------------------------------------------------------------


@cli.command(help=words("为某人签发接口令牌，只显示一次。", "Issue an API token for somebody; it is shown once."))
@click.argument("username")
@click.option("--name", default="wenguo token", show_default=True, help=words("用途", "What it is for"))
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=["read"],
    show_default=True,
    help=words("范围：read、write 或权限名，可重复", "read, write or a permission; may be repeated"),
)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=365, show_default=True, help=words("有效天数", "Good for")
)
def token(username: str, name: str, scopes: tuple[str, ...], days: int) -> None:
    from wenguo.config import database

    with database.database(tell):
        from wenguo.config import commands

        at = _now()
        click.echo(commands.token(username, name, scopes, at + timedelta(days=days), at=at))


@cli.group(cls=_Group, help=words("政策包：检查与发布。", "Policy packs: check and publish."))
def policy() -> None:
    pass


@policy.command("check", help=words("检查一个政策包目录或文件，不写入。", "Check a policy pack (folder or file)."))
@click.argument("source", type=click.Path(exists=True, path_type=Path))
def policy_check(source: Path) -> None:
    from wenguo.config import database

    database.set_up()
    from wenguo.config import commands

    sys.exit(commands.policy_check(source))


@policy.command(
    "publish",
    help=words("起草并由第二人发布一个政策包。", "Draft a policy pack and publish it by a second person."),
)
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--drafted-by", required=True, help=words("起草人用户名", "User name of the drafter"))
@click.option("--published-by", required=True, help=words("发布人用户名（另一人）", "User name of the publisher"))
@click.option("--from", "since", type=click.DateTime(["%Y-%m-%d"]), help=words("生效日期", "In force from"))
def policy_publish(source: Path, drafted_by: str, published_by: str, since: datetime | None) -> None:
    from wenguo.config import database

    with database.database(tell):
        from wenguo.config import commands

        click.echo(commands.policy_publish(source, drafted_by, published_by, since, at=_now()))


@cli.command(
    "import", help=words("从 CSV 或 Excel 导入客户及其订单。", "Import customers and their orders (CSV, Excel).")
)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", "only_check", is_flag=True, help=words("只检查，不写入", "Check only, write nothing"))
def import_(source: Path, only_check: bool) -> None:
    from wenguo.config import database

    with database.database(tell):
        from wenguo.config import commands

        sys.exit(commands.import_(source, only_check=only_check, at=_now()))


# -- the door ----------------------------------------------------------------------------------------------------------


def _why(error: Exception) -> str | None:
    """One sentence for what the operator can mend; None for a failure."""
    from django.db import OperationalError, ProgrammingError

    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return words(f"磁盘已满：{error.filename or _settings().HOME}", f"disk full: {error.filename}")
    if isinstance(error, OperationalError):
        said = str(error).strip().splitlines()[0]
        return words(f"数据库没有应答：{said}", f"the database does not answer: {said}")
    missing = getattr(error.__cause__, "sqlstate", "") in {"42P01", "42703"}  # a table, a column
    if isinstance(error, ProgrammingError) and missing:
        return words(
            "数据库结构不是最新的，请执行 wenguo migrate", "the database is not up to date: run wenguo migrate"
        )
    return None


def main() -> Any:
    """Every refusal and every bad setting is one sentence and an exit code; anything else is a failure and rises."""
    from django.core.exceptions import ImproperlyConfigured

    from wenguo.errors import Refusal

    if os.environ.get("WENGUO_SUPERVISED"):
        from wenguo.config.serve import end_with_parent

        end_with_parent()
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except (CannotStart, ImproperlyConfigured) as error:
        tell(f"✗ {error}")
        # To `wenguo up` a database that is away is no reason to give up a part of itself, nor all of it.
        later = isinstance(error, NotYet) and bool(os.environ.get("WENGUO_SUPERVISED"))
        sys.exit(TRY_AGAIN if later else BAD_SETTING)
    except Refusal as error:
        tell(f"✗ {error}")
        for name, message in error.fields.items():
            tell(f"  {name}: {message}")
        sys.exit(1)
    except Exception as error:
        if (why := _why(error)) is None:
            raise
        tell(f"✗ {why}")
        sys.exit(1)


if __name__ == "__main__":
    main()

"""The command line: help in two languages, one sentence for whatever an operator can mend."""

from __future__ import annotations

import shutil
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest

from wenguo.config import database
from wenguo.config.embedded import CannotStart
from wenguo.config.language import chosen
from wenguo.policy import loading

Wenguo = Callable[..., CompletedProcess[str]]
COMMANDS = ("up", "web", "live", "worker", "migrate", "demo", "token", "verify", "policy", "import", "backup")


def test_help_in_chinese_and_english(wenguo: Wenguo) -> None:
    chinese, english = wenguo("--help").stdout, wenguo("--lang", "en", "--help").stdout
    assert "用法" in chinese and "投诉管理系统" in chinese
    assert "Usage" in english and "complaint management" in english and "用法" not in english
    for command in COMMANDS:
        assert f"  {command} " in chinese and f"  {command} " in english


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        ([], {}, "zh"),
        ([], {"LANG": "C.UTF-8"}, "zh"),
        ([], {"LANG": "en_GB.UTF-8"}, "en"),
        ([], {"LANG": "en_GB.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        (["--lang", "en", "up"], {"LANG": "zh_CN"}, "en"),
        (["--lang=zh"], {"LANG": "en_US"}, "zh"),
        (["--lang", "fr"], {"LANG": "en_US"}, "en"),
    ],
)
def test_which_language(arguments: list[str], environment: dict[str, str], language: str) -> None:
    assert chosen(arguments, environment) == language


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("WENGUO_PORT", "eighty", "WENGUO_PORT=eighty: 请写 1 到 65535 的整数"),
        ("WENGUO_PORT", "70000", "a whole number 1–65535"),
        ("WENGUO_DEBUG", "perhaps", "write 1 or 0"),
        ("WENGUO_TIME_ZONE", "Mars/Olympus", "没有这个时区"),
        ("WENGUO_LOG_LEVEL", "loud", "WARNING"),
        ("WENGUO_PUBLIC_URL", "tousu.example.com", "https://"),
        ("WENGUO_SECRET_KEY", "short", "至少 32 个字符"),
        ("WENGUO_HOME", "/dev/null/here", "不能读写 WENGUO_HOME"),
        ("WENGUO_HOST", "203.0.113.7", "不是本机地址"),
        ("DATABASE_URL", "mysql://localhost/x", "postgresql://"),
        ("DATABASE_URL", "postgresql://localhost:port/x", "端口不是数字"),
        ("DATABASE_URL", "postgresql://127.0.0.1:1/x", "连不上 DATABASE_URL 所指的数据库"),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_sentence(
    wenguo: Wenguo, ports: tuple[int, int], setting: str, value: str, says: str
) -> None:
    given = {"WENGUO_PORT": str(ports[0]), "WENGUO_LIVE_PORT": str(ports[1]), setting: value}
    done = wenguo("up", **given)
    assert done.returncode == 78
    assert says in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_taken_port_is_named_before_anything_starts(wenguo: Wenguo, home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = wenguo("up", WENGUO_PORT=port)
    assert done.returncode == 78
    assert f"端口 {port} 已被占用" in done.stderr and f"port {port} is taken" in done.stderr
    assert not (home / "pg").exists()


def test_an_old_postgresql_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "OLDEST", 99)
    from django.conf import settings

    with pytest.raises(CannotStart, match=r"需要 99 或更新的版本 .* 99 or newer is needed"):
        database.check({**settings.DATABASES["default"], "NAME": "postgres"})


def test_a_database_that_was_not_migrated_is_named(wenguo: Wenguo, new_database: Callable[[], str]) -> None:
    done = wenguo("verify", DATABASE_URL=new_database())
    assert done.returncode == 1
    assert "请执行 wenguo migrate" in done.stderr and "Traceback" not in done.stderr


def test_policy_check_names_file_line_and_what_is_allowed(wenguo: Wenguo, tmp_path: Path) -> None:
    good = tmp_path / "pack"
    shutil.copytree(loading.STANDARD, good)
    assert wenguo("policy", "check", str(good)).returncode == 0
    broken = next(path for path in sorted(good.glob("*.yaml")) if "approval:" in path.read_text())
    broken.write_text(broken.read_text().replace("approval:", "aproval:", 1))
    done = wenguo("policy", "check", str(good))
    assert done.returncode == 1
    assert broken.name in done.stderr and "aproval" in done.stderr and "第" in done.stderr


def test_backup_and_restore_bring_everything_back(
    wenguo: Wenguo, ready_database: str, new_database: Callable[[], str], home: Path, tmp_path: Path
) -> None:
    first, second = ready_database, new_database()
    assert "admin" not in wenguo("migrate", "--admin", DATABASE_URL=first).stdout  # only into an empty database
    (home / "files/2026").mkdir(parents=True)
    (home / "files/2026/照片.jpg").write_bytes(b"\xff\xd8" + bytes(range(256)))
    key = (home / "secret_key").read_text()
    done = wenguo("backup", str(tmp_path), DATABASE_URL=first)
    assert done.returncode == 0, done.stderr
    [tar] = tmp_path.glob("*.tar")
    assert tar.stat().st_mode & 0o077 == 0
    assert wenguo("backup", str(tar), DATABASE_URL=first).returncode == 1  # never over another

    elsewhere = tmp_path / "elsewhere"
    there = {"DATABASE_URL": second, "WENGUO_HOME": str(elsewhere)}
    back = wenguo("restore", str(tar), **there)
    assert back.returncode == 0, back.stderr
    assert (elsewhere / "files/2026/照片.jpg").read_bytes() == (home / "files/2026/照片.jpg").read_bytes()
    assert (elsewhere / "secret_key").read_text() == key
    assert _rows(first) == _rows(second)
    assert wenguo("verify", **there).returncode == 0
    again = wenguo("restore", str(tar), **there)
    assert again.returncode == 1 and "数据库不是空的" in again.stderr


def test_a_restored_journal_is_guarded_and_a_changed_byte_is_found(wenguo: Wenguo, ready_database: str) -> None:
    url = ready_database
    change = "UPDATE journal_event SET by = 'staff:99' WHERE id = (SELECT min(id) FROM journal_event)"
    with psycopg.connect(url, autocommit=True) as connection:
        with pytest.raises(psycopg.Error):
            connection.execute(change)
        connection.execute("ALTER TABLE journal_event DISABLE TRIGGER USER")
        connection.execute(change)
    done = wenguo("verify", DATABASE_URL=url)
    assert done.returncode == 1 and "✗" in done.stdout and "第 1 条" in done.stdout


def test_half_a_backup_is_refused_and_leaves_the_database_empty(
    wenguo: Wenguo, ready_database: str, new_database: Callable[[], str], tmp_path: Path
) -> None:
    assert wenguo("backup", str(tmp_path / "whole.tar"), DATABASE_URL=ready_database).returncode == 0
    whole = (tmp_path / "whole.tar").read_bytes()
    (tmp_path / "half.tar").write_bytes(whole[: len(whole) // 2])
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(__file__, "manifest.json")
    empty = new_database()
    for name in ("half.tar", "other.tar"):
        done = wenguo("restore", str(tmp_path / name), DATABASE_URL=empty)
        assert done.returncode == 1 and "备份" in done.stderr and "Traceback" not in done.stderr
    assert _rows(empty) == {}


def test_a_token_is_shown_once_and_opens_the_door(wenguo: Wenguo, ready_database: str) -> None:
    url = ready_database
    done = wenguo("token", "admin", "--scope", "read", "--days", "3", DATABASE_URL=url)
    secret = done.stdout.strip()
    assert done.returncode == 0 and secret.startswith("wg_")
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT scopes, expires_at - created_at, row_to_json(t)::text FROM people_apitoken t")
        [(scopes, good_for, row)] = rows.fetchall()
    assert scopes == ["read"] and good_for.days == 3 and secret not in row
    stranger = wenguo("token", "nobody", DATABASE_URL=url)
    assert stranger.returncode == 1 and "没有用户「nobody」" in stranger.stderr


def test_the_doctor_says_what_to_do(wenguo: Wenguo, ready_database: str, new_database: Callable[[], str]) -> None:
    sick = wenguo("doctor", DATABASE_URL=new_database())
    assert sick.returncode == 1 and "wenguo migrate" in sick.stdout
    better = wenguo("doctor", DATABASE_URL=ready_database).stdout
    assert "✓ 数据库结构是最新的" in better and "✗ 没有后台任务进程在运行" in better
    assert all(line[0] in "✓!✗" for line in better.strip().splitlines())


def _rows(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT relname FROM pg_stat_user_tables ORDER BY 1").fetchall()
        counts = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone() for (name,) in tables}
    return {name: row[0] for name, row in counts.items() if row}


@pytest.mark.parametrize(("supervised", "code"), [("1", 75), ("", 78)])
def test_a_part_that_finds_the_database_away_is_started_again_not_given_up(
    wenguo: Wenguo, supervised: str, code: int
) -> None:
    """78 ends `wenguo up` as a whole; a database that falls while a part is starting must not."""
    away = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "WENGUO_SUPERVISED": supervised}
    for part in ("web", "worker", "live"):
        done = wenguo(part, WENGUO_PORT="18999", WENGUO_LIVE_PORT="18998", **away)
        assert done.returncode == code, (part, done.stderr)
        assert "连不上" in done.stderr


def test_the_demonstration_is_founded_only_where_nobody_works(wenguo: Wenguo, ready_database: str) -> None:
    refused = wenguo("demo", "--cases", "1", DATABASE_URL=ready_database)
    assert refused.returncode == 1 and "只能建立在没有任何账号的空库中" in refused.stderr

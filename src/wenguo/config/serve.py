"""The three processes that serve: web pages and API, the live endpoint, the worker. Each runs until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from typing import Any

from wenguo.config.embedded import CannotStart

log = logging.getLogger("wenguo.serve")

LONGEST_PAUSE = 30.0  # seconds between two tries to reach a database that is away
STOP_SECONDS = 8  # then a request or a job that is still at work is cut off; jobs are taken up again


def end_with_parent() -> None:
    """For a child of `wenguo up`: told to stop when that is gone, and gone itself if it cannot bring itself to."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def check_port(host: str, port: int, setting: str) -> None:
    """CannotStart when nobody could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise CannotStart(
                f"没有使用端口 {port} 的权限，请用 {setting} 另选 1024 以上的端口 (no permission for port {port}: set "
                f"{setting} above 1024)"
            ) from error
        except socket.gaierror as error:
            raise CannotStart(f"WENGUO_HOST={host} 不是本机地址 (WENGUO_HOST is no address of this machine)") from error
        except OSError as error:
            if error.errno == 99:
                raise CannotStart(
                    f"WENGUO_HOST={host} 不是本机地址 (WENGUO_HOST is no address of this machine)"
                ) from error
            raise CannotStart(
                f"端口 {port} 已被占用，请停止占用它的程序或设置 {setting} "
                f"(port {port} is taken: stop the other program or set {setting})"
            ) from error


def web(host: str, port: int, workers: int, threads: int) -> None:
    """Pages and API: WSGI, `threads` requests at once in each of `workers` processes."""
    _granian(
        "wenguo.config.wsgi:application",
        host,
        port,
        "wsgi",
        workers=workers,
        blocking_threads=threads,
        backpressure=512,
    )


def live(host: str, port: int) -> None:
    """Server-sent events: one process with one event loop."""
    _granian("wenguo.config.live:application", host, port, "asgi", workers=1)


def _granian(target: str, host: str, port: int, interface: str, **options: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    os.environ["WENGUO_SERVED"] = "1"  # the processes granian starts end with it, however it ends
    Granian(
        target,
        address=host,
        port=port,
        interface=Interfaces(interface),
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=1.0,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.error,
        **options,  # type: ignore[arg-type]
    ).serve()


def work(jobs: int) -> None:
    """Take jobs from every queue, `jobs` at once, and set off what is due by the calendar. Ends on SIGTERM or Ctrl-C.

    procrastinate writes a heartbeat every ten seconds; the jobs of a worker that vanished are taken up again by the
    sweep in `worker/schedule.py`. When the database goes away the worker waits for it and begins anew; so it does when
    procrastinate stops by itself, as it does without an error when one of its side tasks has lost its connection.
    """
    from procrastinate.contrib.django import app
    from procrastinate.contrib.django.utils import connector_params
    from procrastinate.exceptions import ConnectorException
    from procrastinate.psycopg_connector import PsycopgConnector
    from psycopg import OperationalError

    pause = 1.0
    while True:
        began = time.monotonic()
        connector = PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=max(4, jobs + 2))
        try:
            with app.replace_connector(connector):
                if asyncio.run(_work(app, jobs)):
                    return
            log.warning("worker.stopped by itself")
        except (ConnectorException, OperationalError) as lost:
            log.warning("worker.database lost: %s", type(lost).__name__)
        pause = 1.0 if time.monotonic() - began > 60 else min(LONGEST_PAUSE, pause * 2)
        time.sleep(pause)


async def _work(app: Any, jobs: int) -> bool:
    """Whether it was told to stop; False if it stopped by itself."""
    told = asyncio.Event()
    async with app.open_async():
        working = asyncio.ensure_future(
            app.run_worker_async(
                concurrency=jobs,
                name=f"{socket.gethostname()}-{os.getpid()}",
                shutdown_graceful_timeout=STOP_SECONDS,
                delete_jobs="never",
                install_signal_handlers=False,
            )
        )

        def stop() -> None:
            told.set()
            working.cancel()  # procrastinate then ends gracefully

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        try:
            await working
        except BaseException:
            if not told.is_set():
                raise
    return told.is_set()

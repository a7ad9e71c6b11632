"""Is the database away, or able to read only? Doors answer such failures with 503 and a word, for they pass."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError
from django.db.utils import Error
from django.utils.translation import gettext as _

OFFLINE = ("08", "57P", "53300")  # PostgreSQL: connection lost, shutting down, too many connections
CROSSED = ("40001", "40P01", "55P03")  # two at once stood in each other's way; the other one is through
UNWRITABLE = ("25006", "53100")  # read-only (a standby, a repair); the disk is full


def is_offline(failure: BaseException | None) -> bool:
    """The database cannot be reached, rather than one statement having failed."""
    if not isinstance(failure, OperationalError | InterfaceError):
        return False
    state = _state(failure)
    return not state or state.startswith(OFFLINE)


def is_unwritable(failure: BaseException | None) -> bool:
    """The database answers, and takes nothing at present."""
    return isinstance(failure, Error) and _state(failure) in UNWRITABLE


def is_crossed(failure: BaseException | None) -> bool:
    """Undone because another was at the same thing; the same once more will do."""
    return isinstance(failure, OperationalError) and _state(failure) in CROSSED


def words(failure: BaseException | None) -> str:
    """What to tell whoever asked; empty where this is no such failure."""
    if is_offline(failure):
        return _("暂时连接不上数据库")
    if is_crossed(failure):
        return _("刚好有人同时在办同一件事，这一步没有完成")
    return _("数据库暂时不能写入") if is_unwritable(failure) else ""


def _state(failure: BaseException) -> str:
    return str(getattr(failure.__cause__, "sqlstate", None) or "")

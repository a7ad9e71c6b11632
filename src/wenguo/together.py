"""Rows of several tables that belong together, written in one statement.

An act that makes a thing with all that hangs on it knows every row before it writes the first, if it draws their ids
beforehand. Then the database is asked twice instead of once a table:

    rows = Together()
    rows.expect(Customer, Identity, Identity)              # what will be needed is drawn in one go
    customer = rows.add(instance(Customer, id=rows.id(Customer), name=…))
    rows.add(instance(Identity, id=rows.id(Identity), customer=customer, …))
    rows.later("customers.welcome", customer=customer.pk)
    rows.write()                                           # rows, jobs and announcements: one statement

A row may refer to another of the same statement in any order: PostgreSQL looks at references when the transaction ends.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault
from django.utils.functional import Promise
from pydantic_core import to_json

from wenguo.compiled import run
from wenguo.later import as_row

M = TypeVar("M", bound=models.Model)
Source = type[models.Model] | str  # a table with its ids, or a sequence by its name


class Together:
    """What is to be written. Nothing is read back: defaults of the database stay unknown to the instances."""

    def __init__(self) -> None:
        self._wanted: Counter[str] = Counter()
        self._drawn: dict[str, list[int | None]] = defaultdict(list)
        self._rows: dict[type[models.Model], list[models.Model]] = defaultdict(list)
        self._changes: list[tuple[str, Sequence[Any]]] = []
        self._jobs: list[dict[str, Any]] = []
        self._said: list[str] = []
        self._afterwards: list[Callable[[], object]] = []

    def expect(self, *sources: Source) -> None:
        """So many ids of these will be asked for: the first of them that is needed brings them all."""
        self._wanted.update(map(_sequence, sources))

    def id(self, source: Source) -> Any:
        """The next id; None: there is no sequence of that name."""
        name = _sequence(source)
        if not self._drawn[name]:
            self._wanted[name] = max(1, self._wanted[name])
            self._draw()
        return self._drawn[name].pop(0)

    def _draw(self) -> None:
        self.take(run(f"SELECT name, nextval(to_regclass(name)) {WANTED}", [self.wanted()]))

    def wanted(self, *more: Source) -> str:
        """The sequences of the ids that are expected, and of these, with how many: for a question that draws them."""
        return _json(self._wanted + Counter(map(_sequence, more)))

    def take(self, drawn: Iterable[tuple[str, int | None]]) -> None:
        """These ids were drawn; what was expected is there."""
        for name, value in drawn:
            self._drawn[name].append(value)
        self._wanted.clear()

    def add(self, row: M) -> M:
        """Write this instance, which nothing has written before. With no id in any row of its table: it gets one."""
        self._rows[type(row)].append(row)
        return row

    def change(self, sql: str, *params: Any) -> None:
        """Let this INSERT, UPDATE or DELETE go along, in no order with what else is written."""
        self._changes.append((sql, params))

    def later(self, name: str, **kwargs: Any) -> None:
        """Put a job in the queue; see `wenguo.later`."""
        if (job := as_row(name, kwargs)) is not None:
            self._jobs.append(job)

    def announce(self, message: str) -> None:
        """Say on NOTIFY wenguo, heard when the transaction has ended."""
        self._said.append(message)

    def afterwards(self, act: Callable[[], object]) -> None:
        """Do this once all is written, still in the transaction."""
        self._afterwards.append(act)

    def write(self) -> None:
        """Write it all, in the caller's transaction."""
        tables = tuple((model, _columns(model, rows)) for model, rows in self._rows.items())
        given: list[Any] = [_json([_values(row, columns) for row in self._rows[model]]) for model, columns in tables]
        given += [param for _sql, params in self._changes for param in params]
        sql = _statement(tables, tuple(sql for sql, _params in self._changes))
        run(sql, [*given, _json(self._said), _json(self._jobs)])
        for rows in self._rows.values():
            for row in rows:
                row._state.adding, row._state.db = False, connection.alias
        afterwards = self._afterwards
        self._rows, self._changes, self._jobs, self._said, self._afterwards = defaultdict(list), [], [], [], []
        for act in afterwards:
            act()


def instance(model: type[M], **values: Any) -> M:
    """An instance as `model(**values)` makes it, from defaults that are worked out once: a third of what that costs."""
    key, columns, relations, plain, called = _born(model)
    row = model.__new__(model)
    row._state = state = ModelState()
    known = row.__dict__
    known.update(plain)
    for name, default in called:
        if name not in values:
            known[name] = default()
    for name, value in values.items():
        if (relation := relations.get(name)) is None:
            if name not in columns and name != "pk":
                raise TypeError(f"{model.__name__} has no {name}")
            known[key if name == "pk" else name] = value
            continue
        known[relation.attname] = None if value is None else getattr(value, relation.target_field.attname)
        state.fields_cache[name] = value
        if relation.one_to_one and value is not None:
            value._state.fields_cache[relation.remote_field.cache_name] = row
    return row


@cache
def _born(model: type[models.Model]) -> tuple[Any, ...]:
    """Its key, its columns, its relations by name, what each column is at first, and what must be called for others."""
    fields: Any = model._meta.concrete_fields
    relations = {f.name: f for f in fields if f.is_relation}
    anew = {f for f in fields if (f.has_default() and callable(f.default)) or f.has_db_default()}
    called = tuple((f.attname, f.get_default) for f in fields if f in anew)
    plain = {f.attname: f.get_default() for f in fields if f not in anew}
    return model._meta.pk.attname, frozenset(f.attname for f in fields), relations, plain, called


WANTED = "FROM json_each_text(%s::json) AS wanted (name, number), generate_series(1, number::int)"
"""Each sequence as often as it is `wanted`. JSON, because PostgreSQL plans what is asked with arrays anew each time."""


def _sequence(source: Source) -> str:
    return source if isinstance(source, str) else f"{source._meta.db_table}_id_seq"


def _columns(model: type[models.Model], rows: Sequence[models.Model]) -> tuple[str, ...]:
    """The columns to write, by attribute; those that the database can fill only where the first row has a value."""
    always, maybe = _attributes(model)
    known = rows[0].__dict__
    return always + tuple(n for n in maybe if not (known[n] is None or isinstance(known[n], DatabaseDefault)))


@cache
def _attributes(model: type[models.Model]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All columns, by attribute: those that must be written, and those that the database can fill."""
    fills = {f.attname: isinstance(f, models.AutoField) or f.has_db_default() for f in model._meta.concrete_fields}
    return tuple(name for name in fills if not fills[name]), tuple(name for name in fills if fills[name])


def _values(row: models.Model, columns: Sequence[str]) -> dict[str, Any]:
    """As PostgreSQL reads them from JSON: bytes have a spelling of their own."""
    known = row.__dict__
    return {
        name: "\\x" + bytes(value).hex() if isinstance(value := known[name], bytes | memoryview) else value
        for name in columns
    }


def _json(value: Any) -> str:
    return to_json(value, fallback=_other).decode()


def _other(value: Any) -> str:
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written together")


@lru_cache(maxsize=256)
def _statement(tables: tuple[tuple[type[models.Model], tuple[str, ...]], ...], changes: tuple[str, ...] = ()) -> str:
    parts = []
    for number, (model, columns) in enumerate(tables):
        table, names = f'"{model._meta.db_table}"', ", ".join(f'"{name}"' for name in columns)
        parts.append(
            f"new_{number} AS (INSERT INTO {table} ({names})"
            f" SELECT {names} FROM json_populate_recordset(NULL::{table}, %s::json))"
        )
    parts += [f"change_{number} AS ({sql})" for number, sql in enumerate(changes)]
    rows = f"WITH {', '.join(parts)} " if parts else ""
    return f"""{rows}SELECT (SELECT count(pg_notify('wenguo', said)) FROM json_array_elements_text(%s::json) AS said),
        (SELECT procrastinate_defer_jobs_v1(array_agg(job))
         FROM json_populate_recordset(NULL::procrastinate_job_to_defer_v1, %s::json) AS job HAVING count(*) > 0)"""

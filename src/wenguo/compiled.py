"""Queries that every page asks: Django writes their SQL once, later only the values are put in.

    found = ask("session", lambda key, at: Session.objects.filter(session_key=key, expire_date__gt=at), key, now)

gives the same list as the query itself. Making SQL is the dearest part of a small query, dearer than asking it.

`make` is called with stand-ins for the values, once for each `key` and each length of a list among the values. So
whatever else it depends on belongs into `key`, and it may hand the values only to lookups that leave them as they are
(`=`, `<`, `in`); where one does not, that is noticed at once. A value is a moment, a whole number that an integer
column holds, a text, or a list of such.

The database, too, is spared its part: each connection is told a query once (`PREPARE`), with all that is not a value
written out, so that it sees which indexes serve, and then only executes it, with the values beside it: no cursor
writes them into a text that the database takes apart again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Model, QuerySet
from django.db.models import query as reading
from django.db.models.base import ModelState
from psycopg import errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.sql import Literal

M = TypeVar("M", bound=Model)
T = TypeVar("T")
KEPT = 300  # queries
Row = tuple[Any, ...]

_MOMENT = datetime(9000, 1, 1, tzinfo=UTC)
_NUMBER = 2_147_000_000
Make = Callable[..., QuerySet[Any, Any]]


def ask(key: Hashable, make: Callable[..., QuerySet[M, Any]], *values: Any) -> list[Any]:
    """The rows of `make(*values)`."""
    shape = _shape(values)
    if (found := _known.get((key, shape))) is None:
        found = _keep((key, shape), _compile(make, shape))
    return [] if found is _NOTHING else list(found.rows(values))


def filled(key: Hashable, write: Callable[..., tuple[T, str, Sequence[Any]]], *values: Any) -> tuple[T, list[Row]]:
    """For SQL of one's own: `write(*values)` gives something to know the answer by, the SQL, and its parameters. What
    comes back is the same something, and the rows.
    """
    shape = _shape(values)
    if (found := _known.get((key, shape))) is None:
        stand_ins = list(_stand_ins(shape))
        known_by, sql, params = write(*stand_ins)
        found = _keep((key, shape), (known_by, _Statement(sql, params, stand_ins)))
    known_by, statement = found
    return known_by, statement.rows(connections["default"], values)


def run(sql: str, params: Sequence[Any] = ()) -> list[Row]:
    """The rows of SQL of one's own whose text never varies (none, if it gives none): the database reads and plans it
    once a connection. Give each parameter its type (`%s::bigint[]`) where the place does not.
    """
    if (found := _own.get(sql)) is None:
        found = _own[sql] = _Named(sql)
    return found.answer(connections["default"], params)


def evened(ids: list[int], by: int = 10) -> list[int]:
    """The same ids, the last one repeated up to a multiple of so many: a few statements serve lists of any length."""
    return ids + ids[-1:] * (-len(ids) % by)


_known: dict[Hashable, Any] = {}
_own: dict[str, _Named] = {}
_NOTHING = object()  # a query that finds nothing, whatever the values


def _keep(key: Hashable, made: Any) -> Any:
    if len(_known) >= KEPT:
        _known.clear()
    _known[key] = made
    return made


Shape = tuple[tuple[type, int], ...]


def _shape(values: Sequence[Any]) -> Shape:
    """What the SQL depends on: of each value the type, of a list the length, too."""
    return tuple(
        (type(v), -1) if not isinstance(v, list) else (type(v[0]) if v else type(None), len(v)) for v in values
    )


def _stand_ins(shape: Shape) -> Iterator[Any]:
    n = 0
    for kind, length in shape:
        some: list[Any] = []
        for _each in range(abs(length)):
            n += 1
            if issubclass(kind, datetime):
                some.append(_MOMENT + timedelta(microseconds=n))
            elif issubclass(kind, str):
                some.append(f"☐{n}☐")
            elif issubclass(kind, int) and not issubclass(kind, bool):
                some.append(_NUMBER + n)
            else:
                raise TypeError(f"no value of a compiled query: {kind}")
        yield some[0] if length < 0 else some


def _flat(values: Iterable[Any]) -> list[Any]:
    return [v for value in values for v in (value if isinstance(value, list) else [value])]


class _Named:
    """SQL the database knows by a name, once it was told."""

    numbers = count(1)

    def __init__(self, sql: str) -> None:
        parts = sql.replace("%%", "\0").split("%s")
        text = parts[0] + "".join(f"${n}{part}" for n, part in enumerate(parts[1:], 1))
        self._name(text.replace("\0", "%"), len(parts) - 1)
        self.plain = sql

    def _name(self, sql: str, takes: int) -> None:
        self.name, self.sql = f"wenguo_{next(self.numbers)}", sql
        self.known_as = self.name.encode()
        self.call = f"EXECUTE {self.name}" + (f"({', '.join(['%s'] * takes)})" if takes else "")
        self.formats = [PyFormat.TEXT] * takes  # the server knows what it is

    def answer(self, connection: Any, params: Sequence[Any]) -> list[Row]:
        """The rows. Past cursors, which take longer than most questions; but not past who listens to them.

        Where the driver binds and prepares by itself (`server_side_binding`) it gets the plain SQL: it would forget
        all that is prepared with its own.
        """
        if connection.settings_dict["OPTIONS"].get("server_side_binding"):
            return _by_cursor(connection, self.plain, params)
        line = self.tell(connection)
        if connection.execute_wrappers or connection.queries_logged:
            return _by_cursor(connection, self.call, params)
        connection.validate_no_broken_transaction()
        with connection.wrap_database_errors:
            return line.ask(connection.connection, self, params)

    def tell(self, connection: Any) -> _Line:
        """See that the connection knows it."""
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        if (line := getattr(connection.connection, "wenguo_line", None)) is None:
            line = connection.connection.wenguo_line = _Line(connection.connection)
        told = line.told
        if self.name not in told:
            # Past Django, so that what a page asks counts the same whether its connection is new or not.
            with connection.wrap_database_errors, connection.connection.cursor() as cursor:
                if len(told) >= KEPT:
                    cursor.execute("DEALLOCATE ALL")
                    told.clear()
                cursor.execute(f"PREPARE {self.name} AS {self.sql}")
            told.add(self.name)
        return line


class _Line:
    """What a connection of the driver was told, and what makes bytes of values there and values of bytes."""

    def __init__(self, connection: Any) -> None:
        self.told: set[str] = set()  # names of statements
        self.values = Transformer(connection)

    def ask(self, connection: Any, named: _Named, params: Sequence[Any]) -> list[Row]:
        server, values = connection.pgconn, self.values
        given = values.dump_sequence(params, named.formats) if params else None
        if not connection.autocommit and server.transaction_status == TransactionStatus.IDLE:
            connection.wait(connection._start_query())  # BEGIN
        answer = server.exec_prepared(named.known_as, given)
        if answer.status == ExecStatus.COMMAND_OK:
            return []
        if answer.status != ExecStatus.TUPLES_OK:
            failure = errors.error_from_result(answer)
            if failure.sqlstate is None and not isinstance(failure, errors.OperationalError):
                raise errors.OperationalError(str(failure))  # not the server's words: it was cut off before it said why
            raise failure
        values.set_pgresult(answer)
        try:
            return values.load_rows(0, answer.ntuples, tuple)
        finally:
            values.set_pgresult(None)


def _by_cursor(connection: Any, sql: str, params: Sequence[Any]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


class _Statement(_Named):
    """SQL whose parameters are values, or are written out in it."""

    def __init__(self, sql: str, params: Sequence[Any], stand_ins: Sequence[Any]) -> None:
        place = {v: n for n, v in enumerate(_flat(stand_ins))}
        self.takes: list[int] = []
        self.plain, self.params = sql, list(params)
        self.places: list[int | None] = []  # of each parameter of the plain SQL: which value it is
        parts = sql.replace("%%", "\0").split("%s")
        text = [parts[0]]
        for param, after in zip(params, parts[1:], strict=True):
            if isinstance(param, datetime | str | int) and param in place:
                self.takes.append(place[param])
                self.places.append(place[param])
                text += [f"${len(self.takes)}", after]
            else:
                self.places.append(None)
                text += [Literal(param).as_string(None), after]
        self._name("".join(text).replace("\0", "%"), len(self.takes))
        lost = [v for v in place if (v if isinstance(v, str) else str(v)) in self.sql]
        assert not lost, "a value was changed or written out on its way into the SQL"

    def rows(self, connection: Any, values: Sequence[Any]) -> list[Row]:
        flat = _flat(values)
        if connection.settings_dict["OPTIONS"].get("server_side_binding"):
            places = zip(self.params, self.places, strict=True)
            return _by_cursor(connection, self.plain, [param if n is None else flat[n] for param, n in places])
        return self.answer(connection, [flat[n] for n in self.takes])


def _compile(make: Make, shape: Shape) -> Any:
    stand_ins = list(_stand_ins(shape))
    query = make(*stand_ins)
    assert not query._prefetch_related_lookups, "a compiled query cannot prefetch"  # type: ignore[attr-defined]
    compiler = query.query.get_compiler(using=query.db)
    try:
        sql, params = compiler.as_sql()
    except EmptyResultSet:
        return _NOTHING
    return _Rows(query, compiler, _Statement(sql, params, stand_ins))


@dataclass
class _Rows:
    """A query with its statement. What Django works out anew for each answer is kept: how values are converted, and
    which columns make which instance."""

    query: Any
    compiler: Any
    statement: _Statement

    def rows(self, values: Sequence[Any]) -> Iterator[Any]:
        """Read as Django reads them, by a compiler of our own that has its rows already."""
        rows = self._converted(connections[self.query.db], values)
        if self.query._iterable_class is reading.ModelIterable:
            return self._instances(rows)
        compiler = copy(self.compiler)
        compiler.results_iter = lambda *_args, **_kwargs: iter(rows)
        query = copy(self.query.query)
        query.get_compiler = lambda *_args, **_kwargs: compiler
        return iter(self.query._iterable_class(_Asking(query, self.query.db, self.query._fields)))

    def _converted(self, connection: Any, values: Sequence[Any]) -> list[Row]:
        rows = self.statement.rows(connection, values)
        if self.compiler.has_extra_select:  # what it is sorted by alone
            rows = [row[: self.compiler.col_count] for row in rows]
        if not self.converters:
            return rows
        made = []
        for row in map(list, rows):
            for at, (converters, expression) in self.converters.items():
                for converter in converters:
                    row[at] = converter(row[at], expression, connection)
            made.append(tuple(row))
        return made

    @cached_property
    def converters(self) -> dict[int, Any]:
        found: dict[int, Any] = self.compiler.get_converters([column[0] for column in self.compiler.select])
        return found

    @cached_property
    def related(self) -> list[Any]:
        populators: Any = reading.get_related_populators
        found: list[Any] = populators(self.compiler.klass_info, self.compiler.select, self.query.db)
        waiting = [*found]
        while waiting:
            one = waiting.pop()
            one.model_cls = _Made(one.model_cls)
            waiting += one.related_populators
        return found

    def _instances(self, rows: Iterable[Row]) -> Iterator[Any]:
        model, db, related = self.compiler.klass_info["model"], self.query.db, self.related
        columns = self.compiler.klass_info["select_fields"]
        first, end = columns[0], columns[-1] + 1
        names = [column[0].target.attname for column in self.compiler.select[first:end]]
        noted = [*(self.compiler.annotation_col_map or {}).items()]
        for row in rows:
            found = made(model, names, row[first:end], db)
            for other in related:
                other.populate(row, found)
            for name, at in noted:
                setattr(found, name, row[at])
            yield found


def made(model: type[M], names: Sequence[str], values: Sequence[Any], db: str = "default") -> M:
    """An instance from a row, as a model makes it, but without asking each field. Columns that were not read stay
    away; Django fetches them when they are asked for.
    """
    found = model.__new__(model)
    found._state = state = ModelState()
    state.adding, state.db = False, db
    found.__dict__.update(zip(names, values, strict=True))
    return found


@dataclass
class _Made:
    """Makes instances so where Django asks a model for them."""

    model: type[Model]

    def from_db(self, db: str, names: Sequence[str], values: Sequence[Any]) -> Any:
        return made(self.model, names, values, db)


@dataclass
class _Asking:
    """As much of a QuerySet as its rows are read with."""

    query: Any
    db: str
    _fields: Any
    _known_related_objects: dict[Any, Any] = field(default_factory=dict)

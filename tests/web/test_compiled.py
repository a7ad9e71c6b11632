"""Queries whose SQL is made once: they find what the query itself finds, whatever the values."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from psycopg import errors
from psycopg.pq import ConnStatus

from wenguo import away, compiled
from wenguo.cases.case import Case
from wenguo.cases.clock import Clock
from wenguo.compiled import ask, filled, run
from wenguo.people.staff import Person

pytestmark = pytest.mark.django_db
THEN = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def people() -> list[Person]:
    return [
        Person.objects.create_user(f"p{n}", None, name=f"王{n}", joined_at=THEN + timedelta(days=n)) for n in range(4)
    ]


def joined_by(at: datetime) -> Any:
    return Person.objects.filter(joined_at__lte=at).order_by("joined_at")


def test_the_second_time_no_sql_is_made_and_the_new_values_count(people: list[Person]) -> None:
    asked: list[datetime] = []

    def make(at: datetime) -> Any:
        asked.append(at)
        return joined_by(at)

    for days in range(-1, 5):
        at = THEN + timedelta(days=days)
        assert ask("test joined", make, at) == list(joined_by(at))
    assert len(asked) == 1 and asked[0].year == 9000


def test_lists_texts_and_numbers_are_values_too(people: list[Person]) -> None:
    def make(ids: Any, name: Any) -> Any:
        return Person.objects.filter(pk__in=ids).exclude(name=name).order_by("-pk").values_list("pk", "name")

    for some in ([people[0].pk], [p.pk for p in people], [people[2].pk, people[1].pk], []):
        assert ask("test ids", make, some, "王1") == list(make(some, "王1"))


def test_rows_are_read_as_the_query_reads_them(people: list[Person]) -> None:
    def plain(pk: int) -> Any:
        return Person.objects.filter(pk=pk).annotate(both=Concat("name", Value("/"), F("username"))).values("both")

    assert ask("test plain", plain, people[3].pk) == [{"both": "王3/p3"}]
    one = ask("test whole", lambda pk: Person.objects.filter(pk=pk), people[3].pk)[0]
    assert one == people[3] and one.joined_at == people[3].joined_at and not one._state.adding
    one.name = "赵三"
    one.save(update_fields=["name"])
    assert ask("test whole", lambda pk: Person.objects.filter(pk=pk), people[3].pk)[0].name == "赵三"


def test_instances_are_those_of_the_query_with_all_that_hangs_on_them(desk: Any) -> None:
    case = desk.triages(desk.receives("空调漏电,要求退款"))
    related = ("record", "customer", "owner", "stream", "merged_into")

    def make(pk: int) -> Any:
        noted = Case.objects.annotate(again=F("repeats") + 1).defer("subject")
        return noted.select_related(*related).filter(pk=pk)

    for _time in range(2):
        found, slow = ask("case and all", make, case.pk)[0], make(case.pk).get()
        assert found == slow and found.again == 1 and not found._state.adding and found._state.db == "default"
        plain, theirs = ({k: v for k, v in vars(row).items() if k != "_state"} for row in (found, slow))
        assert plain == theirs and "subject" not in plain and isinstance(found.flags, list)
        for name in related:
            assert name in found._state.fields_cache and getattr(found, name) == getattr(slow, name)
        assert found.record.case is found and found.record.wishes == slow.record.wishes
        assert found.subject == case.subject  # what was left out is fetched
    ours = ask("clocks", lambda pk: Clock.objects.filter(case=pk).order_by("pk"), case.pk)
    assert [c.allowance for c in ours] == [c.allowance for c in case.clocks.order_by("pk")]  # JSON, converted


def test_sql_of_one_s_own_is_told_the_database_once(people: list[Person]) -> None:
    def write(at: datetime, pk: int) -> tuple[str, str, list[Any]]:
        sql = "SELECT name LIKE '王%%', %s, name FROM people_person WHERE id = %s AND joined_at < %s"
        return "names", sql, ["it's", pk, at]

    found = [filled("test text", write, THEN + timedelta(days=1), person.pk) for person in people[:2]]
    assert found == [("names", [(True, "it's", "王0")]), ("names", [])]


def test_sql_that_never_varies_is_planned_once_a_connection(people: list[Person]) -> None:
    sql = "SELECT name LIKE '王%%', name FROM people_person WHERE id = ANY(%s::bigint[]) AND name <> %s ORDER BY id"
    for left_out in ("王0", "it's"):
        found = [name for _fits, name in run(sql, [[p.pk for p in people[:2]], left_out])]
        assert found == [n for n in ("王0", "王1") if n != left_out]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%ANY($1::bigint[])%"])
        assert cursor.fetchone() == (1,)


def test_what_the_database_refuses_is_refused_as_by_a_cursor(people: list[Person]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        run("UPDATE people_person SET username = %s WHERE id = %s", ["p1", people[0].pk])
    assert run("UPDATE people_person SET name = %s WHERE id = %s", ["李四", people[0].pk]) == []
    with pytest.raises(TransactionManagementError), transaction.atomic():
        transaction.set_rollback(True)
        run("SELECT 1")


def test_who_listens_hears_it_and_gets_the_same(people: list[Person]) -> None:
    sql = "SELECT id, joined_at, json_build_array(name) FROM people_person WHERE id = %s AND joined_at = %s"
    given = [people[1].pk, people[1].joined_at]
    plain = run(sql, given)
    with CaptureQueriesContext(connection) as heard:
        assert run(sql, given) == plain == [(people[1].pk, people[1].joined_at, ["王1"])]
    assert len(heard) == 1 and heard[0]["sql"].startswith("EXECUTE")


def test_the_first_question_begins_the_transaction() -> None:
    database = connections.create_connection("default")
    try:
        database.set_autocommit(False)
        for _time in range(2):
            wrote = compiled._Named("SELECT pg_current_xact_id()::text").answer(database, [])
            assert compiled._Named("SELECT pg_current_xact_id_if_assigned()::text").answer(database, []) == wrote
            database.rollback()
    finally:
        database.close()


@pytest.mark.parametrize("at_work", [False, True])
def test_a_connection_that_was_cut_off_says_that_the_database_is_away(at_work: bool) -> None:
    database = connections.create_connection("default")
    named = compiled._Named("SELECT 1")
    try:
        if at_work:
            database.set_autocommit(False)
        assert named.answer(database, []) == [(1,)]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [database.connection.info.backend_pid])
        for _time in range(2):
            with pytest.raises(OperationalError) as failed:
                named.answer(database, [])
            assert away.is_offline(failed.value)
    finally:
        database.close()


def test_what_the_driver_says_itself_is_no_answer_of_the_database() -> None:
    """The server was killed; the driver has noticed that nothing comes, and still calls the connection sound."""
    database = connections.create_connection("default")
    named = compiled._Named("SELECT 1")
    try:
        assert named.answer(database, []) == [(1,)]
        line, server = database.connection.wenguo_line, database.connection.pgconn
        with socket.socket(fileno=os.dup(server.socket)) as half:
            half.shutdown(socket.SHUT_RDWR)
        nothing = server.exec_prepared(named.known_as, None)
        sound = SimpleNamespace(exec_prepared=lambda *_given: nothing, status=ConnStatus.OK)
        with pytest.raises(errors.OperationalError, match="closed the connection"):
            line.ask(SimpleNamespace(pgconn=sound, autocommit=True), named, [])
    finally:
        database.close()


def test_another_connection_is_told_too(people: list[Person]) -> None:
    pk = people[0].pk
    assert ask("test told", lambda pk: Person.objects.filter(pk=pk), pk)
    with connection.cursor() as cursor:  # as a connection that has just been opened knows nothing
        cursor.execute("DEALLOCATE ALL")
    del connection.connection.wenguo_line
    assert ask("test told", lambda pk: Person.objects.filter(pk=pk), pk)


@pytest.mark.parametrize("lookup", ["name__contains", "name__iexact"])
def test_a_value_that_a_lookup_changes_is_noticed(lookup: str) -> None:
    with pytest.raises(AssertionError, match="changed"):
        ask(f"test {lookup}", lambda name: Person.objects.filter(**{lookup: f"{name}!"}), "王")


def test_what_can_be_no_value_is_refused() -> None:
    with pytest.raises(TypeError):
        ask("test flag", lambda on: Person.objects.filter(is_active=on), True)


def test_not_more_than_so_many_are_kept(monkeypatch: pytest.MonkeyPatch, people: list[Person]) -> None:
    monkeypatch.setattr(compiled, "_known", {})
    monkeypatch.setattr(compiled, "KEPT", 3)
    at = THEN + timedelta(days=9)
    for n in range(9):
        assert ask(("test many", n), joined_by, at) == list(joined_by(at))
        assert len(compiled._known) <= 3

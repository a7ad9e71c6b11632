"""All rows of a new complaint in one statement: the same rows, the same jobs, all or none."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.expressions import DatabaseDefault
from django.test.utils import CaptureQueriesContext

from wenguo import journal
from wenguo.cases.case import Case, Record
from wenguo.cases.clock import Clock
from wenguo.cases.intake import Complaint, receive
from wenguo.customers.customer import Customer, Identity, link
from wenguo.customers.identity import Claims
from wenguo.journal import Event, Stream
from wenguo.later import later
from wenguo.together import Together, instance

JOBS = "SELECT id, queue_name, task_name, priority, lock, queueing_lock, args, status, attempts FROM procrastinate_jobs"


def jobs(since=0):
    with connection.cursor() as cursor:
        cursor.execute(f"{JOBS} WHERE id > %s ORDER BY id", [since])
        return cursor.fetchall()


def test_a_complaint_of_a_new_customer_takes_few_statements(desk):
    complaint = Complaint("phone", "退款一直没有到账", name="王小明", phone="13812349999", mail="x@example.com")
    receive(Complaint("phone", "先来一件", phone="13812340000"), by=desk.agent, at=desk.now)  # the month's first number
    with CaptureQueriesContext(
        connection,
    ) as said:
        case = receive(complaint, by=desk.agent, at=desk.now).case
    acts = [q["sql"] for q in said.captured_queries if "SAVEPOINT" not in q["sql"]]
    assert len(acts) <= 7, acts
    case.refresh_from_db()
    assert journal.verify(case.stream).ok
    assert case.submissions.get().case == case
    assert case.clocks.count() == case.stream.events.filter(type="clock.started").count() > 0
    assert {row[2] for row in jobs() if row[6] == {"case_id": case.pk} or str(case.pk) in str(row[6])} == {
        "cases.acknowledge", "cases.read",
    }  # fmt: skip


def test_what_is_written_together_is_what_would_be_written_alone(desk):
    name = "O'Neil \\ 王小明 é"
    together = link(Claims(name=name, phone="13812349999"), at=desk.now)
    alone = Customer.objects.create(name=name, created_at=desk.now)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(c) - 'id' FROM customers_customer c WHERE id IN (%s, %s)", [together.pk, alone.pk]
        )
        one, other = (row[0] for row in cursor.fetchall())
    assert one == other


def test_a_job_written_with_rows_is_the_job_that_later_makes(desk):
    last = max((row[0] for row in jobs()), default=0)
    later("cases.read", case_id=7)
    rows = Together()
    rows.later("cases.read", case_id=7)
    with transaction.atomic():
        rows.write()
    one, other = (row[1:] for row in jobs(last))
    assert one == other


def test_all_or_nothing(desk):
    taken = link(Claims(name="王小明", phone="13812349999"), at=desk.now).identities.get()
    before = Customer.objects.count(), jobs()[-1:], journal.Stream.objects.count()
    rows = Together()
    rows.expect(Customer, Identity)
    other = rows.add(Customer(pk=rows.id(Customer), name="另一位", created_at=desk.now))
    rows.add(Identity(pk=rows.id(Identity), customer=other, kind=taken.kind, value=taken.value, shown=taken.shown))
    journal.begin("customer", str(other.pk), [], rows=rows)
    rows.later("cases.read", case_id=7)
    heard = []
    rows.afterwards(lambda: heard.append("written"))
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.write()
    assert (Customer.objects.count(), jobs()[-1:], journal.Stream.objects.count()) == before
    assert heard == []


def test_ids_are_drawn_at_once_and_never_twice(desk):
    rows = Together()
    rows.expect(Customer, Customer, Case)
    with CaptureQueriesContext(connection) as said:
        drawn = [rows.id(Customer), rows.id(Customer), rows.id(Case)]
    assert len(said) == 1
    more = [rows.id(Customer) for _n in range(3)]
    assert len({drawn[0], drawn[1], *more}) == 5
    assert rows.id("cases_number_of_no_month") is None


def test_an_instance_made_quickly_is_the_one_its_class_makes(desk):
    case, at = desk.receives("空调漏电,要求退款"), desk.now
    for model, values in (
        (Stream, {"pk": 7, "kind": "case", "ref": "TS-1"}),
        (Event, {"stream": case.stream, "seq": 3, "type": "case.noted", "at": at, "by": "system", "data": {}}),
        (Clock, {"case": case, "kind": "solve", "rule": "S", "title": "解决", "allowance": {}, "calendar": "c"}),
        (Case, {"number": "TS-1", "customer": case.customer, "owner": None, "unit_id": 5, "policy": case.policy}),
        (Record, {"case": case, "description": "空调漏电", "wishes": ["退款"]}),
    ):
        quick, slow = instance(model, **values), model(**values)
        assert columns(quick) == columns(slow) and quick._state.adding and quick._state.db is None
        assert all(getattr(quick, name) == value for name, value in values.items())
    assert case.record == quick  # the other end of one to one, as Django does it
    assert instance(Case).flags is not instance(Case).flags  # a default list is not shared
    with pytest.raises(TypeError, match="Clock has no sort"):
        instance(Clock, sort="solve")


def columns(row):
    return {
        f.attname: value if not isinstance(value := row.__dict__[f.attname], DatabaseDefault) else "of the database"
        for f in row._meta.concrete_fields
    }

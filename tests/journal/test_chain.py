"""How events get in."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from hashlib import sha256

import pytest
from django.db import connection, connections, transaction

from wenguo import journal
from wenguo.errors import Invalid

from .conftest import NOON, told


def test_each_event_carries_the_hash_of_the_one_before(tell):
    stream = tell(n=3)
    events = list(stream.events.all())
    assert [event.seq for event in events] == [1, 2, 3]
    assert [bytes(e.previous) for e in events] == [bytes(32), bytes(events[0].hash), bytes(events[1].hash)]
    stream.refresh_from_db()
    assert (stream.seq, bytes(stream.head)) == (3, bytes(events[2].hash))
    assert journal.verify(stream) == journal.Verdict(True, 3, None, "3 条记录完好")


def test_the_hash_is_the_documented_one(tell):
    event = tell(n=1).events.get()
    private = sha256(bytes(event.salt) + '{"words":"第 1 句:肉是坏的 🙁"}'.encode()).hexdigest()
    text = (
        '{"at":"2026-11-20T04:01:00.000000Z","because":"AP-2","by":"staff:17","data":{"level":"二级","n":1},'
        f'"private":"{private}","seq":1,"stream":"case:TS-0042","type":"story.told"}}'
    )
    assert bytes(event.hash) == sha256(bytes(32) + text.encode()).digest()


def test_an_instance_that_has_fallen_behind_appends_at_the_real_end(db, django_assert_num_queries):
    stream = journal.open_stream("case", "TS-1")
    behind = journal.Stream.objects.get(pk=stream.pk)
    journal.append(stream, [told(1), told(2)])
    with django_assert_num_queries(3):
        events = journal.append(behind, [told(3)])
    assert [e.seq for e in events] == [3] and behind.seq == 3
    assert journal.verify(stream).events == 3 and journal.verify(stream).ok


def test_what_changes_along_is_changed_with_the_events_or_nothing_is(db, django_assert_num_queries):
    stream = journal.open_stream("case", "TS-1")
    behind = journal.Stream.objects.get(pk=stream.pk)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE counted ON COMMIT DROP AS SELECT 0 AS n")
    change = "changed AS (UPDATE counted SET n = n + 1 WHERE n = %s RETURNING n)"
    with django_assert_num_queries(1):
        journal.append(stream, [told(1)], journal.Along(change, [0]))
    with pytest.raises(journal.Unchanged):
        journal.append(stream, [told(2)], journal.Along(change, [0]))
    events = journal.append(behind, [told(2)], journal.Along(change, [1]))  # fallen behind: changed once all the same
    assert [e.seq for e in events] == [2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT n FROM counted")
        assert cursor.fetchone() == (2,)
    assert journal.verify(stream).events == 2 and journal.verify(stream).ok


def test_many_streams_grow_by_one_query_and_only_together(db, django_assert_num_queries):
    streams = [journal.open_stream("case", f"TS-{n}") for n in range(3)]
    with django_assert_num_queries(1):
        events = journal.append_all([(s, [told(n), told(n + 1)]) for n, s in enumerate(streams)] + [(streams[0], [])])
    assert [(e.stream_id, e.seq) for e in events] == [(s.pk, seq) for s in streams for seq in (1, 2)]
    assert all(journal.verify(s).ok and journal.verify(s).events == 2 for s in streams)
    behind = journal.Stream.objects.get(pk=streams[1].pk)
    journal.append(streams[1], [told(7)])
    with pytest.raises(RuntimeError):
        journal.append_all([(streams[0], [told(8)]), (behind, [told(8)])])
    assert [journal.verify(s).events for s in streams] == [2, 3, 2]


def test_a_batch_is_one_query(db, django_assert_num_queries):
    stream = journal.open_stream("case", "TS-1")
    with transaction.atomic(), django_assert_num_queries(1):
        events = journal.append(stream, [told(n) for n in range(1, 6)])
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    assert [event.pk for event in events] == list(stream.events.values_list("pk", flat=True))
    assert stream.seq == 5
    assert events[4].data == stream.events.get(seq=5).data
    assert events[4].private == stream.events.get(seq=5).private
    assert journal.verify(stream).ok


def test_a_stream_may_be_given_by_its_id_and_nothing_may_be_appended(db):
    stream = journal.open_stream("case", "TS-1")
    assert journal.append(stream.pk, []) == []
    assert journal.append(stream.pk, [told()])[0].stream.pk == stream.pk
    assert journal.open_stream("case", "TS-1").seq == 1


def test_no_private_part_is_not_an_empty_one(db):
    stream = journal.open_stream("case", "TS-1")
    journal.append(stream, [told(private=None), told(private={})])
    first, second = stream.events.all()
    assert first.salt is None and first.private_digest is None and not first.is_erased
    assert second.private == {} and second.salt is not None
    assert journal.verify(stream).ok


@pytest.mark.parametrize(
    ("entry", "refusal"),
    [
        (journal.Entry("story.unheard_of", "system", NOON), journal.UnknownType),
        (told(data={"price": 0.5}), journal.NotCanonical),
        (told(private={"price": 0.5}), journal.NotCanonical),
        (told(data=["not an object"]), journal.NotCanonical),
        (journal.Entry("story.told", "system", NOON.replace(tzinfo=None)), journal.NotCanonical),
        (journal.Entry("story.told", "", NOON), journal.NotCanonical),
        (told(private={"words": "a\x00b"}), Invalid),
    ],
)
def test_a_bad_entry_is_refused_and_the_good_one_before_it_too(db, entry, refusal):
    stream = journal.open_stream("case", "TS-1")
    with pytest.raises(refusal):
        journal.append(stream, [told(), entry])
    assert not stream.events.exists()


def test_odd_text_survives(db):
    stream = journal.open_stream("case", "TS-1")
    words = "\u202e右到左 <script>alert('x')</script> %s {} \\u0000 \\x00 ' \" \x7f\t\u2028 🙁" + "长" * 1_000_000
    journal.append(stream, [told(data={words[:50]: words}, private={"words": words})])
    event = stream.events.get()
    assert event.private == {"words": words} and event.data == {words[:50]: words}
    assert journal.verify(stream).ok


@pytest.mark.parametrize("ref", ["", "a b", "a\n", "a\u2028"])
def test_a_stream_needs_a_name_that_can_be_written_down(db, ref):
    with pytest.raises(ValueError):
        journal.open_stream("case", ref)


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_appended():
    stream = journal.open_stream("case", "TS-1")
    with pytest.raises(transaction.TransactionManagementError):
        journal.append(stream, [told()])


@pytest.mark.django_db(transaction=True)
def test_two_people_write_into_one_stream_without_gap_or_fork():
    stream, each = journal.open_stream("case", "TS-1"), 40
    start, failures = threading.Barrier(2), []

    def write() -> None:
        try:
            start.wait(10)
            for _n in range(each):
                with transaction.atomic():
                    journal.append(stream.pk, [told(1), told(2)])
        except Exception as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert list(stream.events.values_list("seq", flat=True)) == list(range(1, 4 * each + 1))
    assert journal.verify(stream) == journal.Verdict(True, 4 * each, None, f"{4 * each} 条记录完好")


@pytest.mark.django_db(transaction=True)
def test_screens_hear_of_it_when_it_is_committed_and_only_then():
    stream = journal.open_stream("case", "TS-1")
    connection.ensure_connection()
    ears = connection.get_new_connection({**connection.get_connection_params(), "autocommit": True})
    try:
        ears.execute("LISTEN wenguo")
        with pytest.raises(RuntimeError), transaction.atomic():
            journal.append(stream, [told()])
            raise RuntimeError
        with transaction.atomic():
            journal.append(stream, [told(1), told(2)])
        heard = [json.loads(notice.payload) for notice in ears.notifies(timeout=5, stop_after=2)]
    finally:
        ears.close()
    assert heard == [
        {"topic": "case:TS-1", "type": "story.told", "seq": 1},
        {"topic": "case:TS-1", "type": "story.told", "seq": 2},
    ]


def test_subscribers_hear_in_order_by_prefix_and_may_append(db):
    heard = []

    def listen(stream: journal.Stream, event: journal.Event) -> None:
        heard.append((stream.name, event.seq))
        if event.seq == 1:
            journal.append(stream, [journal.Entry("story.changed", "system", NOON)])

    stops = [journal.subscribe("story.told", listen), journal.subscribe("story.told", listen)]
    stops.append(journal.subscribe("other.", lambda *_: heard.append("wrong")))
    try:
        stream = journal.open_stream("case", "TS-1")
        journal.append(stream, [told(1), told(2)])
    finally:
        for stop in stops:
            stop()
    assert heard == [("case:TS-1", 1), ("case:TS-1", 2)]
    assert stream.seq == 3 and journal.verify(stream).ok


@pytest.mark.django_db(transaction=True)
def test_a_subscriber_that_fails_undoes_the_act():
    def refuse(stream: journal.Stream, event: journal.Event) -> None:
        raise RuntimeError("no")

    stream = journal.open_stream("case", "TS-1")
    stop = journal.subscribe("story.", refuse)
    try:
        with pytest.raises(RuntimeError), transaction.atomic():
            journal.append(stream, [told()])
    finally:
        stop()
    assert journal.verify(stream) == journal.Verdict(True, 0, None, "0 条记录完好")


def test_types_have_titles_and_say_who_may_know():
    assert journal.title_of("story.told") == "讲述"
    assert journal.is_public("story.told") and not journal.is_public("story.changed")
    assert journal.define("story.told", "讲述", public=True) == "story.told"
    with pytest.raises(ValueError):
        journal.define("story.told", "另一个名字", public=True)
    with pytest.raises(ValueError):
        journal.define("Story Told", "讲述")
    with pytest.raises(journal.UnknownType):
        journal.title_of("story.unheard_of")
    assert journal.types()["story.told"].public


def test_types_can_be_defined_before_the_apps_are_ready():
    """As chapters do while Django is still importing their models: no table, no translation may be needed for it."""
    code = (
        "import sys; from django.utils.translation import gettext_lazy as _; from wenguo import journal;"
        "journal.define('case.received', _('收到')); journal.subscribe('case.', print);"
        "assert 'wenguo.journal.models' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

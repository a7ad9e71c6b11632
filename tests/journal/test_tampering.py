"""The database refuses to rewrite the journal; and where somebody makes it, it is noticed."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from wenguo import journal

from .conftest import NOON, told

REFUSED = "append-only"


def drop_foreign_keys() -> None:
    """Whoever restores a doctored dump is not asked by them."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype = 'f' AND confrelid = 'journal_stream'::regclass"
        )
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE journal_event SET at = at + interval '1 microsecond'",
        "UPDATE journal_event SET data = '{}'",
        'UPDATE journal_event SET data = \'{"n": 1.0, "level": "二级"}\'',
        "UPDATE journal_event SET private = '{}'",
        "UPDATE journal_event SET private = NULL",
        "UPDATE journal_event SET salt = NULL",
        "UPDATE journal_event SET private = NULL, salt = NULL, by = 'system'",
        "UPDATE journal_event SET hash = previous",
        "DELETE FROM journal_event",
        "UPDATE journal_stream SET seq = seq - 1",
        "UPDATE journal_stream SET head = '\\x00'",
        "UPDATE journal_stream SET ref = 'TS-0043'",
        "DELETE FROM journal_stream",
        "UPDATE journal_root SET root = previous_root",
        "DELETE FROM journal_root",
        "UPDATE journal_leaf SET seq = 1",
        "DELETE FROM journal_leaf",
        "TRUNCATE journal_event CASCADE",
        "TRUNCATE journal_leaf",
        "TRUNCATE journal_leaf, journal_root",
        "TRUNCATE journal_stream, journal_event, journal_leaf CASCADE",
    ],
)
def test_the_database_refuses(tell, sql):
    stream = tell()
    assert journal.fold(NOON)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL wenguo.allow_truncate = off")
        with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
            cursor.execute(sql)
    assert journal.verify(stream).ok


def test_django_is_refused_too(tell):
    event = tell().events.first()
    event.because = "AP-9"
    for attempt in (event.save, event.delete, lambda: event.stream.events.all().delete()):
        with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
            attempt()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('data = \'{"n": 3, "level": "三级"}\'', "内容与其指纹不符"),
        ('data = \'{"n": 3.0, "level": "二级"}\'', "不是规范格式"),
        ('private = \'{"words": "第 3 句:肉是好的 🙁"}\'', "文字与其摘要不符"),
        ("private = NULL", "文字与其摘要不符"),
        ("salt = decode(repeat('00', 16), 'hex')", "文字与其摘要不符"),
        ("salt = NULL", "文字与其摘要不符"),
        ("private_digest = NULL", "内容与其指纹不符"),
        ("private_digest = set_byte(private_digest, 31, get_byte(private_digest, 31) # 1)", "内容与其指纹不符"),
        ("private = NULL, salt = NULL", "被清除而无清除记录"),
        ("by = 'staff:18'", "内容与其指纹不符"),
        ("at = at + interval '1 microsecond'", "内容与其指纹不符"),
        ("type = 'story.changed'", "内容与其指纹不符"),
        ("because = ''", "内容与其指纹不符"),
        ("previous = set_byte(previous, 0, get_byte(previous, 0) # 128)", "不相接"),
        ("hash = set_byte(hash, 0, get_byte(hash, 0) # 128)", "内容与其指纹不符"),
        ("seq = 9", "缺少第 3 条"),
    ],
)
def test_one_changed_byte_is_found_and_named(tell, forge, change, words):
    others, stream = tell("TS-1"), tell()
    forge(f"UPDATE journal_event SET {change} WHERE stream_id = %s AND seq = 3", stream.pk)
    verdict = journal.verify(stream)
    assert (verdict.ok, verdict.first_broken) == (False, 3) and words in verdict.why
    summary = journal.verify_all()
    assert not summary.ok and list(summary.broken) == ["case:TS-0042"]
    assert summary.broken["case:TS-0042"].first_broken == 3
    assert (summary.events, summary.streams) == (10, 2)
    assert journal.verify(others).ok


def test_a_missing_event_is_found(tell, forge):
    stream = tell()
    forge("DELETE FROM journal_event WHERE stream_id = %s AND seq = 3", stream.pk)
    assert journal.verify(stream).first_broken == 3


def test_closing_the_gap_does_not_help(tell, forge):
    stream = tell()
    forge("DELETE FROM journal_event WHERE stream_id = %s AND seq = 3", stream.pk)
    forge("UPDATE journal_event SET seq = seq - 1 WHERE stream_id = %s AND seq > 3", stream.pk)
    assert journal.verify(stream).first_broken == 3


def test_two_swapped_events_are_found(tell, forge):
    stream = tell()
    forge("UPDATE journal_event SET seq = seq + 100 WHERE stream_id = %s AND seq IN (2, 3)", stream.pk)
    forge("UPDATE journal_event SET seq = 105 - seq WHERE stream_id = %s AND seq > 100", stream.pk)
    assert journal.verify(stream).first_broken == 2


def test_an_event_of_another_story_does_not_fit(tell, forge):
    stream, other = tell(n=2), tell("TS-1", n=1)
    forge("DELETE FROM journal_event WHERE stream_id = %s AND seq = 1", stream.pk)
    forge("UPDATE journal_event SET stream_id = %s WHERE stream_id = %s", stream.pk, other.pk)
    assert journal.verify(stream).first_broken == 1


def test_a_cut_tail_is_found(tell, forge):
    stream = tell()
    forge("DELETE FROM journal_event WHERE stream_id = %s AND seq > 3", stream.pk)
    verdict = journal.verify(stream)
    assert verdict.first_broken == 4 and "应有 5 条，实有 3 条" in verdict.why


def test_a_cut_tail_is_found_by_the_root_when_the_stream_was_set_back_too(tell, forge):
    stream = tell()
    assert journal.fold(NOON)
    forge("DELETE FROM journal_event WHERE stream_id = %s AND seq > 3", stream.pk)
    forge(
        "UPDATE journal_stream s SET seq = 3, head = e.hash FROM journal_event e"
        " WHERE s.id = %s AND e.stream_id = s.id AND e.seq = 3",
        stream.pk,
    )
    verdict = journal.verify(stream)
    assert verdict.first_broken == 5 and "存证根" in verdict.why
    assert journal.verify_all().broken["case:TS-0042"].first_broken == 5


def test_a_whole_chain_computed_anew_is_found_by_the_root(tell, forge):
    stream = tell(n=2)
    assert journal.fold(NOON)
    forge("DELETE FROM journal_event WHERE stream_id = %s", stream.pk)
    forge("UPDATE journal_stream SET seq = 0, head = decode(repeat('00', 32), 'hex') WHERE id = %s", stream.pk)
    journal.append(stream, [told(1), told(2, data={"n": 2, "level": "三级"})])
    verdict = journal.verify(stream)
    assert verdict.first_broken == 2 and "存证根" in verdict.why
    assert list(journal.verify_all().broken) == ["case:TS-0042"]


def test_a_vanished_story_is_found(tell, forge):
    stream = tell(n=2)
    assert journal.fold(NOON)
    forge("DELETE FROM journal_event WHERE stream_id = %s", stream.pk)
    assert journal.verify(stream).first_broken == 1
    assert list(journal.verify_all().broken) == ["case:TS-0042"]
    drop_foreign_keys()
    forge("DELETE FROM journal_stream WHERE id = %s", stream.pk)
    assert journal.verify(stream).first_broken is None and not journal.verify(stream).ok
    assert set(journal.verify_all().broken) == {f"stream {stream.pk}", f"root {journal.Root.objects.get().pk}"}


def test_events_without_their_stream_are_found(tell, forge):
    stream = tell(n=2)
    drop_foreign_keys()
    forge("DELETE FROM journal_stream WHERE id = %s", stream.pk)
    assert journal.verify_all().broken[f"stream {stream.pk}"].events == 2


def test_a_changed_root_or_leaf_is_found(tell, forge):
    stream = tell()
    first = journal.fold(NOON)
    tell("TS-1")
    second = journal.fold(NOON)
    assert journal.verify_all() == journal.Summary(streams=2, events=10, roots=2)
    for change in (
        "at = at + interval '1 second'",
        "upto = upto + 1",
        "leaves = 2",
        "root = decode(repeat('07', 32), 'hex')",
    ):
        with transaction.atomic():
            forge(f"UPDATE journal_root SET {change} WHERE id = %s", first.pk)
            assert f"root {first.pk}" in journal.verify_all().broken
            transaction.set_rollback(True)
    with transaction.atomic():
        forge("DELETE FROM journal_leaf WHERE root_id = %s", second.pk)
        broken = journal.verify_all().broken
        assert f"root {second.pk}" in broken and "case:TS-1" in broken
        assert not journal.verify(journal.open_stream("case", "TS-1")).ok
        transaction.set_rollback(True)
    with transaction.atomic():
        forge("UPDATE journal_leaf SET head = decode(repeat('07', 32), 'hex') WHERE root_id = %s", first.pk)
        assert set(journal.verify_all().broken) == {f"root {first.pk}", "case:TS-0042"}
        assert journal.verify(stream).first_broken == 5
        transaction.set_rollback(True)
    forge("DELETE FROM journal_leaf WHERE root_id = %s", first.pk)
    forge("DELETE FROM journal_root WHERE id = %s", first.pk)
    assert "不相接" in journal.verify_all().broken[f"root {second.pk}"].why


def test_progress_is_told(tell):
    tell(n=3)
    heard = []
    assert journal.verify_all(lambda done, total: heard.append((done, total))).ok
    assert heard[-1] == (3, 3)


@pytest.mark.django_db(transaction=True)
def test_everything_is_checked_on_one_snapshot_outside_a_transaction_too():
    with transaction.atomic():
        journal.append(journal.open_stream("case", "TS-1"), [told()])
        journal.open_stream("case", "TS-2")
    journal.fold(NOON)
    assert journal.verify_all() == journal.Summary(streams=2, events=1, roots=1)

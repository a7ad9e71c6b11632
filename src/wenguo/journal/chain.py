"""How events get in: `append`, the only way."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from hashlib import sha256
from typing import Any

from django.db import connection, transaction

from wenguo.breath import once
from wenguo.compiled import run
from wenguo.together import Together, instance

from .canonical import NotCanonical, canonical, moment, plain
from .kinds import known, tell
from .models import Event, Stream


@dataclass(frozen=True, slots=True)
class Entry:
    """An event that is about to happen.

    by: "staff:17", "customer:5", "system". because: the id of the rule it rests on.
    data: ids, enumerations, numbers, moments; hashed. private: words and everything personal; only its salted digest
    is hashed, so that it can be erased.
    """

    type: str
    by: str
    at: datetime
    because: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    private: Mapping[str, Any] | None = None


def open_stream(kind: str, ref: str) -> Stream:
    """The stream of that name, made if it is not there."""
    if not kind.isidentifier() or not ref.isprintable() or ref != "".join(ref.split()) or not ref:
        raise ValueError(f"{kind!r}, {ref!r}: a stream needs a plain kind and a printable ref without spaces")
    return once(("stream", kind, ref), lambda: Stream.objects.get_or_create(kind=kind, ref=ref)[0])


def begin(kind: str, ref: str, entries: Sequence[Entry], *, rows: Together) -> Stream:
    """A stream that cannot be there yet, because what it tells of is made in this transaction, with its first events.

    They are written with the other `rows`; subscribers hear of them then, and of events without an id.
    """
    stream = instance(Stream, pk=rows.id(Stream), kind=kind, ref=ref)
    events: list[Event] = []
    for seq, entry in enumerate(entries, 1):
        events.append(rows.add(_chained(stream, seq, bytes(stream.head), entry)))
        stream.seq, stream.head, stream.unfolded = seq, events[-1].hash, True
        rows.announce(json.dumps({"topic": stream.name, "type": entry.type, "seq": seq}))
    rows.add(stream)
    rows.afterwards(partial(_tell_all, events))
    return stream


def _tell_all(events: Sequence[Event]) -> None:
    for event in events:
        tell(event.stream, event)


@dataclass(frozen=True, slots=True)
class Along:
    """A change to be made in the statement that tells of it: parts of a WITH. The first is called `changed` and gives a
    row if there was something to change; the others do nothing without it.
    """

    sql: str
    params: Sequence[Any]


class Unchanged(Exception):
    """What was to be changed along with the events is not as it was read; nothing is written."""


def append(stream: Stream | int, entries: Sequence[Entry], along: Along | None = None) -> list[Event]:
    """Write `entries` at the end of `stream`, in order, and tell subscribers; on commit, announce on NOTIFY wenguo.

    Must run inside a transaction: an event without the change it describes would be a lie. The stream's row stays
    locked until the transaction ends. One query where the end of the stream is as the instance says, else two more.
    `along` is written first, in the same query. Unchanged: it found nothing to change.
    UnknownType, NotCanonical: mistakes of the programmer. Invalid: text that cannot be stored.
    Source: SY-2.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("journal.append must run inside transaction.atomic()")
    if not entries:
        return []
    given = stream if isinstance(stream, Stream) else None
    pk = stream.pk if isinstance(stream, Stream) else stream
    end = once(("stream", pk), lambda: given or _locked(pk))
    events = _written([(end, entries)], along)
    if events is None:  # it had grown since it was read
        now = _locked(pk)
        end.seq, end.head = now.seq, now.head
        events = _written([(end, entries)])
        assert events is not None
    if given is not None:
        given.seq, given.head, given.unfolded = end.seq, end.head, True
    _tell_all(events)
    return events


def _locked(pk: Any) -> Stream:
    return Stream.objects.select_for_update(no_key=True).get(pk=pk)


def append_all(ends: Sequence[tuple[Stream, Sequence[Entry]]]) -> list[Event]:
    """The same for many streams at once, each named once and locked by the caller since it was read. One query."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("journal.append_all must run inside transaction.atomic()")
    ends = [(stream, entries) for stream, entries in ends if entries]
    if not ends:
        return []
    events = _written(ends)
    if events is None:
        raise RuntimeError("a stream given to append_all was not locked")
    _tell_all(events)
    return events


def digest(
    previous: bytes, stream: str, seq: int, type: str, at: str, by: str, because: str, data: Any, private: str | None
) -> bytes:
    """The hash of an event. `stream`: its name, `at`: as `moment` writes it, `private`: hex of its digest, or None."""
    whole = {
        "stream": stream,
        "seq": seq,
        "type": type,
        "at": at,
        "by": by,
        "because": because,
        "data": data,
        "private": private,
    }
    return sha256(previous + canonical(whole)).digest()


def private_digest(salt: bytes, private: Any) -> bytes:
    """What the chain keeps of the private part."""
    return sha256(salt + canonical(private)).digest()


def _chained(stream: Stream, seq: int, previous: bytes, entry: Entry) -> Event:
    known(entry.type)
    if not isinstance(entry.data, Mapping) or not (entry.private is None or isinstance(entry.private, Mapping)):
        raise NotCanonical(f"{entry.type}: data and private are objects with text keys")
    by, because = plain(entry.by, "by"), plain(entry.because, "because")
    if not isinstance(by, str) or not by or not isinstance(because, str):
        raise NotCanonical(f"{entry.type}: by={entry.by!r} because={entry.because!r} must be text")
    data, at = plain(entry.data, f"{entry.type} data"), moment(entry.at)
    private = salt = secret = None
    if entry.private is not None:
        private, salt = plain(entry.private, f"{entry.type} private"), secrets.token_bytes(16)
        secret = private_digest(salt, private)
    return instance(
        Event,
        stream=stream,
        seq=seq,
        type=entry.type,
        at=entry.at,
        by=by,
        because=because,
        data=data,
        private=private,
        salt=salt,
        private_digest=secret,
        previous=previous,
        hash=digest(previous, stream.name, seq, entry.type, at, by, because, data, secret.hex() if secret else None),
    )


_WRITE = """
    WITH {along}ends AS (
        SELECT * FROM json_to_recordset(%s::json) AS row (id bigint, name text, was bigint, seq bigint, head bytea)),
    moved AS (
        UPDATE journal_stream s SET seq = ends.seq, head = ends.head, unfolded = true
        FROM ends WHERE s.id = ends.id AND s.seq = ends.was{condition} RETURNING s.id),
    written AS (
        INSERT INTO journal_event
            (stream_id, seq, type, at, by, because, data, private, salt, private_digest, previous, hash)
        SELECT row.* FROM json_to_recordset(%s::json) AS row (
            stream_id bigint, seq bigint, type text, at timestamptz, by text, because text, data jsonb, private jsonb,
            salt bytea, private_digest bytea, previous bytea, hash bytea)
        WHERE (SELECT count(*) FROM moved) = (SELECT count(*) FROM ends)
        RETURNING id, stream_id, seq, type
    )
    (SELECT w.stream_id, w.seq, w.id,
        pg_notify('wenguo', json_build_object('topic', ends.name, 'type', w.type, 'seq', w.seq)::text)::text
    FROM written w JOIN ends ON ends.id = w.stream_id ORDER BY w.id){changed}
"""  # one round trip instead of three: this is in every act
_ALONE = _WRITE.format(along="", condition="", changed="")


@cache
def _with(along: str) -> str:
    """The row of the case is taken before its journal, always: `moved` waits for `changed`."""
    return _WRITE.format(
        along=f"{along}, ",
        condition=" AND EXISTS (SELECT FROM changed)",
        changed=" UNION ALL SELECT count(*), NULL, NULL, NULL FROM changed",
    )


def _written(ends: Sequence[tuple[Stream, Sequence[Entry]]], along: Along | None = None) -> list[Event] | None:
    """Insert the events, move the heads, and notify (heard at commit), in one statement. None, and nothing written: a
    stream has grown since the instance was read.
    """
    events: list[Event] = []
    heads: list[dict[str, Any]] = []
    for stream, entries in ends:
        head = bytes(stream.head)
        for seq, entry in enumerate(entries, stream.seq + 1):
            events.append(_chained(stream, seq, head, entry))
            head = bytes(events[-1].hash)
        heads.append({"id": stream.pk, "name": stream.name, "was": stream.seq, "seq": seq, "head": _octets(head)})
    given = [canonical(heads).decode(), canonical([_row(event) for event in events]).decode()]
    answers = run(_ALONE, given) if along is None else run(_with(along.sql), [*along.params, *given])
    if along is not None and answers.pop()[0] == 0:
        raise Unchanged
    written = {(stream_id, seq): pk for stream_id, seq, pk, _told in answers}
    if not written:
        return None
    for event in events:
        event.pk = written[event.stream_id, event.seq]
        event._state.adding, event._state.db = False, connection.alias
        event.stream.seq, event.stream.head, event.stream.unfolded = event.seq, event.hash, True
    return events


def _row(event: Event) -> dict[str, Any]:
    """The event as JSON from which PostgreSQL reads a row."""
    row = {name: getattr(event, name) for name in ("stream_id", "seq", "type", "by", "because", "data", "private")}
    for name in ("salt", "private_digest", "previous", "hash"):
        row[name] = _octets(getattr(event, name))
    return {**row, "at": moment(event.at)}


def _octets(value: bytes | None) -> str | None:
    return None if value is None else "\\x" + value.hex()

"""How events get in: `append`, the only way."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import connection, transaction

from wenguo.breath import once

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


def append(stream: Stream | int, entries: Sequence[Entry]) -> list[Event]:
    """Write `entries` at the end of `stream`, in order, and tell subscribers; on commit, announce on NOTIFY wenguo.

    Must run inside a transaction: an event without the change it describes would be a lie. The stream's row stays
    locked until the transaction ends. One query to lock, one to write.
    UnknownType, NotCanonical: mistakes of the programmer. Invalid: text that cannot be stored.
    Source: SY-2.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("journal.append must run inside transaction.atomic()")
    if not entries:
        return []
    given = stream if isinstance(stream, Stream) else None
    pk = stream.pk if isinstance(stream, Stream) else stream
    locked = once(("stream", pk), lambda: Stream.objects.select_for_update(no_key=True).get(pk=pk))
    events: list[Event] = []
    head = bytes(locked.head)
    for seq, entry in enumerate(entries, locked.seq + 1):
        events.append(_chained(locked, seq, head, entry))
        head = bytes(events[-1].hash)
    _write(locked, events)
    if given is not None:
        given.seq, given.head, given.unfolded = locked.seq, locked.head, True
    for event in events:
        tell(given or locked, event)
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
    return Event(
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
    WITH moved AS (UPDATE journal_stream SET seq = %s, head = %s, unfolded = true WHERE id = %s),
    written AS (
        INSERT INTO journal_event
            (stream_id, seq, type, at, by, because, data, private, salt, private_digest, previous, hash)
        SELECT %s, row.* FROM json_to_recordset(%s::json) AS row (
            seq bigint, type text, at timestamptz, by text, because text, data jsonb, private jsonb,
            salt bytea, private_digest bytea, previous bytea, hash bytea)
        RETURNING id, seq, type
    )
    SELECT id, pg_notify('wenguo', json_build_object('topic', %s::text, 'type', type, 'seq', seq)::text)
    FROM written ORDER BY seq
"""  # one round trip instead of three: this is in every act


def _write(stream: Stream, events: list[Event]) -> None:
    """Insert the events, move the stream's head, and notify (heard at commit), in one statement."""
    stream.seq, stream.head, stream.unfolded = events[-1].seq, events[-1].hash, True
    rows = canonical([_row(event) for event in events]).decode()
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [stream.seq, stream.head, stream.pk, stream.pk, rows, stream.name])
        for event, (pk, _told) in zip(events, cursor.fetchall(), strict=True):
            event.pk = pk
            event._state.adding, event._state.db = False, connection.alias


def _row(event: Event) -> dict[str, Any]:
    """The event as JSON from which PostgreSQL reads a row."""
    row = {name: getattr(event, name) for name in ("seq", "type", "by", "because", "data", "private")}
    for name in ("salt", "private_digest", "previous", "hash"):
        octets = getattr(event, name)
        row[name] = None if octets is None else "\\x" + octets.hex()
    return {**row, "at": moment(event.at)}

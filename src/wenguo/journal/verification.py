"""Is the journal what it was? Recomputes everything and names the first broken link."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from wenguo.spoken import counted

from .canonical import NotCanonical, parse
from .chain import digest, private_digest
from .kinds import ERASED
from .merkle import leaf, leaves_of, root_of, root_text, stream_text
from .models import ZERO, Root, Stream

BATCH = 2000  # rows fetched at once
KEPT = 1000  # findings kept in a summary; more are only counted

_MOMENT = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
_EVENTS = f"""
    SELECT s.id, s.kind || ':' || s.ref, s.seq, s.head,
           e.seq, e.type, {_MOMENT.format("e.at")}, e.by, e.because, e.data::text, e.private::text, e.salt,
           e.private_digest, e.previous, e.hash
    FROM journal_stream s LEFT JOIN journal_event e ON e.stream_id = s.id
"""
_LEAVES = """
    SELECT s.kind || ':' || s.ref, l.stream_id, l.seq, l.root_id
    FROM journal_leaf l LEFT JOIN journal_event e ON e.stream_id = l.stream_id AND e.seq = l.seq
    LEFT JOIN journal_stream s ON s.id = l.stream_id
    WHERE e.hash IS DISTINCT FROM l.head
"""
_UNCOVERED = """
    SELECT s.kind || ':' || s.ref, s.seq FROM journal_stream s WHERE NOT s.unfolded AND s.seq > 0
    AND NOT EXISTS (SELECT FROM journal_leaf l WHERE l.stream_id = s.id AND l.seq = s.seq)
"""
_ORPHANS = """
    SELECT e.stream_id, min(e.seq), count(*) FROM journal_event e
    WHERE NOT EXISTS (SELECT FROM journal_stream s WHERE s.id = e.stream_id) GROUP BY 1
"""
_ROOTS = f"""
    SELECT r.id, {_MOMENT.format("r.at")}, r.upto, r.leaves, r.root, r.previous_root,
           l.position, s.kind || ':' || s.ref, l.seq, l.head
    FROM journal_root r LEFT JOIN journal_leaf l ON l.root_id = r.id LEFT JOIN journal_stream s ON s.id = l.stream_id
    ORDER BY r.id, l.position
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`first_broken`: the seq of the first event that is not what it was. `why`: words for people, whatever `ok`.

    `events`: how many were read. `grown`: events added since the receipt that was checked, else 0.
    """

    ok: bool
    events: int
    first_broken: int | None = None
    why: str = ""
    grown: int = 0


@dataclass(slots=True)
class Summary:
    """`broken`: {"case:TS-0042" or "root 7": verdict}, at most a thousand; `broken_count` counts all."""

    streams: int = 0
    events: int = 0
    roots: int = 0
    broken: dict[str, Verdict] = field(default_factory=dict)
    broken_count: int = 0

    @property
    def ok(self) -> bool:
        """Nothing is broken."""
        return not self.broken_count

    def blame(self, where: str, verdict: Verdict) -> None:
        """Keep what was found; of two findings in one place, the one found first."""
        if where not in self.broken:
            self.broken_count += 1
            if len(self.broken) < KEPT:
                self.broken[where] = verdict


def verify(stream: Stream | int) -> Verdict:
    """Check one stream: every event, its private part, the head, and every root that covers it. Source: SY-2."""
    pk = stream.pk if isinstance(stream, Stream) else stream
    with connection.cursor() as cursor:
        cursor.execute(f"{_EVENTS} WHERE s.id = %s ORDER BY e.seq", [pk])
        walks = list(_walks(cursor))
        if not walks:
            return Verdict(False, 0, None, _("没有这份记录"))
        verdict = walks[0].verdict()
        if not verdict.ok:
            return verdict
        cursor.execute(f"{_LEAVES} AND l.stream_id = %s ORDER BY l.seq LIMIT 1", [pk])
        if row := cursor.fetchone():
            return Verdict(False, verdict.events, row[2], _not_as_sealed(row[3]))
        cursor.execute(f"{_UNCOVERED} AND s.id = %s", [pk])
        if row := cursor.fetchone():
            return Verdict(False, verdict.events, row[1], _("该记录标为已存证，但没有存证根包含它"))
    newest = Root.objects.filter(leaf_set__stream=pk).order_by("-pk").first()
    if newest and root_of(leaves_of(newest)) != bytes(newest.root):
        return Verdict(False, verdict.events, None, _("第 {root} 号存证根与其内容不符").format(root=newest.pk))
    return verdict


def verify_all(progress: Callable[[int, int], None] | None = None) -> Summary:
    """Check every stream and every root, in constant memory and on one snapshot, while others go on writing.

    `progress(done, total)`: events read so far, events expected.
    """
    summary = Summary()
    with _snapshot():
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(sum(seq), 0)::bigint FROM journal_stream")
            total = cursor.fetchone()[0]
        with connection.chunked_cursor() as cursor:
            cursor.execute(f"{_EVENTS} ORDER BY s.id, e.seq")
            for walk in _walks(cursor, lambda rows: progress(rows, total) if progress else None):
                summary.streams += 1
                summary.events += walk.read
                if not (verdict := walk.verdict()).ok:
                    summary.blame(walk.name, verdict)
        with connection.chunked_cursor() as cursor:
            cursor.execute(_ROOTS)
            _check_roots(cursor, summary)
        with connection.cursor() as cursor:
            _check_cover(cursor, summary)
    if progress:
        progress(total, total)
    return summary


class _Walk:
    """Reading one stream from its first event to its last."""

    __slots__ = ("announced", "broken", "erased", "head", "name", "read", "seq", "stored_head", "stored_seq", "why")

    def __init__(self, name: str, seq: int, head: bytes) -> None:
        self.name, self.stored_seq, self.stored_head = name, seq, bytes(head)
        self.seq, self.head, self.read = 0, ZERO, 0
        self.erased: set[int] = set()
        self.announced: set[int] = set()
        self.broken: int | None = None
        self.why = ""

    def take(self, row: tuple[Any, ...]) -> None:
        """Check the next event: columns 4 and on of `_EVENTS`. After the first broken link, only count."""
        self.read += 1
        if self.why:
            return
        seq, type, at, by, because, data, private, salt, secret, previous, hash = row[4:]
        if seq != self.seq + 1:
            self._break(self.seq + 1, _("缺少第 {seq} 条").format(seq=self.seq + 1))
        elif previous != self.head:
            self._break(seq, _("第 {seq} 条与前一条不相接").format(seq=seq))
        else:
            try:
                facts = parse(data)
                hashed = digest(
                    previous, self.name, seq, type, at, by, because, facts, secret.hex() if secret is not None else None
                )
                whole = _private_is_whole(private, salt, secret)
            except (NotCanonical, ValueError, RecursionError):
                self._break(seq, _("第 {seq} 条的内容不是规范格式").format(seq=seq))
                return
            if hashed != hash:
                self._break(seq, _("第 {seq} 条的内容与其指纹不符").format(seq=seq))
            elif not whole:
                self._break(seq, _("第 {seq} 条的文字与其摘要不符").format(seq=seq))
            if secret is not None and private is None:
                self.erased.add(seq)
            if type == ERASED:
                self.announced.update(facts.get("seqs", ()))
            self.seq, self.head = seq, hash

    def verdict(self) -> Verdict:
        """What came of it, once all events are taken."""
        if not self.why and (self.seq, self.head) != (self.stored_seq, self.stored_head):
            self._break(
                min(self.seq, self.stored_seq) + 1,
                _("末尾与登记不符：应有 {n} 条，实有 {m} 条").format(n=self.stored_seq, m=self.seq),
            )
        if not self.why and (secretly := self.erased - self.announced):
            self._break(min(secretly), _("第 {seq} 条的文字被清除而无清除记录").format(seq=min(secretly)))
        if self.why:
            return Verdict(False, self.read, self.broken, self.why)
        return Verdict(True, self.read, None, counted("{n} 条记录完好", self.read))

    def _break(self, seq: int, why: str) -> None:
        self.broken, self.why = seq, why


def _private_is_whole(private: str | None, salt: bytes | None, secret: bytes | None) -> bool:
    if private is None:
        return salt is None
    return salt is not None and secret is not None and private_digest(salt, parse(private)) == secret


def _walks(cursor: Any, progress: Callable[[int], None] | None = None) -> Iterator[_Walk]:
    """One finished walk per stream. The cursor gives the rows of `_EVENTS`, ordered by stream and seq."""
    walk: _Walk | None = None
    current, done = None, 0
    while rows := cursor.fetchmany(BATCH):
        for row in rows:
            if walk is None or row[0] != current:
                if walk:
                    yield walk
                current, walk = row[0], _Walk(row[1], row[2], row[3])
            if row[4] is not None:
                walk.take(row)
        done += len(rows)
        if progress:
            progress(done)
    if walk:
        yield walk


def _check_roots(cursor: Any, summary: Summary) -> None:
    """Recompute each root from its leaves, and that each follows the one before."""
    previous = ZERO
    for root, rows in _grouped(cursor):
        pk, at, upto, leaves, stored, before = root
        summary.roots += 1
        texts = [root_text(at, upto, before)]
        texts += [stream_text(name or "", seq, head) for __, name, seq, head in rows]
        if [row[0] for row in rows] != list(range(1, leaves + 1)) or root_of(map(leaf, texts)) != stored:
            summary.blame(f"root {pk}", Verdict(False, len(rows), None, _("该存证根与其内容不符")))
        elif before != previous:
            summary.blame(f"root {pk}", Verdict(False, len(rows), None, _("该存证根与前一个不相接")))
        previous = stored


def _grouped(cursor: Any) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    root: tuple[Any, ...] | None = None
    rows: list[tuple[Any, ...]] = []
    while batch := cursor.fetchmany(BATCH):
        for row in batch:
            if root is None or row[0] != root[0]:
                if root:
                    yield root, rows
                root, rows = row[:6], []
            if row[6] is not None:
                rows.append(row[6:])
    if root:
        yield root, rows


def _check_cover(cursor: Any, summary: Summary) -> None:
    """That roots and streams speak of the same events: no head a root knows is gone or another, nothing hangs loose."""
    for name, stream, seq, root in _rows(cursor, _LEAVES):
        summary.blame(name or f"stream {stream}", Verdict(False, 0, seq, _not_as_sealed(root)))
    for name, seq in _rows(cursor, _UNCOVERED):
        summary.blame(name, Verdict(False, 0, seq, _("该记录标为已存证，但没有存证根包含它")))
    for stream, seq, count in _rows(cursor, _ORPHANS):
        summary.blame(f"stream {stream}", Verdict(False, count, seq, _("记录的登记行已被删除")))


def _rows(cursor: Any, query: str) -> Iterable[tuple[Any, ...]]:
    cursor.execute(f"{query} LIMIT {KEPT}")
    return cursor.fetchall()


def _not_as_sealed(root: int) -> str:
    return _("与第 {root} 号存证根所封存的不同").format(root=root)


@contextmanager
def _snapshot() -> Iterator[None]:
    """One view of the whole journal; inside somebody else's transaction, theirs."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield

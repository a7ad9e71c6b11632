"""Many heads, one root: the Merkle tree (as in RFC 6962) that a receipt climbs.

leaf = SHA-256(0x00 ‖ text), node = SHA-256(0x01 ‖ left ‖ right); an odd node rises unchanged. The text of a stream is
"case:TS-0042 7 9f86…" (name, seq, head in hex); position 0 is the row of the root itself with the root before it, so
that one published root vouches for every earlier one. The sums know no database; `fold` is the act.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import connection, transaction

from .canonical import moment
from .models import ZERO, Leaf, Root, Stream

log = logging.getLogger("wenguo.journal")

FOLDING = 0x77656E67756F  # "wenguo": the advisory lock of whoever folds


def stream_text(name: str, seq: int, head: bytes) -> str:
    """What the leaf of a stream says."""
    return f"{name} {seq} {head.hex()}"


def root_text(at: str, upto: int, previous: bytes) -> str:
    """What position 0 says. `at` as `canonical.moment` writes it."""
    return f"root {at} {upto} {previous.hex()}"


def leaf(text: str) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + text.encode()).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes; at least one."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path_of(leaves: Iterable[bytes], position: int) -> list[tuple[str, bytes]]:
    """The siblings on the way up from `position`, each with the side ("L" or "R") on which it stands."""
    level, path = list(leaves), []
    while len(level) > 1:
        sibling = position ^ 1
        if sibling < len(level):
            path.append(("L" if sibling < position else "R", level[sibling]))
        level, position = _above(level), position // 2
    return path


def climb(start: bytes, path: Iterable[tuple[str, bytes]]) -> bytes:
    """Where the path ends: the root, if everything is as it was."""
    for side, sibling in path:
        start = node(sibling, start) if side == "L" else node(start, sibling)
    return start


def _above(level: list[bytes]) -> list[bytes]:
    above = [node(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
    return above if len(level) % 2 == 0 else [*above, level[-1]]


def leaves_of(root: Root) -> list[bytes]:
    """The leaf hashes under a stored root, in order, recomputed from the tables."""
    first = leaf(root_text(moment(root.at), root.upto, bytes(root.previous_root)))
    rows = root.leaf_set.order_by("position").values_list("stream__kind", "stream__ref", "seq", "head")
    return [first, *(leaf(stream_text(f"{kind}:{ref}", seq, bytes(head))) for kind, ref, seq, head in rows)]


@transaction.atomic
def fold(at: datetime, *, most: int = 10_000) -> Root | None:
    """Put the heads of streams that grew since they were last folded under a new root; None if nothing grew.

    At most `most` streams a root; call again for the rest. Streams somebody is appending to right now are left for the
    next time. Whoever comes while another folds gets None. Source: PO-2.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FOLDING])
        if not cursor.fetchone()[0]:
            return None
    grown = Stream.objects.filter(unfolded=True).select_for_update(skip_locked=True, no_key=True).order_by("pk")
    if not (streams := list(grown[:most])):
        return None
    before = Root.objects.order_by("-pk").first()
    root = Root(at=at, upto=_last_event(streams), leaves=len(streams))
    root.previous_root = bytes(before.root) if before else ZERO
    texts = [root_text(moment(at), root.upto, root.previous_root)]
    texts += [stream_text(stream.name, stream.seq, bytes(stream.head)) for stream in streams]
    root.root = root_of(map(leaf, texts))
    root.save(force_insert=True)
    Leaf.objects.bulk_create(
        Leaf(root=root, stream=stream, seq=stream.seq, head=stream.head, position=position)
        for position, stream in enumerate(streams, 1)
    )
    Stream.objects.filter(pk__in=[stream.pk for stream in streams]).update(unfolded=False)
    transaction.on_commit(lambda: _publish(root))
    return root


def _last_event(streams: list[Stream]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(e.id) FROM unnest(%s::bigint[], %s::bigint[]) AS head (stream_id, seq)"
            " JOIN journal_event e USING (stream_id, seq)",
            [[stream.pk for stream in streams], [stream.seq for stream in streams]],
        )
        row: Any = cursor.fetchone()
        return row[0] or 0


def _publish(root: Root) -> None:
    """The log leaves the database, so a root in it is beyond the reach of whoever could rewrite the tables."""
    log.info(
        "journal.root id=%s root=%s at=%s leaves=%s", root.pk, bytes(root.root).hex(), moment(root.at), root.leaves
    )

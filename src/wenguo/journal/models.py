"""The tables of the journal. Triggers (migration 0002) refuse every change but an erasure."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

ZERO = bytes(32)  # what stands before the first event of a stream, and before the first root


class Stream(models.Model):
    """One story: all events about one thing, "case:TS-0042". `seq` and `head` are those of its last event."""

    kind = models.CharField(max_length=32)
    ref = models.CharField(max_length=100)
    seq = models.BigIntegerField(default=0)
    head = models.BinaryField(max_length=32, default=ZERO)
    opened_at = models.DateTimeField(db_default=Now())
    unfolded = models.BooleanField(default=False)  # has events that no root covers yet

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "ref"], name="journal_stream_once")]
        indexes = [models.Index(fields=["id"], condition=Q(unfolded=True), name="journal_stream_unfolded")]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """How hashes, topics and people name it: "case:TS-0042"."""
        return f"{self.kind}:{self.ref}"


class Event(models.Model):
    """One thing that happened. Nothing in it changes, except that an erasure empties `private` and `salt`.

    data: ids, enumerations, numbers, moments. private: words and everything personal, or NULL.
    hash = SHA-256(previous ‖ canonical JSON), 32 bytes; see `chain.digest`.
    """

    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="events", db_index=False)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=64)
    at = models.DateTimeField()
    by = models.CharField(max_length=64)
    because = models.CharField(max_length=200, blank=True)
    data = models.JSONField()
    private = models.JSONField(null=True)
    salt = models.BinaryField(max_length=16, null=True)
    private_digest = models.BinaryField(max_length=32, null=True)
    previous = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    class Meta:
        ordering = ["stream", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["stream", "seq"], name="journal_event_once"),
            models.CheckConstraint(condition=Q(seq__gte=1), name="journal_event_seq"),
        ]
        indexes = [models.Index(fields=["type", "at"], name="journal_event_type_at")]

    def __str__(self) -> str:
        return f"{self.stream_id}#{self.seq} {self.type}"

    @property
    def is_erased(self) -> bool:
        """It had a private part, which was erased."""
        return self.private_digest is not None and self.salt is None


class Root(models.Model):
    """One folding: the root of the Merkle tree over the heads of all streams that had changed.

    Position 0 of the tree is the row itself with the root before it, so that the newest root vouches for all.
    `upto` is the largest event id it covers; `leaves` counts streams.
    """

    at = models.DateTimeField()
    upto = models.BigIntegerField()
    leaves = models.IntegerField()
    root = models.BinaryField(max_length=32, unique=True)
    previous_root = models.BinaryField(max_length=32, unique=True)

    def __str__(self) -> str:
        return f"{self.pk} {bytes(self.root).hex()}"


class Leaf(models.Model):
    """The head of one stream as one root saw it. `position` counts from 1."""

    root = models.ForeignKey(Root, on_delete=models.PROTECT, related_name="leaf_set", db_index=False)
    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="leaf_set", db_index=False)
    seq = models.BigIntegerField()
    head = models.BinaryField(max_length=32)
    position = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["root", "position"], name="journal_leaf_place"),
            models.UniqueConstraint(fields=["stream", "seq"], name="journal_leaf_once"),
        ]

    def __str__(self) -> str:
        return f"{self.root_id}/{self.position}"

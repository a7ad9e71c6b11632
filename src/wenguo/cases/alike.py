"""What the words of a case are like: traces by which a later case finds it, and past cases it resembles.

A trace holds hashes and no words. It is kept as long as a repeat is looked for, so what a new case is compared with
does not grow with the archive; the few that may be alike are found by marks, never by reading all.
Source: IN-7, SP-4, RS-3.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import numpy as np
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models, transaction
from django.utils.translation import gettext as _

from wenguo.cases.case import Case
from wenguo.cases.lifecycle import Outcome, Stage
from wenguo.cases.option import Option
from wenguo.cases.option import State as OptionState
from wenguo.customers.customer import family_ids
from wenguo.policy.schema import Pack
from wenguo.policy.versions import in_force
from wenguo.text import alike, facts, personal, vectors
from wenguo.text.alike import Commonness, Told, Weighed
from wenguo.text.category import FURTHER
from wenguo.text.likeness import likeness
from wenguo.text.normal import one_line

NEWEST = 48  # so many cases of one mark are looked at, the newest: a mark that many share tells little
CANDIDATES = 32  # so many cases are compared, those that share the most marks
COUNTED = 20_000  # the newest texts of the house, counted at night
OWN_WORDS = 1_000  # from so many texts on a house speaks for itself
SOON = timedelta(days=14)  # who names the same place is looked at within the window of a group, at most so long
LOCK = 0x616C696B  # one text at a time finds its matter, or two that arrive together would not find each other


class Trace(models.Model):
    """By what a case is found and compared. `matter`: the case with which the matter began, its own or an earlier.
    `meant`: its sentence vector, by the model `meant_by`; empty without the extra."""

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.CASCADE, related_name="trace")
    received_at = models.DateTimeField(db_index=True)
    matter = models.BigIntegerField()
    told = models.BinaryField()
    meant = models.BinaryField(default=b"", db_default=b"")
    meant_by = models.CharField(max_length=20, default="", db_default="")
    marks = ArrayField(models.IntegerField(), default=list)

    objects: ClassVar[models.Manager[Trace]] = models.Manager()

    class Meta:
        indexes = [models.Index(fields=["matter", "received_at"], name="cases_trace_matter")]


class Mark(models.Model):
    """One mark of one case. No foreign key: a row costs what it holds, and leaves with its trace."""

    pk = models.CompositePrimaryKey("mark", "case_id")
    mark = models.IntegerField()
    case_id = models.BigIntegerField()

    objects: ClassVar[models.Manager[Mark]] = models.Manager()


class WordCount(models.Model):
    """In how many of the newest texts each piece stands; counted anew each night, the newest row holds."""

    n = models.PositiveIntegerField()
    counts = models.BinaryField()
    at = models.DateTimeField()

    objects: ClassVar[models.Manager[WordCount]] = models.Manager()


@dataclass(frozen=True)
class Near:
    """A case that may tell of the same matter. `likeness` 0 to 1; `named`: they name the same batch; `there`: they name
    the same place and the same thing there."""

    case_id: int
    matter: int
    likeness: float
    named: bool
    told: Told
    there: bool = False


# ── how common words are here ─────────────────────────────────────────────────────────────────────────────────────

_counted: tuple[int, Commonness] | None = None


def commonness() -> Commonness:
    """How common words are in this house; kept by the process until another night has counted."""
    global _counted
    newest = WordCount.objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest is None:
        return alike.everyday()
    if _counted is None or _counted[0] != newest:
        row = WordCount.objects.get(pk=newest)
        _counted = (newest, Commonness.from_bytes(row.n, bytes(row.counts)))
    return _counted[1]


def count_words(*, at: datetime) -> WordCount:
    """Count the newest texts, on top of everyday ones while there are few. What was counted before is thrown away."""
    texts = Case.objects.order_by("-pk").values_list("subject", "record__description")[:COUNTED]
    return keep_counts([f"{subject}\n{text}" for subject, text in texts if text], at=at)


def keep_counts(known: Sequence[str], *, at: datetime) -> WordCount:
    """From now on words are as common as in these texts, on top of everyday ones while there are few."""
    counted = Commonness.of(known, None if len(known) >= OWN_WORDS else alike.everyday())
    row = WordCount.objects.create(n=counted.n, counts=counted.to_bytes(), at=at)
    WordCount.objects.filter(pk__lt=row.pk).delete()
    return row


# ── leaving a trace ───────────────────────────────────────────────────────────────────────────────────────────────


def horizon(pack: Pack) -> timedelta:
    """How far back a text is compared: as far as a repeat is looked for."""
    return timedelta(days=pack.thresholds.repeat_window_days)


@dataclass(frozen=True)
class Met:
    """A case has left its trace. `near`: the most alike first; `beside`: what it says besides the places it names, None
    where it names none."""

    trace: Trace
    near: list[Near]
    beside: np.ndarray | None


@transaction.atomic
def leave_trace(case: Case, batches: Iterable[str] = ()) -> Met:
    """Find what the case is like and keep its trace. `batches`: what the text names. Run again, it says the same and
    keeps the matter it has.
    """
    pack = in_force(case.received_at).pack
    words = f"{case.subject}\n{case.record.description}"
    text, common = alike.told(case.subject, words), commonness()
    mine, copies = Weighed(text, common), alike.copy_marks(words)
    names = [alike.name_mark("batch", b) for b in dict.fromkeys([case.batch, *batches]) if b.strip()]
    called = facts.places(f"{words[: alike.READ]}\n{case.record.place}")
    places = alike.place_marks(called, common)
    beside = common.saying(alike.beside(words, called)) if places.found_by else None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    asked = [*names, *mine.marks(alike.ASKED), *copies]
    near = _near(case, mine, asked, frozenset(names), pack)
    if beside is not None:
        near = _with_those_there(case, mine, near, places, beside, pack)
    found_by = list(dict.fromkeys([*names, *mine.marks(), *copies, *places.found_by]))
    known = Trace.objects.filter(pk=case.pk).first()
    if known is not None:
        forget_traces([case.pk])
    matter = known.matter if known else _matter(case, near, pack)
    trace = Trace.objects.create(
        case=case, received_at=case.received_at, matter=matter, told=text.to_bytes(),
        marks=list(dict.fromkeys([*found_by, *places.kept])),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cases_mark (mark, case_id) SELECT unnest(%s::int[]), %s ON CONFLICT DO NOTHING",
            [found_by, case.pk],
        )
    return Met(trace, near, beside)


_NEAR = """
    WITH met AS (
        SELECT m.case_id, count(*) AS n FROM unnest(%s::int[]) AS asked (mark) CROSS JOIN LATERAL (
            SELECT case_id FROM cases_mark WHERE mark = asked.mark AND case_id <> %s ORDER BY case_id DESC LIMIT %s
        ) m GROUP BY m.case_id ORDER BY n DESC, m.case_id DESC LIMIT %s)
    SELECT t.case_id, t.matter, t.told, t.marks && %s::int[] FROM met JOIN cases_trace t USING (case_id)
    WHERE t.received_at BETWEEN %s AND %s ORDER BY met.n DESC, t.case_id DESC LIMIT %s
"""


def _near(case: Case, mine: Weighed, asked: Sequence[int], names: frozenset[int], pack: Pack) -> list[Near]:
    """The cases of the time around that share marks, compared; one query, whatever is stored."""
    if not asked:
        return []
    around, named = horizon(pack), list(names)
    since, until = case.received_at - around, case.received_at + around
    with connection.cursor() as cursor:
        limits: list[Any] = [NEWEST, CANDIDATES * 3, named, since, until, CANDIDATES]
        cursor.execute(_NEAR, [list(asked), case.pk, *limits])
        found = cursor.fetchall()
    least = pack.thresholds.group_likeness
    theirs = [Told.from_bytes(bytes(told)) for _pk, _matter, told, _same_name in found]
    near = [
        Near(pk, matter, max(score, least) if same_name else score, same_name, told)
        for (pk, matter, _bytes, same_name), told, score in zip(found, theirs, mine.same_matters(theirs), strict=True)
    ]
    return sorted(near, key=lambda one: (-one.likeness, one.case_id))


_THERE = """
    SELECT DISTINCT m.case_id, t.matter, t.told FROM unnest(%s::int[]) AS asked (mark) CROSS JOIN LATERAL (
        SELECT case_id FROM cases_mark WHERE mark = asked.mark AND case_id <> %s ORDER BY case_id DESC LIMIT %s
    ) m JOIN cases_trace t USING (case_id) WHERE t.marks && %s::int[] AND t.received_at BETWEEN %s AND %s
"""


def _with_those_there(
    case: Case, mine: Weighed, near: list[Near], places: alike.PlaceMarks, beside: np.ndarray, pack: Pack
) -> list[Near]:
    """Also those who name the same place, each asked whether it speaks of the same thing there. One query."""
    around = min(timedelta(hours=pack.thresholds.group_window_hours), SOON)
    with connection.cursor() as cursor:
        since, until = case.received_at - around, case.received_at + around
        cursor.execute(_THERE, [places.found_by, case.pk, NEWEST, places.same, since, until])
        rows = {pk: (matter, Told.from_bytes(bytes(told))) for pk, matter, told in cursor.fetchall()}
    there = alike.same_thing(beside, {pk: told for pk, (_matter, told) in rows.items()}, mine.common)
    together = frozenset(alike.of_one_thing(there, pack.thresholds.group_people))
    known = {one.case_id for one in near}
    more = [pk for pk in there if pk not in known]
    likes = mine.same_matters([rows[pk][1] for pk in more])
    found = [replace(one, there=one.case_id in together) for one in near]
    found += [
        Near(pk, rows[pk][0], score, False, rows[pk][1], pk in together) for pk, score in zip(more, likes, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.likeness, one.case_id))


def _matter(case: Case, near: Sequence[Near], pack: Pack) -> int:
    """The matter of the most alike, or of those who speak of the same thing at the same place, or a new one."""
    matters: dict[int, list[int]] = {}
    for one in near:
        matters.setdefault(one.matter, [])
    if matters:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT m.matter, t.case_id FROM unnest(%s::bigint[]) AS m (matter) CROSS JOIN LATERAL (SELECT case_id"
                " FROM cases_trace WHERE matter = m.matter ORDER BY received_at DESC LIMIT %s) t",
                [list(matters), NEWEST],
            )
            for matter, pk in cursor.fetchall():
                matters[matter].append(pk)
    alikes = {one.case_id: one.likeness for one in near}
    found = alike.nearest_matter(alikes, matters, pack.thresholds.group_likeness)
    there = Counter(one.matter for one in near if one.there)
    return found or (there.most_common(1)[0][0] if there else case.pk)


def forget_traces(case_ids: Sequence[int]) -> None:
    """The traces of these cases and their marks go."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM cases_mark m USING (SELECT case_id, unnest(marks) AS mark FROM cases_trace"
            " WHERE case_id = ANY(%s)) t WHERE m.mark = t.mark AND m.case_id = t.case_id",
            [list(case_ids)],
        )
        cursor.execute("DELETE FROM cases_trace WHERE case_id = ANY(%s)", [list(case_ids)])


def sweep(*, before: datetime, at_once: int = 2_000) -> int:
    """Throw away the traces of cases received before; of the matters of open cases too, which are found otherwise."""
    gone = 0
    while old := list(Trace.objects.filter(received_at__lt=before).values_list("pk", flat=True)[:at_once]):
        with transaction.atomic():
            forget_traces(old)
        gone += len(old)
    return gone


# ── similar past cases ────────────────────────────────────────────────────────────────────────────────────────────

LOOKED_FOR = 16  # so many pieces are searched
FOUND = 600  # about so many cases, that hold one of them, are ranked by how many they hold
COMPARED = 30  # and so many of these are compared word by word
WORDS, SAME_SUB, SAME_CLASS, SAME_PRODUCT = 0.6, 0.25, 0.1, 0.15  # what each adds to the score, together at most 1
FULL = 0.3  # likeness of words that counts as the same words
MEANING = 0.5  # what the same meaning counts for beside the same words: never enough alone
MEANT_NEWEST = 20_000  # so many of the newest vectors are compared, all of them: 8 MB
MEANT_FOUND = 15
MEANT_SECONDS = 300.0  # so old may be what a process keeps of them


@dataclass(frozen=True)
class Similar:
    """A past case like this one. `score` 0 to 1; `why`: in what, in words; `given_fen`: what was carried out in money,
    None while nothing was; `told_again`: nearly the same words; `own`: of the same customer."""

    case: Case
    score: float
    why: Sequence[str]
    given_fen: int | None
    remedy: str
    told_again: bool
    own: bool

    @property
    def subject(self) -> str:
        return one_line(personal.mask(self.case.subject), 60)

    @property
    def ended(self) -> str:
        """How it ended, or where it is."""
        return str(Outcome(self.case.outcome).label) if self.case.outcome else str(Stage(self.case.stage).label)


def similar(case: Case, *, by: Any, at: datetime, most: int = 5) -> list[Similar]:
    """The cases this person may see that are most like this one, in words, category and product. At most nine queries.

    Scores are added, not ranks: a case that is alike in words alone and one of the same sub-class about the same
    product both come in; where sentence vectors are kept, so does one that says the same in other words. While nobody
    has classified this one, a sub-class counts as far as the program thinks of it. Below the pack's
    `likeness_similar_cases` nothing is shown.
    """
    common = commonness()
    words = f"{case.subject}\n{case.record.description}"
    mine = Weighed(alike.told(case.subject, words), common)
    asked, kinds = _asked(case, words, common), _kinds(case)
    meant = _meant_alike(case)
    ids = _holding(asked) + _of_the_kind(case) + list(meant)
    seen = Case.objects.visible_to(by, at).filter(pk__in=list(dict.fromkeys(ids))).exclude(pk=case.pk)
    family = frozenset(family_ids(case.customer))
    others = list(seen.select_related("record"))
    theirs = [alike.told(other.subject, f"{other.subject}\n{other.record.description}") for other in others]
    scored = []
    for other, alikeness in zip(others, mine.same_matters(theirs), strict=True):
        score, why = _scored(case, kinds, other, alikeness, meant.get(other.pk, 0.0))
        if score >= case.pack.thresholds.likeness_similar_cases:
            scored.append((score, why, other))
    scored.sort(key=lambda one: (-one[0], -one[2].pk))
    given = _given([other.pk for _score, _why, other in scored[:most]])
    mark = case.pack.thresholds.join_likeness
    return [
        Similar(
            other, score, why, *given.get(other.pk, (None, "")),
            likeness(case.record.description, other.record.description) >= mark, other.customer_id in family,
        )
        for score, why, other in scored[:most]
    ]  # fmt: skip


def fused(alikeness: float, meant: float) -> float:
    """How alike two texts are, in words and in what they mean, added; from 1 on nothing more can be said of it."""
    return alikeness / FULL + MEANING * meant


def _kinds(case: Case) -> dict[str, float]:
    """The sub-class, 1, or of a case without one those it may be of and how probably."""
    if case.category:
        return {case.category: 1.0}
    reading = getattr(case, "reading", None)
    if reading is None or not reading.category:
        return {}
    return {s["code"]: s["probability"] for s in reading.seen.get("suggestions", ()) if s["probability"] >= FURTHER}


def _scored(
    case: Case, kinds: Mapping[str, float], other: Case, alikeness: float, meant: float
) -> tuple[float, list[str]]:
    score, why = WORDS * min(fused(alikeness, meant), 1.0), []
    if alikeness >= FULL / 4:
        why.append(_("说法相近"))
    elif meant >= 0.5:
        why.append(_("意思相近"))
    main = other.category.split(".")[0]
    same, akin = kinds.get(other.category, 0.0), sum(p for sub, p in kinds.items() if sub.split(".")[0] == main)
    score += max(SAME_SUB * same, SAME_CLASS * min(akin, 1.0))
    if same >= 0.5:
        why.append(_("同一小类") if case.category else _("像是同一小类"))
    elif akin >= 0.5:
        why.append(_("同一大类") if case.category else _("像是同一大类"))
    if case.batch and other.batch == case.batch:
        score, why = score + SAME_PRODUCT, [*why, _("同一批次")]
    elif case.product and other.product == case.product:
        score, why = score + SAME_PRODUCT, [*why, _("同一产品")]
    return min(score, 1.0), why


def _asked(case: Case, words: str, common: Commonness) -> list[str]:
    """Pieces to search for: the rarest of the subject, and the rarest of those this house has said, as long as what
    holds one of them may be `FOUND` cases. What nobody has said finds nothing, and it is the rarest of all."""
    heads = sorted(alike.pieces(case.subject), key=lambda piece: (-common.weight(piece), piece))[: LOOKED_FOR // 4]
    said = [piece for piece in alike.pieces(words) if common.count(piece) and common.weight(piece)]
    each, held, asked = max(case.pk / common.n, 1.0), 0.0, list[str]()  # `each`: so many cases for one that was counted
    for piece in dict.fromkeys([*heads, *sorted(said, key=lambda piece: (common.count(piece), piece))]):
        found = common.count(piece) * each
        if len(asked) < LOOKED_FOR and (not asked or held + found <= FOUND):
            held += found
            asked.append(piece)
    return asked


def _holding(asked: Sequence[str]) -> list[int]:
    """Cases in which any of these pieces was said, those that hold the most of them first."""
    if not asked:
        return []
    terms = " | ".join("'" + piece.replace("\\", "\\\\").replace("'", "''") + "'" for piece in asked)
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH found AS MATERIALIZED (SELECT id, search FROM cases_case WHERE search @@ %(terms)s::tsquery)"
            f" SELECT id FROM found ORDER BY ts_rank(search, %(terms)s::tsquery) DESC, id DESC LIMIT {COMPARED}",
            {"terms": terms},
        )
        return [row[0] for row in cursor.fetchall()]


# ── what means the same in other words (only with the extra) ──────────────────────────────────────────────────────


def keep_meaning(case_ids: Sequence[int]) -> int:
    """The sentence vectors of these cases go beside their traces; returns how many. Without the extra: none."""
    if not vectors.installed():
        return 0
    rows = Case.objects.filter(pk__in=case_ids, trace__isnull=False).values_list(
        "pk", "subject", "record__description"
    )  # fmt: skip
    told = {pk: personal.mask(f"{subject}\n{text}"[: 2 * vectors.READ]) for pk, subject, text in rows}
    for pk, vector in zip(told, vectors.of(list(told.values())), strict=True):
        Trace.objects.filter(pk=pk).update(meant=vector.tobytes(), meant_by=vectors.NAME)
    return len(told)


def catch_up_meaning(*, at_once: int = 64) -> int:
    """Of the newest cases those without a vector, the newest first: what came before the extra was installed."""
    if not vectors.installed():
        return 0
    newest = Trace.objects.order_by("-case_id").values_list("pk", "meant_by")[:MEANT_NEWEST]
    return keep_meaning([pk for pk, by in newest if by != vectors.NAME][:at_once])


_meant: tuple[float, np.ndarray, np.ndarray] | None = None


def forget_meant() -> None:
    """Read the vectors again at the next use."""
    global _meant
    _meant = None


def _all_meant() -> tuple[np.ndarray, np.ndarray]:
    """(n,) cases and their vectors (n, WIDTH); kept by the process for `MEANT_SECONDS`."""
    global _meant
    now = time.monotonic()
    if _meant is None or now - _meant[0] > MEANT_SECONDS:
        rows = Trace.objects.filter(meant_by=vectors.NAME).order_by("-case_id").values_list("pk", "meant")
        found = list(rows[:MEANT_NEWEST])
        made = np.frombuffer(b"".join(bytes(meant) for _pk, meant in found), np.int8)
        _meant = (now, np.array([pk for pk, _bytes in found], np.int64), made.reshape(-1, vectors.WIDTH))
    return _meant[1:]


def _meant_alike(case: Case) -> dict[int, float]:
    """Cases that mean much the same, {case: 0 to 1}; of a case without a vector none."""
    own = Trace.objects.filter(pk=case.pk, meant_by=vectors.NAME).values_list("meant", flat=True).first()
    if own is None:
        return {}
    ids, kept = _all_meant()
    near = vectors.nearness(np.frombuffer(own, np.int8), kept)
    best = np.argsort(-near, kind="stable")[: MEANT_FOUND + 1]
    return {int(ids[k]): float(near[k]) for k in best if near[k] > 0 and ids[k] != case.pk}


# ── of the same kind ──────────────────────────────────────────────────────────────────────────────────────────────


def _of_the_kind(case: Case) -> list[int]:
    """The newest cases of the same sub-class about the same product."""
    if not case.category or not case.product:
        return []
    same = Case.objects.filter(category=case.category, product=case.product).exclude(pk=case.pk)
    return list(same.order_by("-received_at").values_list("pk", flat=True)[:COMPARED])


def _given(case_ids: Sequence[int]) -> dict[int, tuple[int | None, str]]:
    """What was carried out: {case: (fen, title of the solution)}."""
    found: dict[int, tuple[int | None, str]] = {}
    carried = Option.objects.filter(case__in=case_ids, state=OptionState.CARRIED).order_by("pk")
    for pk, fen, title in carried.values_list("case_id", "amount_fen", "title"):
        found[pk] = ((found.get(pk, (0, ""))[0] or 0) + fen, title)
    return found

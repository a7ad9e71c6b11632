"""How good the reading of texts is, on texts nobody here wrote. Prints data, split, figure, 95 % interval and goal.

    .venv/bin/python bench/text_quality.py [category] [severity] [feelings]

The data are not part of the project (WENGUO_DATA, else ../shared/data); without them nothing is
measured, and it says so.
The 600 labelled complaints are halved by their order: the even ones are for tuning (thresholds, dictionary, calibration
were chosen with them in view), the odd ones are reported. Nothing shipped is taught with any of them.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import yaml

from wenguo.text import category
from wenguo.text.linear import Linear
from wenguo.text.teach import Example, Recipe, sharpness, teach

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("WENGUO_DATA", ROOT.parent / "shared" / "data"))


def interval(right: Sequence[bool | float]) -> str:
    """95 % by bootstrap."""
    values = np.array(right, float)
    chance = np.random.default_rng(1)
    means = [chance.choice(values, len(values)).mean() for _ in range(500)]
    return f"[{np.quantile(means, 0.025):.3f}, {np.quantile(means, 0.975):.3f}]"


def show(what: str, right: Sequence[bool | float], goal: float | None = None) -> None:
    figure = float(np.mean(right)) if len(right) else float("nan")
    aim = "" if goal is None else f"  goal {goal:.3f} {'reached' if figure >= goal else 'NOT REACHED'}"
    print(f"  {what:58s} {figure:.3f} {interval(right)} n={len(right)}{aim}", flush=True)


@cache
def labelled() -> list[dict[str, Any]]:
    """The complaints two people read, with our codes."""
    names = {"其他": category.OTHER}
    for file in (ROOT / "src/wenguo/policy/standard").glob("taxonomy_*.yaml"):
        for main in yaml.safe_load(file.read_text())["taxonomy"]:
            names |= {f"{main['title']}/{sub['title']}": sub["code"] for sub in main["subs"]}
    made = [json.loads(line) for line in (DATA / "complaints_labelled/dev.jsonl").read_text().splitlines()]
    for row in made:
        for reader in ("reader1", "reader2"):
            row[reader]["code"] = names[row[reader]["cat"]]
    return made


def ece(probabilities: Sequence[float], right: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error of the first suggestion, ten bins of equal size."""
    order = np.argsort(probabilities)
    p, r = np.array(probabilities)[order], np.array(right, float)[order]
    return float(sum(len(b) * abs(p[b].mean() - r[b].mean()) for b in np.array_split(np.arange(len(p)), bins)) / len(p))


def _category(model: Linear, part: list[dict[str, Any]], say: str, goals: dict[str, float]) -> None:
    top1, top3, main, sure = [], [], [], []
    for row in part:
        vector = model.vector(row["text"])
        p = model.probabilities(vector, "category")
        codes = [model.heads["category"].classes[k] for k in np.argsort(-p)]
        mains: dict[str, float] = defaultdict(float)
        for code, share in zip(model.heads["category"].classes, p, strict=True):
            mains[code.partition(".")[0]] += float(share)
        truth = row["reader1"]["code"]
        top1.append(codes[0] == truth)
        top3.append(truth in codes[:3])
        main.append(max(mains, key=lambda m: mains[m]) == truth.partition(".")[0])
        sure.append(float(p.max()))
    show(f"{say} top-1", top1, goals.get("top1"))
    show(f"{say} top-3", top3, goals.get("top3"))
    show(f"{say} main class", main, goals.get("main"))
    error = ece(sure, top1)
    print(f"  {say + ' ECE':58s} {error:.3f}  goal 0.050 {'reached' if error <= 0.05 else 'NOT REACHED'}")
    for bar in (0.3, 0.5, 0.7, category.APPLY):
        taken = [right for right, p in zip(top1, sure, strict=True) if p >= bar]
        if taken:
            print(f"    p >= {bar:.2f}: covers {len(taken) / len(top1):.0%}, right {np.mean(taken):.3f}")


def measure_category() -> None:
    print("category: complaints_labelled/dev.jsonl, where both readers agree; the model knows none of them")
    agreed = [row for row in labelled() if row["agree"]]
    tuning, reported = agreed[::2], agreed[1::2]
    model = category.built()
    fitted = {}
    for head, truth in (("category", "code"), ("emotion", "emotion"), ("level", "level")):
        classes = model.heads[head].classes
        known = [row for row in tuning if str(row["reader1"][truth]) in classes]
        scores = np.array([model.scores(model.vector(row["text"]), head) for row in known])
        fitted[head] = round(sharpness(scores, np.array([classes.index(str(r["reader1"][truth])) for r in known])), 3)
    print(f"  best sharpness on the tuning half: {fitted}; in force: {category.SHARPNESS}")
    goals = {"top1": 0.62, "top3": 0.85, "main": 0.75}
    _category(model, tuning, "cold start, tuning half", {})
    _category(model, reported, "cold start, reported half", goals)
    _category(model, agreed, "cold start, all", goals)
    _after_300(agreed)


def _after_300(agreed: list[dict[str, Any]]) -> None:
    """What a company's own corrections add: taught with the shipped texts and 300 real ones, five random splits."""
    written = [Example(one.text, {"category": one.code}) for one in category.written()]
    right: list[bool] = []
    for seed in range(5):
        order = random.Random(seed).sample(agreed, len(agreed))
        own = [Example(row["text"], {"category": row["reader1"]["code"]}, OWN) for row in order[:300]]
        model = teach(written + own, Recipe())
        classes = model.heads["category"].classes
        for row in order[300:]:
            best = classes[int(np.argmax(model.scores(model.vector(row["text"]), "category")))]
            right.append(best == row["reader1"]["code"])
    show(f"after 300 of them, the other {len(agreed) - 300}, 5 random splits: top-1", right, 0.70)


OWN = 6.0
"""How much a corrected case of one's own counts against a shipped text."""


def measure_feelings() -> None:
    print("emotion and wish: complaints_labelled/dev.jsonl")
    for say, part in (("tuning half", labelled()[::2]), ("reported half", labelled()[1::2])):
        from wenguo.text.reading import understand

        read = [understand(row["text"]) for row in part]
        truth = [(row["reader1"]["emotion"], row["reader2"]["emotion"]) for row in part]
        show(f"{say}: emotion as one of the readers", [r.emotion in t for r, t in zip(read, truth, strict=True)])
        show(f"{say}: emotion within one", [abs(r.emotion - t[0]) <= 1 for r, t in zip(read, truth, strict=True)])
        both = Counter[str]()
        for r, row in zip(read, part, strict=True):
            ours = {w.kind for w in r.wishes}
            one, two = ({*row[reader]["wish"]} - {"none"} for reader in ("reader1", "reader2"))
            both.update(
                wished=len(one & two), found=len(ours & one & two), said=len(ours), right=len(ours & (one | two))
            )
        print(
            f"  {say}: wishes both readers see: {both['found']} of {both['wished']} found;"
            f" {both['right']} of {both['said']} named are right"
        )


def measure_severity() -> None:
    """With the category and emotion the program itself hears: no reader's label is given to it."""
    from wenguo.policy import loading, severity
    from wenguo.text.lexicon import Lexicon, Term
    from wenguo.text.reading import understand

    print("severity: complaints_labelled/dev.jsonl, first reader; safety where both readers flag it")
    pack = loading.standard()
    lexicon = Lexicon([Term(*term) for term in severity.terms(pack)])
    for say, part in (("tuning half", labelled()[::2]), ("reported half", labelled()[1::2])):
        exact, near, safety, alarms = [], [], [], []
        for row in part:
            read = understand(row["text"], reasons=False)
            score = severity.score(pack, lexicon.scan(row["text"]), read.gravity)
            truth = int(row["reader1"]["level"])
            exact.append(score.level == truth)
            near.append(abs(score.level - truth) <= 1)
            flagged = ["safety" in row[reader]["flags"] for reader in ("reader1", "reader2")]
            heard = score.dimensions["safety"].points > 0
            if all(flagged):
                safety.append(heard)
            elif not any(flagged):
                alarms.append(heard)
        show(f"{say}: level exact", exact, 0.65)
        show(f"{say}: level within one", near, 0.97)
        show(f"{say}: safety recall", safety, 0.95)
        show(f"{say}: safety heard where no reader flags it", alarms)


MEASURES: dict[str, Callable[[], None]] = {
    "category": measure_category,
    "severity": measure_severity,
    "feelings": measure_feelings,
}


if __name__ == "__main__":
    if not DATA.is_dir():
        print(f"NOT MEASURED: no real texts at {DATA} (WENGUO_DATA)")
        sys.exit(0)
    for name in sys.argv[1:] or MEASURES:
        MEASURES[name]()

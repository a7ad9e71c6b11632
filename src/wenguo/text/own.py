"""Words of an enterprise's own beside the shipped ones, and shipped words it does without.

    own = Own.of({"threat.media": (["找隔壁老王曝光"], ["电视台"]), "cue.product.function": (["罢工了"], [])})
    understand(text, own=own)

Lists: those of `words/feelings.yaml` by their names (mood.2, threat.media, sign.fraud, wish.refund), and `cue.` with a
sub-class for the words that speak for it. An own cue word suggests (2 of 3); a shipped one counts what it came with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from wenguo.text import feelings
from wenguo.text.features import shipped_cues
from wenguo.text.lexicon import Hit, Lexicon, Term
from wenguo.text.normal import fold

CUE = "cue."
SUGGESTS = 2.0
POINT = 0.15
"""What a point of a cue word adds to the score of its class; as `teach.Recipe.cue` has it."""

STRONGEST = 6.0


@dataclass(frozen=True, eq=False)
class Own:
    """`felt`: the shipped words of feelings with these changes; `cued`: own cue words, and with a minus those one does
    without."""

    felt: Lexicon
    cued: Lexicon

    @classmethod
    def of(cls, lists: Mapping[str, tuple[Iterable[str], Iterable[str]]]) -> Own:
        """{list: (added, withdrawn)}. ValueError: an empty word."""
        gone = {(name, fold(w).text) for name, (_added, withdrawn) in lists.items() for w in withdrawn}
        felt = [t for t in feelings.terms() if (t.label, fold(t.text).text) not in gone]
        cued: list[Term] = []
        for name, (added, withdrawn) in lists.items():
            if not name.startswith(CUE):
                felt += [Term(word, name) for word in added]
                continue
            code = name.removeprefix(CUE)
            cued += [Term(word, code, SUGGESTS) for word in added]
            known = shipped_cues().get(code, {})
            cued += [Term(word, code, -float(known[word])) for word in withdrawn if word in known]
        return cls(Lexicon(felt), Lexicon(cued))

    def more(self, s: str, classes: Iterable[str]) -> npt.NDArray[np.float32] | None:
        """What these words add to the score of each class; None when none of them is in the text."""
        said: dict[str, float] = {}
        for hit in self.cues(s):
            said[hit.label] = said.get(hit.label, 0.0) + hit.weight
        if not said:
            return None
        bounded = [max(-STRONGEST, min(STRONGEST, said.get(c, 0.0))) * POINT for c in classes]
        return np.array(bounded, np.float32)

    def cues(self, s: str) -> list[Hit]:
        """Own and withdrawn cue words where they stand."""
        return self.cued.scan(s) if len(self.cued) else []


@cache
def shipped() -> Mapping[str, tuple[str, ...]]:
    """Every list of words the product ships, {list: words}."""
    lists: dict[str, list[str]] = {}
    for term in feelings.terms():
        if term.weight > 0:
            lists.setdefault(term.label, []).append(term.text)
    for code, words in shipped_cues().items():
        lists[CUE + code] = list(words)
    return {name: tuple(dict.fromkeys(words)) for name, words in lists.items()}

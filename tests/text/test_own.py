"""An enterprise's own words beside the shipped ones, and shipped words it does without."""

from __future__ import annotations

import pytest

from wenguo.text import category, feelings
from wenguo.text.own import CUE, Own, shipped
from wenguo.text.reading import understand

FAN = CUE + "product.function"


def kinds(text, own=None):
    return {s.kind for s in understand(text, own=own).threats}


def test_an_own_word_is_heard_with_negation_and_a_withdrawn_one_is_not():
    own = Own.of({"threat.media": (["找老张播报"], ["电视台"])})
    assert kinds("再不解决我就找老张播报。") == set() and kinds("再不解决我就找老张播报。", own) == {"media"}
    assert kinds("我没有找老张播报。", own) == set()
    assert kinds("我会告诉电视台。") == {"media"} and kinds("我会告诉电视台。", own) == set()
    assert kinds("我要起诉你们。", own) == {"lawsuit"}  # other lists stay


def test_an_own_cue_word_moves_the_category_and_is_shown_as_the_reason():
    text = "昨天那台机器又撂挑子了。"
    own = Own.of({FAN: (["撂挑子"], [])})

    def of(own=None):
        made = category.judge(text, own=own, most=26)
        return {s.code: s for s in made.suggestions}["product.function"]

    before, after = of(), of(own)
    assert after.probability > before.probability
    first = after.reasons[0]
    assert text[first.start : first.end] == "撂挑子"


def test_a_withdrawn_cue_word_speaks_less_for_its_class():
    text = "洗衣机没反应。"
    word = "没反应"
    assert word in shipped()[FAN]
    own = Own.of({FAN: ([], [word])})

    def probability(own):
        return {s.code: s.probability for s in category.judge(text, own=own, most=26).suggestions}["product.function"]

    assert probability(own) < probability(None)


def test_without_own_words_nothing_changes_and_every_list_has_words():
    text = "客服态度恶劣,我要曝光你们,要求退款。"
    assert understand(text, own=Own.of({})) == understand(text)
    assert all(shipped().values()) and {"threat.media", "mood.3", FAN} <= shipped().keys()
    assert feelings.hear("🙂", Own.of({}).felt).threats == ()


def test_an_empty_word_is_refused():
    with pytest.raises(ValueError):
        Own.of({"mood.1": ([" "], [])})

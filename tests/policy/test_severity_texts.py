"""The signal words against real sentences: what must be heard, and what must not be misheard."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from wenguo.policy import severity
from wenguo.policy.schema import Pack
from wenguo.text.lexicon import Lexicon, Term
from wenguo.text.reading import understand

DATA = Path(os.environ.get("WENGUO_DATA", Path(__file__).parents[3] / "shared/data"))
LABELLED = DATA / "complaints_labelled/dev.jsonl"


@pytest.fixture(scope="module")
def lexicon(pack: Pack) -> Lexicon:
    return Lexicon([Term(text, label, weight) for text, label, weight in severity.terms(pack)])


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("昨晚空调漏电,把我麻到了,再不处理就找媒体", 2),
        ("充电宝半夜起火,床单都烧了", 1),
        ("没有起火,只是颜色和图片不太一样", 4),
        ("吃完拉肚子,在家躺了一天", 2),
        ("修了三次还是坏的,一直没人管", 3),
        ("再不退钱我就打12315", 3),
        ("已经上了热搜,你们还不回应", 1),
        ("请联系我,电话13812345678,订单2012345001", 4),
        ("灰尘聚集在屏幕边上,擦不掉", 4),
        ("客服一直拼命解释,我听不明白", 4),
        ("包装盒压扁了一个角", 4),
        ("真倒霉,颜色发错了", 4),
    ],
)
def test_what_is_heard(pack: Pack, lexicon: Lexicon, text: str, level: int) -> None:
    assert severity.score(pack, lexicon.scan(text), {}).level == level


def test_agreement_with_readers(pack: Pack, lexicon: Lexicon) -> None:
    """Two people graded real texts; with the category they chose we are nearly always within one level of them."""
    if not LABELLED.exists():
        pytest.skip(f"no labelled complaints at {LABELLED}: agreement was NOT checked")
    names = {pack.category_title(s.code).replace(" · ", "/"): s.code for s in pack.subs}
    near = far_too_grave = count = 0
    for row in map(json.loads, LABELLED.read_text().splitlines()):
        category = names.get(row["reader1"]["cat"])
        facts = {"category": category} if category else {}
        ours, theirs = severity.score(pack, lexicon.scan(row["text"]), facts).level, int(row["reader1"]["level"])
        count += 1
        near += abs(ours - theirs) <= 1
        far_too_grave += theirs == 4 and ours <= 2
    assert near / count > 0.97 and far_too_grave / count < 0.01


def test_dangers_that_two_people_see_in_real_texts_are_heard(pack: Pack, lexicon: Lexicon) -> None:
    """On the half that was looked at while this was made (bench/text_quality.py measures the other one): all of them,
    by words or by the reading, and what is heard in vain makes no case graver than the words alone do."""
    if not LABELLED.exists():
        pytest.skip(f"no labelled complaints at {LABELLED}: whether dangers are heard was NOT checked")
    for row in list(map(json.loads, LABELLED.read_text().splitlines()))[::2]:
        gravity = understand(row["text"], reasons=False).gravity
        heard = severity.score(pack, lexicon.scan(row["text"]), gravity)
        flagged = ["safety" in row[reader]["flags"] for reader in ("reader1", "reader2")]
        assert heard.dimensions["safety"].points or not all(flagged)
        if not any(flagged):
            words = severity.score(pack, lexicon.scan(row["text"]), {**gravity, "danger_percent": 0})
            assert heard.level == words.level


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("麻烦以后不要再有虫子了", 2),  # so there was one
        ("门感觉不太安全", 1),
        ("不想再投诉了", 0),
    ],
)
def test_what_shall_not_come_again_was_there(pack: Pack, lexicon: Lexicon, text: str, points: int) -> None:
    dimensions = severity.score(pack, lexicon.scan(text), {}).dimensions
    assert dimensions["safety"].points == points and not dimensions["legal"].points

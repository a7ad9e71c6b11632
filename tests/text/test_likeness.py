from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.text import alike, words
from wenguo.text.alike import phrases
from wenguo.text.likeness import likeness

Rows = Callable[[Path], Iterator[dict[str, str]]]
ANY = st.text(st.characters())


def auc(alike: Sequence[float], other: Sequence[float]) -> float:
    """How often a pair that belongs together is more alike than one that does not; ties count half."""
    ranks = sorted([(x, True) for x in alike] + [(x, False) for x in other])
    below, won, at = 0, 0.0, 0
    while at < len(ranks):
        end = at
        while end < len(ranks) and ranks[end][0] == ranks[at][0]:
            end += 1
        mine = sum(is_alike for _, is_alike in ranks[at:end])
        theirs = end - at - mine
        won += mine * (below + theirs / 2)
        below, at = below + theirs, end
    return won / (len(alike) * len(other))


def test_the_same_complaint_with_another_order_number_is_the_same():
    a = "我的订单20261122001三天了还没发货，要求退款199元！"
    b = "我的訂單20261129933三天了還沒發貨,要求退款 250 元"
    assert likeness(a, b) == 1
    assert likeness(a, "热水器漏电，差点出人命") < 0.1
    assert likeness("", "") == likeness("！？", "！？") == likeness("", "投诉") == 0
    assert likeness("坏", "坏") == 1


@given(ANY, ANY)
def test_likeness_is_a_symmetric_share(a: str, b: str):
    assert likeness(a, b) == likeness(b, a)
    assert 0 <= likeness(a, b) <= 1
    assert likeness(a, a) in (0, 1)


def test_a_text_told_again_with_changes_stays_alike(data: Path, rows: Rows):
    chance = random.Random(5)
    texts = [
        row["text"] for row in rows(data / "online_shopping_10_cats" / "train.csv.gz") if 40 <= len(row["text"]) <= 200
    ]
    texts = chance.sample(texts, 500)
    alphabet = "".join(texts)

    def changed(text: str, share: float) -> str:
        return "".join(chance.choice(alphabet) if chance.random() < share else c for c in text)

    means = [sum(likeness(text, changed(text, share)) for text in texts) / len(texts) for share in (0.1, 0.2)]
    assert means[0] > 0.7 and means[1] > 0.5, means


def test_citizens_who_write_about_one_issue(data: Path, rows: Rows):
    messages = list(rows(data / "taidi2020_gov_messages" / "hot_issues.csv.gz"))
    grouped = [message for message in messages if message["issue_group"]]
    others = [message for message in messages if not message["issue_group"]]
    chance = random.Random(2)
    for field, at_least, highest in (("detail", 0.96, 0.11), ("subject", 0.95, 0.25)):
        alike = [
            likeness(a[field], b[field]) for a, b in combinations(grouped, 2) if a["issue_group"] == b["issue_group"]
        ]
        apart = sorted(likeness(*(x[field] for x in chance.sample(others, 2))) for _ in range(3000))
        assert auc(alike, apart) > at_least
        assert apart[int(len(apart) * 0.99)] < highest


def test_short_questions_are_hard_and_we_know_it(data: Path, rows: Rows):
    pairs = [row for row in rows(data / "zh_pairs" / "train.csv.gz") if row["source"].startswith("ATEC")]
    scored = [(likeness(row["s1"], row["s2"]), row["label"]) for row in random.Random(1).sample(pairs, 3000)]
    same = [score for score, label in scored if label == "1"]
    other = [score for score, label in scored if label != "1"]
    assert 0.6 < auc(same, other) < 0.75


def test_what_several_texts_share_is_said_in_words_not_in_pairs_of_characters():
    texts = ["安装乱收材料费高空费", "上门乱收材料费高空费，还要加长管", "师傅要加长管的钱"]
    pieces = ["乱收", "收材", "材料", "料费", "费高", "高空", "空费", "加长", "长管"]
    assert phrases(texts, pieces) == ["乱收材料费高空费", "加长管"]
    assert phrases(texts, []) == [] and phrases(texts[:1], pieces) == []


@pytest.mark.parametrize(
    ("run", "said"),
    [("们团购卖的净", "团购卖"), ("锦绣湾", "锦绣湾"), ("直没人", ""), ("漏水，一", "漏水"), ("你们", ""), ("", "")],
)
def test_of_a_run_of_characters_its_whole_words_are_said(run: str, said: str):
    text = "锦绣湾小区1栋，你们团购卖的净水器zq-600漏水，一直没人接"
    start = text.find(run)
    assert words.within(text, start, start + len(run)) == said


def test_the_end_of_a_name_before_a_run_is_not_said():
    assert words.within("快递渗水，破壁机受潮发霉", 7, 12) == "受潮发霉"
    assert words.within("机受潮发霉，机", 0, 5) == "机受潮发霉"  # nothing touches it


def test_reasons_are_marked_as_whole_words():
    text = "甩干的时候整个跳起来，把旁边的柜子都撞倒了"
    spans = [(text.find(part), text.find(part) + len(part)) for part in ("子都撞", "的", "跳起", "起来")]
    assert [text[start:end] for start, end in words.whole(text, spans)] == ["跳起来", "柜子都撞倒"]


def test_a_chain_of_likenesses_is_no_event():
    common = alike.everyday()
    leaks = [
        "栖云里小区团购的净水器接头漏水，橱柜泡坏了",
        "栖云里小区的净水器接头一直漏水，师傅不来",
        "栖云里小区好几家净水器接头漏水，橱柜都泡了",
    ]
    astray = "师傅不来，橱柜的门也装反了，约了三次"
    first, *others = [alike.told("", text) for text in leaks]
    near = {n: told for n, told in enumerate([*others, alike.told("", astray)])}
    assert alike.of_one_event(first, near, common, 3) == [0, 1], "the last is like the second, not like all"
    leaking = {n: alike.told("", text) for n, text in enumerate(leaks)}
    assert alike.of_one_event(alike.told("", astray), leaking, common, 3) == []
    assert alike.of_one_event(first, {0: others[0]}, common, 3) == [], "two are no event"


def test_how_alike_two_texts_are_does_not_depend_on_who_asks_or_on_what_else_is_asked_about():
    common = alike.everyday()
    leak = "三号楼地下车库漏水，积水没过脚面，物业一直不来修。"
    other = "地下车库又漏水了，三号楼这边的车位全泡在水里，没有人来修。"
    texts = [leak, other, "空调外机噪音太大，邻居晚上睡不着觉。", "您好", "", "🙂"]
    told = [alike.told(text[:10], text) for text in texts]
    likeness = [alike.Weighed(one, common).same_matters(told) for one in told]
    assert likeness[0][0] == pytest.approx(1.0) and 0.1 < likeness[0][1] < 1.0
    assert likeness[0][1] > 3 * likeness[0][2]
    assert likeness[0][3:] == [0.0] * 3 and likeness[3] == [0.0] * 6, "greetings are like nothing, themselves included"
    for a, row in enumerate(likeness):
        for b, score in enumerate(row):
            assert score == pytest.approx(likeness[b][a]) and 0 <= score <= 1
            assert alike.Weighed(told[a], common).same_matters([told[b]])[0] == pytest.approx(score)
    assert alike.Weighed(told[0], common).same_matters([]) == []

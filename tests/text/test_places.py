"""Places by name, and who names the same one."""

from __future__ import annotations

import numpy as np
import pytest

from wenguo.text import alike
from wenguo.text.alike import Commonness
from wenguo.text.facts import places

HOUSE = Commonness(1000, np.zeros(alike.BUCKETS, np.uint16))


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ("6号晚上望湖星桥店充电桩坏了", ["望湖星桥店"]),
        ("投诉望湖星桥店计费不准，你们星桥店没人管", ["望湖星桥店", "星桥店"]),
        ("希望你们查查望湖星桥店", ["望湖星桥店"]),
        ("运营商说归门店管，附近门店也不管", []),
        ("在奶茶店、药店和天猫旗舰店都买过，小区门口的便利店", []),
        ("栖云里小区好几家都这样", ["栖云里小区"]),
        ("", []),
    ],
)
def test_names_of_places_as_people_write_them(said, called):
    assert places(said) == called


def same(one: str, other: str) -> bool:
    mine, theirs = alike.place_marks([one], HOUSE), alike.place_marks([other], HOUSE)
    return bool(set(mine.same) & set(theirs.kept)) and bool(set(mine.found_by) & set(theirs.found_by))


def test_one_place_is_spelled_longer_and_shorter():
    assert same("望湖星桥店", "星桥店") and same("星桥店", "望湖星桥店") and same("星桥门店", "望湖星桥店")
    assert not same("城东万达店", "城西万达店") and not same("星桥店", "青禾店") and not same("星桥店", "星桥小区")


def test_what_a_large_share_of_the_house_names_is_no_name():
    counts = HOUSE.counts.copy()
    counts[alike._hash("星桥") % alike.BUCKETS] = 300
    assert alike.place_marks(["星桥店"], Commonness(1000, counts)).found_by == []
    assert alike.place_marks(["星桥店"], HOUSE).found_by


def test_what_this_event_made_common_is_rare_elsewhere():
    texts = [f"星桥店扶梯{n}坏了" for n in "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"]
    told = {n: alike.told("", text) for n, text in enumerate(texts[1:])}

    def found(counted):
        return set(alike.same_thing(counted.saying(alike.beside(texts[0], ["星桥店"])), told, counted))

    assert found(Commonness.of(texts, alike.everyday())) == set(told)
    assert found(Commonness.of([f"扶梯{n}坏了" for n in range(60)], alike.everyday())) == set()

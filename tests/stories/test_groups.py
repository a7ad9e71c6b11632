"""Several people about one matter: suggested with its evidence, decided by a person."""

from __future__ import annotations

import pytest

from wenguo.cases import alike, group, grouping, intake, reading
from wenguo.cases.case import fold
from wenguo.cases.group import Group, Member
from wenguo.cases.intake import Complaint
from wenguo.cases.notice import Notice
from wenguo.errors import Invalid, NotNow, NotYours

LEAK = (
    "我家在栖云里小区3栋，上个月团购装的净水器CJ-600，滤芯接头一直滴水，厨房柜子都泡坏了，找安装师傅不接电话。",
    "栖云里小区的，团购的CJ-600净水器接头漏水，橱柜板全泡发了，售后让我自己拧紧，拧了还是漏。",
    "你们在栖云里小区搞团购卖的净水器，装上十天接头就渗水，楼下邻居家天花板都湿了，要求马上来修并赔偿。",
    "净水器CJ-600滤芯接头漏水，栖云里小区好几家都这样，橱柜泡坏，请给个统一的说法。",
)
PILES = (
    "南桥枫叶店的充电桩插上就跳，二十分钟扣掉我三十多块。",
    "在枫叶店充电桩上扫了码，屏幕没反应，服务费倒是先划走了。",
    "你们南桥枫叶店的三号充电桩显示充满，开出去一看还是剩一格。",
    "昨晚枫叶店的充电桩枪头拔不下来，我在那儿站到十一点，谁也叫不动。",
)
LIFTS = (
    "城南青柳店的自动扶梯停了，推着婴儿车只好自己抬上二楼。",
    "周六在青柳店，扶梯突然一顿，前面的老太太差点摔下来。",
    "投诉城南青柳店：扶梯梯级有个缺口，夹坏了女儿的凉鞋。",
)
AT_ONE_OUTLET = (
    "北门石桥店停车场收我二十块，说好购物满一百免两小时的。",
    "石桥店一个穿红马甲的店员骂我，说买不起别摸。",
    "在石桥店买的牛奶，货架标价六块八，收银台扫出来八块二。",
    "北门石桥店卫生间脏得进不去，地上全是水。",
    "石桥店收银员找错钱，少给了我五十，回去不认账。",
    "石桥店试衣间的门锁是坏的，有人推门进来。",
    "北门石桥店的店员态度冷淡，问三遍才答一句。",
    "石桥店退款拖了十天没到账，鞋子早退回去了。",
    "在北门石桥店预订的蛋糕取消了，退款一直没给。",
)
AT_MANY_OUTLETS = tuple(
    text.replace("南桥枫叶店", outlet).replace("枫叶店", outlet)
    for text, outlet in zip(PILES, ("东湖灯塔店", "榕浦木棉店", "临汐青禾店", "云栈雨巷店"), strict=True)
)
OTHERS = (
    "空调外机噪音太大，晚上睡不着，叫了两次师傅都没有来。",
    "退款说七个工作日到账，现在半个月了还没有消息。",
    "收银员多收了我一份会员费，小票上看不出来。",
)


def arrives(desk, text, n, **claims):
    """Somebody new complains, and the program reads it."""
    who = {"name": f"客户{n}", "phone": f"1390000{n:04}", **claims}
    received = intake.receive(Complaint(channel="web", text=text, **who), at=desk.wait(hours=1))
    reading.read(received.case.pk, at=desk.now)
    group.meet(received.case.pk, at=desk.now)
    return received.case


@pytest.fixture
def leak(desk):
    for n, text in enumerate(OTHERS):
        arrives(desk, text, n + 50)
    return [arrives(desk, text, n) for n, text in enumerate(LEAK[:3])]


def test_the_third_neighbour_makes_a_group_that_waits_for_the_supervisor(desk, leak):
    found = Group.objects.get()
    assert found.state == "suggested" and found.people == 3
    assert set(found.members.values_list("case_id", flat=True)) == {c.pk for c in leak}
    told = Notice.objects.filter(kind="group.suggested")
    assert [n.person.username for n in told] == ["supervisor"]
    assert "group" not in leak[0].flags, "a suggestion changes no case"
    assert not any(kind.startswith("group.") for case in leak for kind in desk.timeline(case))
    seen = group.evidence(leak, alike.commonness(), 0.75)
    assert seen.people == 3 and seen.copies == 0
    assert {"栖云", "云里"} & set(seen.words), seen.words
    assert any("栖云里" in said for said in seen.phrases), seen.phrases


def test_confirmed_they_say_so_and_who_comes_later_is_suggested(desk, leak):
    found = Group.objects.get()
    ids = [c.pk for c in leak]
    with pytest.raises(NotYours):
        grouping.confirm(found, ids, ids[0], by=desk.agent, at=desk.now)
    with pytest.raises(Invalid):
        grouping.confirm(found, ids[:2], ids[2], by=desk.supervisor, at=desk.now)
    grouping.confirm(found, ids, ids[0], by=desk.supervisor, at=desk.now)
    for case in leak:
        case.refresh_from_db()
        assert "group" in case.flags and "group.joined" in desk.timeline(case)
        assert fold(case)["flags"] == case.flags
    desk.wait(days=6)  # long after the window
    late = arrives(desk, LEAK[3], 9)
    member = Member.objects.get(case=late)
    assert (member.group, member.state) == (found, "suggested")
    assert member.group.people == 4, "the list says as many as the page of the group"
    grouping.confirm(found, [late.pk], ids[0], by=desk.supervisor, at=desk.now)
    assert set(found.members.filter(state="in").values_list("case_id", flat=True)) == {*ids, late.pk}
    with pytest.raises(NotNow):
        grouping.take_out(found.members.get(case=leak[0]), "不是一回事", by=desk.supervisor, at=desk.now)
    grouping.take_out(found.members.get(case=late), "是另一种故障", by=desk.supervisor, at=desk.now)
    late.refresh_from_db()
    assert "group" not in late.flags and desk.timeline(late)[-1] == "group.left"


def test_dismissed_it_does_not_come_back_for_the_same_people(desk, leak):
    found = Group.objects.get()
    with pytest.raises(Invalid):
        grouping.dismiss(found, " ", by=desk.supervisor, at=desk.now)
    grouping.dismiss(found, "三家装修时自己改了水路", by=desk.supervisor, at=desk.now)
    assert desk.timeline(leak[0])[-1] == "group.dismissed"
    group.meet(leak[2].pk, at=desk.now)
    arrives(desk, LEAK[3], 9)
    assert Group.objects.count() == 1
    with pytest.raises(NotNow):
        grouping.dismiss(found, "再说一次", by=desk.supervisor, at=desk.now)
    for n, text in enumerate(LEAK[:2]):
        arrives(desk, text + "物业也来看过了。", 20 + n)
    again = Group.objects.get(state="suggested")
    assert again.people == 3 and not set(again.members.values_list("case", flat=True)) & {c.pk for c in leak}


def test_one_person_is_no_group(desk):
    """With three numbers, over three channels, or fifty times: it stays one complainant."""
    for n, text in enumerate(LEAK):
        arrives(desk, text, n, order_number="DD20261109")
    assert not Group.objects.exists()
    for n in range(5):
        arrives(desk, LEAK[0], 30 + n, name="王小明")
    assert not Group.objects.exists()
    for _n in range(6):
        intake.receive(
            Complaint(channel="web", text=LEAK[0], name="李雷", phone="13900000088"), at=desk.wait(minutes=1)
        )
    assert not Group.objects.exists()


def test_copies_by_different_people_are_a_group_with_a_sign(desk):
    cases = [arrives(desk, LEAK[0] + "请尽快。" * (n % 2), n, name=f"业主{n}") for n in range(4)]
    found = Group.objects.get()
    assert found.people == 4
    assert group.evidence(cases, alike.commonness(), 0.75).copies == 3


@pytest.mark.parametrize("text", ["坏", "投诉", "？？？", "你好", "1234567", "😡😡😡", "请尽快处理，谢谢！"])
def test_texts_that_say_nothing_are_like_nothing(desk, text):
    for n in range(5):
        arrives(desk, text, n)
    assert not Group.objects.exists()


def test_too_late_is_no_group(desk):
    for n, text in enumerate(LEAK[:3]):
        arrives(desk, text, n)
        desk.wait(hours=60)
    assert not Group.objects.exists()


def test_one_batch_is_one_matter_whatever_the_words(desk):
    for n, text in enumerate(OTHERS):
        arrives(desk, text, n, product="水壶", batch="B2609")
    assert Group.objects.get().people == 3


@pytest.mark.parametrize("texts", [PILES, LIFTS])
def test_one_thing_at_one_outlet_is_one_matter_whatever_else_they_say(desk, texts):
    """Each in words of their own, the outlet spelled long or short; among others that complain of that outlet."""
    outlet = "枫叶店" if texts is PILES else "青柳店"
    for n, text in enumerate(AT_ONE_OUTLET[:4]):
        arrives(desk, text.replace("石桥店", outlet).replace("北门", ""), n + 50)
    cases = [arrives(desk, text, n) for n, text in enumerate(texts)]
    found = Group.objects.get()
    assert found.people == len(texts)
    assert set(found.members.values_list("case_id", flat=True)) == {case.pk for case in cases}
    said = group.evidence(cases, alike.commonness(), 0.75).phrases
    assert any(("充电" in one if texts is PILES else "扶梯" in one) for one in said), said


@pytest.mark.parametrize("texts", [AT_ONE_OUTLET, AT_MANY_OUTLETS])
def test_neither_an_outlet_alone_nor_a_thing_alone_is_a_matter(desk, texts):
    for n, text in enumerate(texts):
        arrives(desk, text, n)
    assert not Group.objects.exists()


def test_the_place_of_the_record_counts_as_one_that_is_named(desk):
    for n, text in enumerate(PILES):
        arrives(desk, text.replace("南桥枫叶店", "这里").replace("枫叶店", "这里"), n, place="南桥枫叶店")
    assert Group.objects.get().people == len(PILES)


def test_one_thing_at_one_outlet_told_by_one_person_or_over_weeks_is_no_group(desk):
    for n, text in enumerate(PILES):
        arrives(desk, text, n, order_number="DD20261109")
    assert not Group.objects.exists()
    for n, text in enumerate(LIFTS):
        arrives(desk, text, n + 20)
        desk.wait(hours=60)
    assert not Group.objects.exists()


def test_a_thing_at_an_outlet_confirmed_takes_in_who_comes_next_day(desk):
    cases = [arrives(desk, text, n) for n, text in enumerate(PILES[:3])]
    found = Group.objects.get()
    grouping.confirm(found, [c.pk for c in cases], cases[0].pk, by=desk.supervisor, at=desk.now)
    late = arrives(desk, PILES[3], 9)
    assert Member.objects.get(case=late).group == found


def test_a_text_read_twice_leaves_one_trace_and_a_forgotten_case_none(desk, leak):
    marks = alike.Mark.objects.filter(case_id=leak[0].pk).count()
    matter = leak[0].trace.matter
    group.meet(leak[0].pk, at=desk.now)
    assert alike.Mark.objects.filter(case_id=leak[0].pk).count() == marks > 10
    assert alike.Trace.objects.get(case=leak[0]).matter == matter and Group.objects.count() == 1
    alike.forget_traces([leak[0].pk])
    assert not alike.Mark.objects.filter(case_id=leak[0].pk).exists()
    assert group.catch_up(since=desk.now.replace(year=2020), at=desk.now) == 1
    assert group.catch_up(since=desk.now.replace(year=2020), at=desk.now) == 0


def test_the_house_counts_its_own_words(desk, leak):
    row = alike.count_words(at=desk.now)
    assert alike.commonness().n == row.n > 6
    alike.count_words(at=desk.now)
    assert alike.WordCount.objects.count() == 1
    assert alike.sweep(before=desk.wait(days=1)) == 6
    assert not alike.Mark.objects.exists() and not alike.Trace.objects.exists()


def test_similar_past_cases_are_those_one_may_see(desk, leak):
    found = alike.similar(leak[0], by=desk.agent, at=desk.now)
    assert {s.case for s in found} <= set(leak[1:]) and found
    assert all(0 < s.score <= 1 and s.why for s in found)
    assert alike.similar(leak[0], by=desk.east_agent, at=desk.now) == []


def test_the_supervisor_decides_on_the_page_of_the_group(desk, leak, client):
    found = Group.objects.get()
    client.force_login(desk.supervisor)
    told = Notice.objects.get(kind="group.suggested")
    opened = client.post("/desk/notices/read/", {"notice": told.pk, "open": "1"})
    assert opened["Location"] == f"/desk/groups/{found.pk}/"
    body = client.get(opened["Location"]).content.decode()
    assert "3 人反映同一件事" in body and "<mark>" in body and body.count('class="group-member"') == 3
    assert "3 人" in client.get("/desk/groups/").content.decode()
    wrong = client.post(f"/desk/groups/{found.pk}/confirmation/", {"cases": [leak[0].pk], "lead": leak[0].pk})
    assert wrong.status_code == 422 or "请至少选择两件" in wrong.content.decode()
    right = client.post(f"/desk/groups/{found.pk}/confirmation/", {"cases": [c.pk for c in leak], "lead": leak[0].pk})
    assert right.status_code == 302
    assert leak[1].number in client.get("/desk/queue/?view=group").content.decode()
    hint = client.get(f"/desk/cases/{leak[1].number}/similar/", headers={"HX-Request": "true"}).content.decode()
    assert f"由 {leak[0].number} 牵头" in hint and leak[2].number in hint
    client.force_login(desk.east_supervisor)
    assert client.get(f"/desk/groups/{found.pk}/").status_code == 404
    assert leak[0].number not in client.get("/desk/groups/").content.decode()


@pytest.fixture
def pumps(desk):
    """The same matter in words so different that it became a group of its own."""
    return [arrives(desk, text, 40 + n) for n, text in enumerate(LIFTS)]


def test_a_case_the_program_did_not_suggest_joins_by_its_number(desk, leak, client):
    found, ids = Group.objects.get(), [c.pk for c in leak]
    odd = arrives(desk, "厨房又进水了，还是那个接头，第三回了。", 30)
    client.force_login(desk.supervisor)
    to = f"/desk/groups/{found.pk}/members/"
    with pytest.raises(NotNow, match="请先确认"):
        grouping.add(found, odd, by=desk.supervisor, at=desk.now)
    grouping.confirm(found, ids, ids[0], by=desk.supervisor, at=desk.now)
    assert "没有找到编号为 TS-1" in client.post(to, {"number": "TS-1"}).content.decode()
    assert client.post(to, {"number": odd.number.lower()}).status_code == 302
    odd.refresh_from_db()
    found.refresh_from_db()
    assert "group" in odd.flags and found.people == 4 and desk.timeline(odd)[-1] == "group.joined"
    assert fold(odd)["flags"] == odd.flags
    with pytest.raises(NotNow, match=f"已列入由 {leak[0].number} 牵头"):
        grouping.add(found, odd, by=desk.supervisor, at=desk.now)
    with pytest.raises(NotYours):
        grouping.add(found, odd, by=desk.agent, at=desk.now)


def test_two_groups_about_one_matter_become_one(desk, leak, pumps, client):
    water, lifts = Group.objects.get(members__case=leak[0]), Group.objects.get(members__case=pumps[0])
    assert water.pk != lifts.pk
    grouping.confirm(water, [c.pk for c in leak], leak[0].pk, by=desk.supervisor, at=desk.now)
    with pytest.raises(NotNow, match="只能并入已确认的"):
        grouping.merge(water, lifts, by=desk.supervisor, at=desk.now)
    with pytest.raises(Invalid, match="另一组"):
        grouping.merge(water, water, by=desk.supervisor, at=desk.now)
    client.force_login(desk.supervisor)
    page = client.get(f"/desk/groups/{lifts.pk}/").content.decode()
    assert f'<option value="{water.pk}">' in page and f"由 {leak[0].number} 牵头" in page
    moved = client.post(f"/desk/groups/{lifts.pk}/merge/", {"into": water.pk})
    assert moved["Location"] == f"/desk/groups/{water.pk}/"
    water.refresh_from_db()
    lifts.refresh_from_db()
    states = dict(water.members.values_list("case_id", "state"))
    assert [states[c.pk] for c in leak] == ["in"] * 3 and [states[c.pk] for c in pumps] == ["suggested"] * 3
    assert (water.people, lifts.state, lifts.merged_into, lifts.members.count()) == (6, "merged", water, 0)
    assert client.get(f"/desk/groups/{lifts.pk}/")["Location"] == f"/desk/groups/{water.pk}/"
    assert "group.joined" not in desk.timeline(pumps[0])  # suggested as before: nobody has decided about it
    late = arrives(desk, "今天城南青柳店的自动扶梯又停了，梯级的缺口也没人修。", 50)
    assert Member.objects.get(case=late).group == water
    with pytest.raises(NotNow, match="已并入另一组"):
        grouping.merge(lifts, water, by=desk.supervisor, at=desk.now)


def test_of_two_confirmed_groups_each_case_says_that_it_has_another_lead(desk, leak, pumps):
    water, lifts = Group.objects.get(members__case=leak[0]), Group.objects.get(members__case=pumps[0])
    for found, cases in ((water, leak), (lifts, pumps)):
        grouping.confirm(found, [c.pk for c in cases], cases[0].pk, by=desk.supervisor, at=desk.now)
    grouping.merge(lifts, water, by=desk.supervisor, at=desk.now)
    assert set(water.members.values_list("state", flat=True)) == {"in"} and water.members.count() == 6
    for case in pumps:
        case.refresh_from_db()
        assert desk.timeline(case)[-2:] == ["group.joined", "group.joined"] and case.flags.count("group") == 1
        assert fold(case)["flags"] == case.flags


def test_the_page_of_a_group_and_the_hints_cost_a_fixed_number_of_queries(desk, client, django_assert_max_num_queries):
    for n in range(12):
        arrives(desk, LEAK[n % 4], n, name=f"业主{n}")
    found = Group.objects.get()
    client.force_login(desk.supervisor)
    for address, most in ((f"/desk/groups/{found.pk}/", 18), ("/desk/groups/", 14)):
        client.get(address)
        with django_assert_max_num_queries(most):
            assert client.get(address).status_code == 200

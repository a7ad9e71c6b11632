"""The review queue: what the program is not sure of waits there, and each key press decides one case."""

from __future__ import annotations

from datetime import timedelta

from tests.doors.visitor import at_desk

from wenguo.cases import acceptance, learning, reading, triage

PAGE = "/desk/review/"


def taken_on(desk, text, phone):
    case = desk.receives(text, phone=phone, name=f"客户{phone[-2:]}")
    acceptance.accept(case, by=desk.agent, at=desk.now)
    reading.read(case.pk, at=desk.now)
    return case


def test_nothing_waits(desk):
    page = at_desk(desk.agent).get(PAGE).content.decode()
    assert "没有等着定类的投诉" in page
    assert "没有程序归类而未复核的投诉" in at_desk(desk.agent).get(PAGE + "?kind=applied").content.decode()


def test_one_key_decides_and_the_next_comes(desk):
    first = taken_on(desk, "快递箱子压扁了,里面的杯子全碎了,包装就薄薄一层。", "13900000001")
    desk.wait(minutes=30)
    second = taken_on(desk, "客服态度太差,骂人还挂我电话。", "13900000002")
    client = at_desk(desk.agent)
    page = client.get(PAGE + "?kind=open").content.decode()
    assert page.index(first.number) < page.index(second.number)  # the nearest promise first
    assert 'data-key="1"' in page and "autofocus" in page and "<mark>" in page and 'data-key="0"' in page
    assert '<small class="quiet">依据：' in page, "in sight, not only where a mouse rests"

    first.refresh_from_db()
    form = {"category": "product.packaging", "version": str(first.version), "after": second.number}
    answer = client.post(f"{PAGE}{first.number}/", form)
    assert answer.status_code == 302 and answer["Location"].endswith(f"&case={second.number}")
    first.refresh_from_db()
    assert first.category == "product.packaging"
    page = client.get(answer["Location"]).content.decode()
    assert second.number in page and f"{PAGE}{first.number}/" not in page

    assert client.post(f"{PAGE}{second.number}/", {"category": "nonsense"}).status_code == 422
    assert client.post(f"{PAGE}{second.number}/", {"category": "service.attitude", "version": "1"}).status_code == 409
    also = {"category": "service.attitude", "also": ["service.slow"]}
    assert client.post(f"{PAGE}{second.number}/", also).status_code == 302
    second.refresh_from_db()
    assert (second.category, second.also) == ("service.attitude", ["service.slow"])


def test_what_the_program_applied_is_confirmed_with_the_same_key(desk):
    case = taken_on(desk, "快递箱子压扁了。", "13900000003")
    type(case).objects.filter(pk=case.pk).update(category="product.packaging", flags=[learning.BY_PROGRAM])
    client = at_desk(desk.agent)
    assert case.number not in client.get(PAGE).content.decode()
    page = client.get(PAGE + "?kind=applied").content.decode()
    assert case.number in page and "请确认或改正" in page
    client.post(f"{PAGE}{case.number}/", {"category": "product.packaging", "kind": "applied"})
    case.refresh_from_db()
    assert (case.category, case.flags) == ("product.packaging", [])
    assert desk.timeline(case)[-1] == "case.classified"


def test_the_least_sure_first_and_only_what_one_may_see(desk):
    sure = taken_on(desk, "客服态度太差,骂人还挂我电话,态度恶劣。", "13900000004")
    unsure = taken_on(desk, "东西不行,就那样吧。", "13900000005")
    reading.Reading.objects.filter(case=sure).update(probability=0.8)
    reading.Reading.objects.filter(case=unsure).update(probability=0.2)
    type(sure).objects.filter(pk=sure.pk).update(next_due_at=desk.now - timedelta(hours=1))
    client = at_desk(desk.agent)
    by_clock, by_doubt = (client.get(f"{PAGE}?order={o}").content.decode() for o in ("clock", "unsure"))
    assert by_clock.index(sure.number) < by_clock.index(unsure.number)
    assert by_doubt.index(unsure.number) < by_doubt.index(sure.number)
    assert unsure.number not in at_desk(desk.east_agent).get(PAGE).content.decode()
    assert triage.unclassified(type(sure).objects.all()).count() == 2


def test_a_possible_danger_is_looked_at_first_and_answered_with_one_key(desk):
    plain = taken_on(desk, "客服态度太差,骂人还挂我电话。", "13900000006")
    first = taken_on(desk, "楼上外墙的瓷砖松了,有一块悬在那里,下面天天有人走。", "13900000007")
    assert first.level > 2
    client = at_desk(desk.agent)
    page = client.get(PAGE).content.decode()
    assert "有没有危险？请看一眼" in page and first.number in page and plain.number not in page
    assert 'data-key="d"' in page and 'data-key="x"' in page and "<mark>" in page
    first.refresh_from_db()
    there = {"there": "yes", "version": str(first.version), "kind": "danger"}
    assert at_desk(desk.east_repairer).post(f"{PAGE}{first.number}/danger/", there).status_code in {403, 404}
    answer = client.post(f"{PAGE}{first.number}/danger/", there)
    assert answer.status_code == 302 and "kind=danger" in answer["Location"]
    first.refresh_from_db()
    assert first.level == 2 and "danger" in first.flags
    assert client.post(f"{PAGE}{first.number}/danger/", there).status_code == 409
    assert "有没有危险？请看一眼" not in client.get(PAGE).content.decode()
    assert "没有要核实的危险提示" in client.get(PAGE + "?kind=danger").content.decode()


def test_where_the_program_cannot_tell_no_suggestion_is_spoken_of(desk):
    taken_on(desk, "白日依山尽,黄河入海流。", "13900000010")
    page = at_desk(desk.agent).get(PAGE).content.decode()
    assert "程序说不准" in page and "采用所选" in page and 'data-key="0"' in page
    assert "都不是，改为" not in page and "Enter 采纳第一个" not in page and 'data-key="1"' not in page


def test_the_case_page_asks_as_well(desk):
    case = taken_on(desk, "楼上外墙的瓷砖松了,有一块悬在那里,下面天天有人走。", "13900000008")
    client = at_desk(desk.agent)
    page = client.get(f"/desk/cases/{case.number}/").content.decode()
    assert "有没有危险？请看一眼" in page
    case.refresh_from_db()
    form = {"there": "no", "one_tap": "1", "version": str(case.version)}
    assert client.get(f"/desk/cases/{case.number}/acts/answer_danger/").status_code == 200
    assert client.post(f"/desk/cases/{case.number}/acts/answer_danger/", form).status_code == 302
    assert "有没有危险？请看一眼" not in client.get(f"/desk/cases/{case.number}/").content.decode()


def test_whose_category_a_person_has_set_is_asked_about_danger_alone(desk):
    case = taken_on(desk, "楼上外墙的瓷砖松了,有一块悬在那里,下面天天有人走。", "13900000009")
    case.refresh_from_db()
    triage.classify(case, "product.appearance", by=desk.agent, at=desk.now)
    page = at_desk(desk.agent).get(PAGE).content.decode()
    assert case.number in page and 'data-key="d"' in page
    assert 'data-key="1"' not in page and "review-category" not in page  # no key takes the category away

"""The case page under bad weather: the session ends while somebody writes, the case moves on, two have it open."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import fits, until

from wenguo.cases import acceptance, causes, letters, triage

LONG = "无空格长文" * 100  # 500 characters without a space


def test_what_was_typed_survives_a_lost_session_and_a_new_stage(hands: Any, desk: Any, world: Any) -> None:
    case = desk.receives("空调漏电，吓坏了老人", name="欧" * 40)
    hand = hands.signs_in("agent")
    page = hand.opens(case.number)
    page.fill("#say-words", "王先生，我们已安排上门检测。")
    page.context.clear_cookies(name="sessionid")  # the session ends
    with page.expect_response(lambda r: r.url.endswith("/messages/")) as answer:
        page.click("#composer-say [data-main-submit]")
    assert answer.value.status == 401
    page.wait_for_selector("#said .notice-danger")
    page.wrong = [line for line in page.wrong if "401" not in line]
    assert page.input_value("#say-words") == "王先生，我们已安排上门检测。"
    hand.opens(case.number)  # signs in again and comes back
    assert page.input_value("#say-words") == "王先生，我们已安排上门检测。"
    assert "已恢复" in page.inner_text("#composer-say")
    hand.presses(page.locator("#composer-say [data-main-submit]"))
    until(page, "document.querySelector('#say-words').value === ''")
    assert desk.timeline(case).count("message.sent") == 1

    # A form that is gone when the case has moved on: its words are shown, not lost.
    page.click("#case-next .more-acts > summary")
    page.locator('#case-next a[href$="/acts/refuse/"]').first.click()
    page.wait_for_selector("#case-act form textarea")
    page.locator("#case-act textarea").first.fill("不属于本公司的产品，已告知客户")
    page.wait_for_timeout(600)
    case.refresh_from_db()
    acceptance.accept(case, by=desk.supervisor, at=world.now())
    hand.opens(case.number)
    left = page.locator("#case-left-behind")
    assert "没提交的内容" in left.inner_text()
    assert "已告知客户" in left.locator(".words").inner_text()
    left.locator("button:has-text('不要了')").click()
    assert left.inner_text() == ""


def test_a_choice_of_several_is_kept_whole_and_no_choice_is_no_draft(hands: Any, desk: Any, world: Any) -> None:
    case = desk.receives("空调漏电，客服态度也差")
    acceptance.accept(case, by=desk.agent, at=world.now())
    hand = hands.signs_in("agent")
    kept = "Object.keys(localStorage).filter(k => k.includes('act-classify'))"
    address = f"/desk/cases/{case.number}/acts/classify/"

    def open_form() -> Any:
        page = hand.goes(address)
        page.locator("#case-act summary", has_text="兼有其他分类").click()
        return page.locator("#case-act select[name=also]")

    hand.opens(case.number)
    also = open_form()
    hand.page.fill("#case-act input[type=search]", "态度")
    hand.page.wait_for_timeout(600)
    assert hand.page.evaluate(kept) == [], "nothing was chosen"
    also.select_option(["product.function", "service.attitude"])
    hand.page.wait_for_timeout(600)
    assert sorted(open_form().evaluate("s => [...s.selectedOptions].map(o => o.value)")) == [
        "product.function", "service.attitude",
    ]  # fmt: skip


def test_two_see_each_other_and_nothing_sticks_out(hands: Any, desk: Any, world: Any) -> None:
    case = desk.receives(LONG, name="欧" * 40)
    letters.say(case, "", LONG, by=desk.agent, at=world.now())
    one = hands.signs_in("agent")
    one.opens(case.number)
    one.page.click("#composer-note > summary")
    one.page.fill("#note-words", "正在给客户回电")
    other = hands.signs_in("supervisor", {"width": 390, "height": 844})
    other.page.route("**/watching/", lambda beat: beat.fulfill(status=204))  # not yet, however slow the machine is
    page = other.opens(case.number)
    until(page, "!document.querySelector('.htmx-request')")
    parts = "['#case-head', '#case-next', '#case-timeline', '#case-customer']"
    tops = f"{parts}.map((s) => document.querySelector(s).getBoundingClientRect().top)"
    alone = page.evaluate(tops)
    page.unroute("**/watching/")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(page, "document.querySelector('#watching').innerText.includes('张敏')")
    assert "张敏 正在写" in page.inner_text("#watching")
    assert page.evaluate(tops) == alone, "who comes to look moves what another is about to press"
    for width in (390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        fits(page)
    page.set_viewport_size({"width": 390, "height": 844})
    order = page.evaluate(tops)
    assert order == sorted(order)


def test_a_note_written_without_a_network_is_sent_once_when_it_is_back(hands: Any, desk: Any, world: Any) -> None:
    case = desk.receives("空调漏电，吓坏了老人")
    page = hands.signs_in("agent").opens(case.number)
    page.click("#composer-note > summary")
    page.fill("#note-words", "客户说下午三点以后在家。")
    page.context.set_offline(True)
    send = page.locator("#composer-note [data-main-submit]")
    send.click()
    page.wait_for_selector("#said .notice-danger")
    assert "网络不通" in page.inner_text("#said") and page.input_value("#note-words") == "客户说下午三点以后在家。"
    page.context.set_offline(False)
    send.dblclick()  # impatient
    until(page, "document.querySelector('#case-timeline').innerText.includes('下午三点以后')")
    until(page, "document.querySelector('#note-words').value === ''")
    assert desk.timeline(case).count("case.noted") == 1
    page.wrong = [line for line in page.wrong if "ERR_INTERNET_DISCONNECTED" not in line and "sendError" not in line]


def test_a_story_of_two_hundred_messages_opens_at_once_and_is_read_to_its_beginning(
    hands: Any, desk: Any, world: Any
) -> None:
    case = desk.receives("第一句：空调漏电，吓坏了老人")
    for n in range(200):
        letters.say(case, "", f"第 {n + 1} 次告知进展。", by=desk.agent, at=world.now())
    page = hands.signs_in("agent", {"width": 390, "height": 844}).opens(case.number)
    assert page.locator("#case-timeline li").count() < 100
    assert "第 200 次告知进展" in page.inner_text("#case-timeline")
    fits(page)
    for _slice in range(20):
        more = page.locator("#case-timeline .more a, #case-timeline .more button")
        if not more.count():
            break
        before = page.locator("#case-timeline li").count()
        more.last.click()
        until(page, f"document.querySelectorAll('#case-timeline li').length > {before}")
    told = page.inner_text("#case-timeline")
    assert "第 1 次告知进展" in told and "第一句：空调漏电" in told
    assert told.count("次告知进展") == 200
    fits(page)


def test_a_message_that_comes_while_one_writes_is_announced_and_an_echo_is_not(desk, world, hands):
    case = desk.receives("净化器用了三天就不出风，要求退款。", channel="web")
    hand = hands.signs_in("agent")
    hand.page.add_init_script("window.EventSource = class { constructor() { window.stream = this; } close() {} }")
    page = hand.goes(f"/desk/cases/{case.number}/")
    hears = (
        "([type, seq]) => stream.onmessage({ data: JSON.stringify("
        "{ topic: document.querySelector('#case-timeline').dataset.topics, type, seq }) })"
    )
    with page.expect_response("**/messages/remarks/"):
        page.fill("#say-words", "您好，我们正在核实")
    seen = int(page.get_attribute("#case-timeline", "data-seen"))
    page.evaluate(hears, ["message.sent", seen])  # what this page already tells
    page.wait_for_timeout(1800)
    assert not page.is_visible("#live button")
    with page.expect_response("**/messages/remarks/"):
        page.fill("#say-words", "您好，我们正在核实，请稍等")
    case.refresh_from_db()
    letters.hear(case, "有人吗", by=case.customer, at=world.now())
    page.evaluate(hears, ["message.received", seen + 1])
    page.wait_for_selector("#live button")
    page.click("#live button")
    page.wait_for_selector("#case-timeline >> text=有人吗")
    assert page.input_value("#say-words") == "您好，我们正在核实，请稍等"
    page.click("#composer-say [data-main-submit]")
    page.wait_for_selector("#case-timeline >> text=请稍等")
    case.refresh_from_db()
    assert case.unanswered_since is None  # it was before the eyes of who answered
    assert not page.wrong


def test_a_form_that_went_before_htmx_was_there_is_not_offered_again(hands: Any, desk: Any, world: Any) -> None:
    case = desk.receives("空调漏电，吓坏了老人")
    hand = hands.signs_in("agent")
    hand.page.route("**/htmx*", lambda route: route.abort())  # as on a slow machine: forms are ordinary forms
    page = hand.opens(case.number)
    page.locator("#composer-note > summary").click()
    page.fill("#note-words", "客户说下午在家。")
    page.wait_for_timeout(600)
    page.locator("#composer-note [data-main-submit]").click()
    page.wait_for_selector("#said .notice-success")
    assert desk.timeline(case).count("case.noted") == 1
    assert page.input_value("#note-words") == "" and not page.locator(".draft-note").count()

    page.locator("#composer-note > summary").click()
    page.fill("#note-words", "第二条还没有送到。")
    page.wait_for_timeout(600)
    page.context.clear_cookies(name="sessionid")  # it goes to the page that asks who one is instead
    page.locator("#composer-note [data-main-submit]").click()
    page.wait_for_url("**/notes/")
    hand.opens(case.number)  # signs in again and comes back
    assert page.input_value("#note-words") == "第二条还没有送到。"
    page.wrong = []


def test_who_takes_a_case_over_has_its_next_step_in_front(hands: Any, desk: Any, world: Any) -> None:
    case = desk.receives("空调漏电，吓坏了老人")
    acceptance.accept(case, by=desk.agent, at=world.now())
    triage.classify(case, "product.function", by=desk.agent, at=world.now())
    triage.grade(case, 3, "按实际情况定级", by=desk.supervisor, at=world.now())
    triage.assign(case, desk.units["zl"], "请核实处理", by=desk.agent, at=world.now())
    hand = hands.signs_in("quality")
    page = hand.opens(case.number)
    page.click('[data-panes] a[href="#case-story"]')  # reads the story first
    assert not page.is_visible("#case-work")
    hand.act(case.number, "sign")
    assert page.is_visible("#case-work") and not page.is_visible("#case-story")
    assert page.locator("#case-work details.unfold, #case-work form").first.is_visible()
    page.click('[data-panes] a[href="#case-story"]')
    page.reload()
    assert page.is_visible("#case-story"), "what was chosen since then stays in front"


def test_the_pictures_of_the_causes_are_whole_and_readable_at_every_width(hands: Any, desk: Any, world: Any) -> None:
    case = desk.triages(desk.receives("洗衣机新机不排水"))
    why = None
    for words in (
        "排水泵叶轮被线屑缠住",
        "出厂前未做排水试验",
        "检验规程漏写排水一项",
        "改版时抄了旧规程",
        "新品没有规程评审",
    ):
        why = causes.add_cause(case, words, parent=why, by=desk.agent, at=desk.now)
    for bone in case.pack.causes:
        for words in ("新员工未经排水专项培训", "夜班检验员人手一直不足"):
            causes.add_cause(case, words, bone=bone.code, by=desk.agent, at=desk.now)
    hand = hands.signs_in("agent")
    smallest = """e => Math.min(...[...e.querySelectorAll('.drawn svg')].filter(s => s.getClientRects().length)
        .map(s => 12 * s.getBoundingClientRect().width / s.viewBox.baseVal.width))"""
    for address in (f"/desk/cases/{case.number}/", f"/desk/cases/{case.number}/causes/print/"):
        page = hand.goes(address)
        for width in (1440, 1100, 768, 390):
            page.set_viewport_size({"width": width, "height": 900})
            if (pane := page.locator('[data-panes] a[href="#case-work"]')).count():
                pane.first.click()
            fits(page)
            drawn = page.locator(".drawn")
            assert drawn.count() == 2
            assert drawn.evaluate_all("all => all.every(e => e.scrollWidth <= e.clientWidth)")
            assert page.locator(".drawn svg:visible").count() == 2
            assert page.locator("body").evaluate(smallest) >= 11.9
        assert "人员" in page.inner_text("body") and not page.wrong

"""The portal in a real browser on a phone: submit, track, say something; also without script, and in large type."""

from __future__ import annotations

import re

import pytest
from django.db import transaction
from django.utils.timezone import now
from tests.doors.test_portal import answered, offered

from wenguo.cases import letters, links
from wenguo.cases.case import Case
from wenguo.cases.evidence import Evidence

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
TEXT = "昨天买的电水壶漏水，插座都湿了，打电话没人接。"


def watched(context):
    """A page that remembers every error of script or policy."""
    page = context.new_page()
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("console", lambda line: page.wrong.append(line.text) if line.type == "error" else None)
    return page


def fits(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], page.url


def test_submit_track_and_message_on_a_phone(browser, home):
    page = watched(browser.new_context(viewport=PHONE, locale="zh-CN"))
    page.goto(home)
    fits(page)
    page.click("text=我要投诉")
    page.fill("[name=text]", TEXT)
    assert not page.is_visible("[name=phone]")
    page.click("[data-next-step]:visible")
    page.set_input_files("[name=files]", [{"name": "票.txt", "mimeType": "text/plain", "buffer": "发票".encode()}])
    assert "票.txt" in page.inner_text(".p-files.chosen")
    page.click("[data-next-step]:visible")
    page.reload()  # the phone rang, the browser was closed: the words are still there
    assert page.input_value("[name=text]") == TEXT
    for _step in range(2):
        page.click("[data-next-step]:visible")
    page.fill("[name=phone]", "13800001234")
    page.click("text=退款")
    fits(page)
    page.click("[data-submit]")
    page.wait_for_url("**/new/done/**")
    case = Case.objects.get()
    assert page.inner_text(".p-number") == case.number
    fits(page)

    page.goto(f"{home}/new/")
    assert page.input_value("[name=text]") == ""  # the draft went with the complaint
    page.goto(f"{home}/track/")
    page.fill("[name=number]", case.number.lower().replace("-", " "))
    page.fill("[name=contact]", "1234")
    page.click("button:has-text('查询')")
    page.wait_for_url("**/t/**")
    fits(page)
    page.fill("form#say [name=text]", "家里一直有人，随时可以来。")
    page.click("button:has-text('发送')")
    page.wait_for_url("**done=heard**")
    assert "家里一直有人" in page.inner_text("#talk")
    assert page.input_value("form#say [name=text]") == ""
    assert page.wrong == []


def test_every_field_is_there_without_script(browser, home):
    page = browser.new_context(viewport=PHONE, locale="zh-CN", java_script_enabled=False).new_page()
    page.goto(f"{home}/new/")
    assert page.is_visible("[name=text]") and page.is_visible("[name=phone]") and not page.is_visible("[data-print]")
    fits(page)
    page.fill("[name=text]", TEXT)
    page.set_input_files("[name=files]", [{"name": "票.txt", "mimeType": "text/plain", "buffer": b"1"}])
    page.click("[data-submit]")
    assert "请留下手机号或邮箱" in page.inner_text("main") and page.input_value("[name=text]") == TEXT
    page.fill("[name=mail]", "w@example.com")
    page.click("[data-submit]")
    page.wait_for_url("**/new/done/**")
    assert re.match(r"TS-\d{4}-", page.inner_text(".p-number"))
    assert Evidence.objects.get().name == "票.txt"
    page.click("text=看办理进度")
    page.click("summary:has-text('催一催')")
    page.click("button:has-text('催办')")
    assert "已替您催办" in page.inner_text("main")


def test_a_mistake_opens_the_step_it_is_in(browser, home):
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    page.goto(f"{home}/new/")
    page.fill("[name=text]", TEXT)
    page.click("[data-next-step]:visible")
    page.click("[data-next-step]:visible")
    page.click("[data-submit]")
    page.wait_for_selector("#f-phone-wrong")
    assert page.is_visible("[name=phone]") and not page.is_visible("[name=text]")
    assert page.get_attribute("[name=phone]", "aria-describedby") == "f-phone-wrong"


def test_large_type_fits_a_phone_and_each_field_has_its_name(browser, home):
    context = browser.new_context(viewport=PHONE, locale="zh-CN")
    context.add_init_script("localStorage.setItem('wenguo.type', 'large')")
    page = watched(context)
    for address in ("/", "/new/", "/track/", "/notice/", "/privacy/", "/verify/"):
        page.goto(home + address)
        assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "22px"
        fits(page)
        nameless = page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), textarea, select')]"
            ".filter((c) => !c.labels.length && !c.getAttribute('aria-label')).map((c) => c.name)"
        )
        assert nameless == [] and page.wrong == [], address
        assert page.locator("h1").count() == 1


# ── what one page costs ───────────────────────────────────────────────────────────────────────────────────────────


def transferred(page, address):
    """All bytes the browser fetched for a page, headers too, as its own network log counts them."""
    log = page.context.new_cdp_session(page)
    log.send("Network.enable")
    log.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes, asked = [], []
    log.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    log.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
    page.goto(address, wait_until="networkidle")
    return sum(sizes), asked


def test_the_first_pages_cost_less_than_100_kib(browser, home, desk):
    for address in ("/", "/new/"):
        page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
        total, asked = transferred(page, home + address)
        assert len(asked) >= 4 and all(url.startswith(home) for url in asked), asked  # nothing from elsewhere
        print(f"\n{address}: {total / 1024:.1f} KiB in {len(asked)} requests")
        assert 5_000 < total < 100 * 1024, (address, total, asked)
        page.context.close()


# ── a bad line, a nervous hand ────────────────────────────────────────────────────────────────────────────────────

SLIP = {"name": "票.txt", "mimeType": "text/plain", "buffer": "发票".encode()}


def filled(browser, home):
    """A complaint all written, on its last step."""
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    page.goto(f"{home}/new/")
    page.fill("[name=text]", TEXT)
    page.click("[data-next-step]:visible")
    page.set_input_files("[name=files]", [SLIP])
    page.click("[data-next-step]:visible")
    page.fill("[name=phone]", "13800001234")
    return page


def test_a_lost_network_loses_neither_words_nor_files(browser, home):
    page = filled(browser, home)
    page.context.set_offline(True)
    page.click("[data-submit]")
    page.wait_for_selector(".p-unsent")
    assert "网络断了" in page.inner_text(".p-unsent") and "不会重复" in page.inner_text(".p-unsent")
    assert page.input_value("[name=text]") == TEXT and page.url.endswith("/new/")
    page.context.set_offline(False)
    page.click("[data-submit]")
    page.wait_for_url("**/new/done/**")
    assert Case.objects.get().evidence.get().name == "票.txt"


def test_an_answer_that_never_arrives_is_no_second_complaint(browser, home):
    page = filled(browser, home)

    def swallow(route):
        if route.request.method == "POST":
            route.fetch(max_redirects=0)
            route.abort()
        else:
            route.continue_()

    page.route("**/new/", swallow)
    page.click("[data-submit]")
    page.wait_for_selector(".p-unsent")
    assert Case.objects.count() == 1
    page.unroute("**/new/")
    page.click("[data-submit]")
    page.wait_for_url("**/new/done/**")
    assert page.inner_text(".p-number") == Case.objects.get().number


def test_a_broken_server_keeps_the_form(browser, home):
    page = filled(browser, home)
    page.route("**/new/", lambda route: route.fulfill(status=502, body="Bad Gateway"))
    page.click("[data-submit]")
    page.wait_for_selector(".p-unsent")
    assert "系统暂时出了问题" in page.inner_text(".p-unsent") and page.input_value("[name=text]") == TEXT
    page.unroute("**/new/")
    page.click("[data-submit]")
    page.wait_for_url("**/new/done/**")


def test_two_taps_and_the_back_button_are_one_complaint(browser, home):
    page = filled(browser, home)
    page.evaluate("document.querySelector('[data-submit]').click(); document.querySelector('[data-submit]').click()")
    page.wait_for_url("**/new/done/**")
    page.go_back()
    page.wait_for_load_state("load")
    if page.input_value("[name=text]"):  # the page as it was, from the browser's memory
        page.evaluate("document.querySelector('form[data-steps]').requestSubmit()")
        page.wait_for_url("**/new/done/**")
    assert Case.objects.count() == 1


def test_a_reminder_leaves_a_half_written_message_alone(browser, home, desk):
    case = desk.receives(TEXT, channel="web")
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    page.goto(f"{home}/t/{links.make(case, links.TRACK, at=now())}/")
    page.fill("form#say [name=text]", "还没写完的话")
    page.click("summary:has-text('催一催')")
    page.click("button:has-text('催办')")
    page.wait_for_url("**done=reminded**")
    assert page.input_value("form#say [name=text]") == "还没写完的话"


def test_the_whole_way_without_script(browser, home, desk):
    """Submit, talk, refuse with a reason, go higher, rate: on a phone that runs no script at all."""
    page = browser.new_context(viewport=PHONE, locale="zh-CN", java_script_enabled=False).new_page()
    page.goto(f"{home}/new/")
    page.fill("[name=text]", TEXT)
    page.fill("[name=phone]", "13800001234")
    page.click("[data-submit]")
    page.click("text=看办理进度")
    page.fill("form#say [name=text]", "家里一直有人。")
    page.click("button:has-text('发送')")
    assert "收到您的话了" in page.inner_text("main") and "家里一直有人" in page.inner_text("#talk")
    case = Case.objects.get()
    track = page.url.split("?")[0].split("#")[0]
    desk.now = now()
    with transaction.atomic():
        option = offered(desk, case)
    page.goto(track)
    page.click("summary:has-text('不同意，或者另有要求')")
    page.fill(f"[name=words-{option.pk}]", "修过三次了，要求退货")
    page.click("button:has-text('提出我的要求')")
    assert "收到您的意见了" in page.inner_text("main") and "要求退货" in page.inner_text("main")
    page.click("text=这样处理我不同意")
    assert "12315" in page.inner_text("main")
    page.fill("[name=words]", "还是没有人管")
    page.click("button:has-text('交给上一级')")
    assert "已经转给上级" in page.inner_text("main")
    case.refresh_from_db()
    with transaction.atomic():
        answered(desk, case)
    page.goto(track)
    page.click("text=点四下")
    for name, value in {"solved": "1", "csat": "5", "ces": "7", "nps": "10"}.items():
        page.click(f"label.pick:has([name={name}][value='{value}'])")
    page.click("button:has-text('提交评价')")
    assert "谢谢您的评价" in page.inner_text("main")


def test_a_complaint_is_made_with_the_keyboard_alone(browser, home, desk):
    page = browser.new_context(viewport=PHONE, locale="zh-CN").new_page()
    page.goto(f"{home}/new/")
    keys = page.keyboard

    def tab_to(selector):
        """Tab until it has the focus, which is seen at every stop."""
        for _stop in range(25):
            keys.press("Tab")
            seen = "getComputedStyle(document.activeElement)"
            ring = f"parseFloat({seen}.outlineWidth) || document.activeElement.matches('.pick input')"
            assert page.evaluate(ring), page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
            if page.evaluate("(s) => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector} is more than 25 stops away")

    keys.press("Tab")
    assert page.inner_text(":focus") == "跳到正文" and page.locator(":focus").bounding_box()["x"] >= 0
    keys.press("Enter")
    tab_to("[name=text]")
    keys.insert_text(TEXT)
    tab_to("[data-next-step]")
    keys.press("Enter")
    tab_to("[data-next-step]")
    keys.press("Enter")
    tab_to("[name=phone]")
    keys.insert_text("13800001234")
    tab_to("[name=wishes]")
    keys.press("Space")
    tab_to("[data-submit]")
    keys.press("Enter")
    page.wait_for_url("**/new/done/**")
    assert Case.objects.get().record.wishes == ["refund"]


def test_what_is_missing_is_said_in_the_page_and_a_long_talk_is_folded(browser, home, desk):
    case = desk.receives(TEXT, channel="web")
    with transaction.atomic():
        for n in range(40):
            letters.hear(
                Case.objects.select_related("record", "customer").get(pk=case.pk),
                f"第{n}句",
                by=case.customer,
                at=now(),
            )
    link = f"{home}/t/{links.make(case, links.TRACK, at=now())}/"
    page = watched(browser.new_context(viewport=PHONE, locale="zh-CN"))
    page.goto(link)
    assert not page.is_visible("text=第3句") and page.is_visible("text=第39句")
    page.click(".p-earlier > summary")
    assert page.is_visible("text=第3句")
    page.goto(link + "disagree/")
    page.click("button.btn-primary")
    page.wait_for_selector(".wrong[data-by-script]")
    assert page.inner_text(".wrong[data-by-script]") == "请填写这一项"
    page.fill("[name=words]", "没有解决")
    assert page.locator(".wrong[data-by-script]").count() == 0
    fits(page)
    assert not page.wrong


def test_a_scale_of_eleven_is_one_line_of_targets_on_the_smallest_phone(browser, home, desk, world):
    case = desk.receives(TEXT, channel="web")
    with transaction.atomic():
        case = answered(desk, case)
    page = watched(browser.new_context(viewport={"width": 320, "height": 640}, locale="zh-CN"))
    page.goto(f"{home}/s/{links.make(case, links.SURVEY, at=world.now(), days=7)}/")
    scale = page.locator(".p-scale-11")
    for width, large in ((320, False), (320, True), (390, False), (768, False)):
        page.set_viewport_size({"width": width, "height": 640})
        page.evaluate("large => { document.documentElement.dataset.type = large ? 'large' : '' }", large)
        targets = scale.evaluate(
            "e => [...e.children].map(c => (r => [r.top, r.width, r.height])(c.getBoundingClientRect()))"
        )
        assert len(targets) == 11 and len({top for top, _w, _h in targets}) == 1
        assert min(w for _t, w, _h in targets) >= 24 and min(h for _t, _w, h in targets) >= 24
        words = scale.evaluate("e => [...e.children].some(c => c.scrollWidth > c.clientWidth)")
        assert not words and page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.wrong

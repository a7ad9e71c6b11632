"""The portal in a real browser on a phone: submit, track, say something; also without script, and in large type."""

from __future__ import annotations

import re

import pytest

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

"""The queue by keyboard: look, pick, act on many; a complaint registered without the mouse, counted; nothing lost."""

from __future__ import annotations

from wenguo.cases import acceptance, reading

from .conftest import fits, until


def test_a_complaint_is_registered_in_fifteen_keys_beside_its_words(desk, world, hands):
    page = hands.signs_in("agent").goes("/desk/")
    keys = 0

    def press(key: str) -> None:
        nonlocal keys
        keys += 1
        page.keyboard.press(key)

    press("c")
    page.wait_for_url("**/desk/register/")
    until(page, "document.activeElement.id === 'entry-phone'")
    for digit in "13911112222":
        press(digit)
    press("Enter")
    page.keyboard.insert_text("王小明")
    press("Enter")
    page.keyboard.insert_text("昨晚在望湖星桥店买的空气净化器冒烟，花了1299元，要求退款")
    until(page, "document.querySelector('#entry-order-fen').value === '1,299.00'")
    assert page.input_value("#entry-place") == "望湖星桥店"
    assert page.is_checked("[name=wishes][value=refund]")
    page.fill("#entry-place", "电话里")  # what a person writes stays
    page.focus("#entry-text")
    page.keyboard.press("End")
    page.keyboard.insert_text("，请尽快处理")
    page.wait_for_timeout(1500)
    assert page.input_value("#entry-place") == "电话里"
    page.reload()  # the tab crashed: everything is there again
    until(page, "document.querySelector('#entry-phone').value === '13911112222'")
    assert "请尽快处理" in page.input_value("#entry-text")
    page.focus("#entry-text")
    press("Control+Enter")
    page.wait_for_selector(".entry-made")
    assert keys == 15
    assert not page.wrong


def test_rows_are_looked_at_picked_and_reminded(desk, world, hands):
    for n, words in enumerate(("空调漏电，吓坏了老人", "退款两周未到账", "事由" * 250)):
        desk.receives(words, phone=f"1380000{n}000", name="名" * 40)
    page = hands.signs_in("supervisor").goes("/desk/queue/")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("j")
    page.wait_for_selector("#peek .peek-case")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.inner_text("[data-picked]") == "2"
    page.click("#bulk summary:has-text('催办')")
    page.fill("#bulk-remind_words", "客户又来电了")
    page.click("#bulk button[value=remind]")
    page.wait_for_selector("#bulk-done .callout")
    assert "2 件已完成" in page.inner_text("#bulk-done")
    until(page, "document.querySelector('[data-picked]').textContent === '0'")
    assert page.locator("tr.at").count() == 1  # one is where one was
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('.peeking')")
    for width in (1440, 768, 390):
        page.set_viewport_size({"width": width, "height": 844})
        fits(page)
    assert not page.wrong


def test_what_is_missing_is_said_beside_its_field(desk, world, hands):
    case = desk.receives("退款两周未到账")
    page = hands.signs_in("agent", {"width": 390, "height": 844}).goes(f"/desk/cases/{case.number}/acts/refuse/")
    page.click("main button.btn-danger, main button.btn-primary")
    until(page, "!!document.querySelector('.wrong[data-by-script]')")
    assert page.inner_text("[data-field=reason] .wrong").strip() == "请选择"
    assert page.evaluate("document.activeElement.name") == "reason"
    page.check("input[name=reason] >> nth=0")
    until(page, "!document.querySelector('[data-field=reason] .wrong')")
    assert not page.wrong


def test_back_from_a_case_the_list_is_where_one_left_it(desk, world, hands):
    for n in range(4):
        desk.receives("退款两周未到账", phone=f"1380000{n}000", name=f"赵{n}")
    page = hands.signs_in("supervisor").goes("/desk/queue/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    third = page.locator("tr.at").get_attribute("data-key")
    page.keyboard.press("Enter")
    page.wait_for_selector("#case-head")
    page.go_back()
    until(page, "!!document.querySelector('tr.at')")
    assert page.locator("tr.at").get_attribute("data-key") == third
    page.keyboard.press("j")
    assert page.locator("tr.at").get_attribute("data-key") != third
    assert not page.wrong


def test_a_possible_danger_is_answered_with_one_key_and_the_case_is_classified_with_the_next(desk, world, hands):
    case = desk.receives(
        "楼上外墙的瓷砖松了，有一块悬在那里，下面天天有人走，说了几次没有人来看。", phone="13800007777"
    )
    acceptance.accept(case, by=desk.agent, at=desk.now)
    reading.read(case.pk, at=desk.now)
    page = hands.signs_in("agent").goes("/desk/review/")
    page.wait_for_selector("#case-danger mark")
    fits(page)
    page.goto(page.url.split("/desk/")[0] + f"/desk/cases/{case.number}/")
    page.wait_for_selector("#case-danger mark")
    fits(page)
    page.goto(page.url.split("/desk/")[0] + "/desk/review/")
    page.keyboard.press("d")
    page.wait_for_url("**kind=danger**")
    page.wait_for_selector("text=没有要核实的危险提示")
    case.refresh_from_db()
    assert case.level == 2 and "danger" in case.flags
    page.goto(page.url.split("?")[0] + "?kind=open")
    page.keyboard.press("1")
    page.wait_for_selector("#said .notice-success")
    case.refresh_from_db()
    assert case.category
    assert not page.wrong


def test_the_views_stand_in_one_line_and_what_has_no_room_is_in_a_menu(desk, world, hands):
    page = hands.signs_in("supervisor").goes("/desk/queue/?view=all")
    offered = page.locator("nav.views a").count()
    lines = "new Set([...document.querySelectorAll('#views a')].map(a => a.getBoundingClientRect().top)).size"
    for width in (1440, 1100, 768, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(150)
        fits(page)
        assert page.evaluate(lines) == 1
        assert page.locator("nav.views a").count() == offered
        assert page.locator("#views [aria-current]").count() == 1
        now, line = page.locator("#views [aria-current]").bounding_box(), page.locator("#views").bounding_box()
        assert line["x"] <= now["x"] and now["x"] + now["width"] <= line["x"] + line["width"] + 1
    page.set_viewport_size({"width": 900, "height": 900})
    page.wait_for_timeout(150)
    page.focus("#views-more summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#views-more .drop-list') !== null")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "view=all" not in url)
    assert page.locator("#views [aria-current]").count() == 1
    assert not page.wrong


def test_no_form_has_an_empty_place_at_its_end(desk, world, hands):
    page = hands.signs_in("admin").goes("/desk/admin/people/new/")
    ends = """all => all.filter(g => g.getClientRects().length).map(g => {
        const fields = [...g.children].filter(f => f.getClientRects().length);
        return g.getBoundingClientRect().right - fields.at(-1).getBoundingClientRect().right;
    })"""
    for address in ("/desk/admin/people/new/", "/desk/admin/units/new/", "/desk/register/"):
        if address == "/desk/register/":
            page = hands.signs_in("agent").goes(address)
        else:
            page.goto(page.url.split("/desk/")[0] + address)
        for width in (1440, 1100, 768, 390):
            page.set_viewport_size({"width": width, "height": 900})
            gaps = page.locator(".form-grid").evaluate_all(ends)
            assert gaps and max(gaps) < 1, (address, width, gaps)
            fits(page)

"""A part of the day of those whose screens no other journey walks: each asserts what the person sees."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from wenguo.cases import handover, links, reply
from wenguo.cases.case import Case, record
from wenguo.people.actor import SYSTEM

from .conftest import PHONE, fits, until
from .test_desk_journeys import TEXT, waiting_for_signature

pytestmark = pytest.mark.browser


# ── 一线客服: a small matter, from the ring of the phone to the answer ───────────────────────────────────────────────


def test_a_small_matter_is_settled_in_the_first_call(desk: Any, world: Any, hands: Any) -> None:
    agent = hands.signs_in("agent")
    page = agent.goes("/desk/register/")
    page.fill("#entry-phone", "13911112222")
    page.fill("#entry-name", "王小明")
    page.fill("#entry-text", "外卖小票上电话印错了一位，打不通，希望更正。")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".entry-made")
    number = page.inner_text(".entry-number")
    page.click("text=打开这件投诉")
    page.wait_for_url(f"**/cases/{number}/")
    agent.act(number, "accept")
    agent.act(number, "classify")  # the proposed category, with one tap
    assert not page.locator("#case-suggestion").count() and "未分类" not in page.inner_text("#case-head")

    def fourth_level(form: Any) -> None:
        form.locator("[name=level][value='4']").check()
        form.locator("[name=because]").fill("一处印刷错误，当场更正")

    hands.signs_in("supervisor").act(number, "grade", fourth_level)  # lowering is hers
    agent.opens(number)
    agent.act(
        number, "settle_at_once", lambda form: form.locator("[name=words]").fill("已更正电话，今天起的小票都对了。")
    )
    assert "回访中" in page.inner_text("#case-next")
    case = Case.objects.get(number=number)
    assert (case.level, case.stage) == (4, "followup")
    customer = hands.anybody(PHONE)
    said = customer.goes(f"/t/{links.make(case, links.TRACK, at=world.now())}/").inner_text("main")
    assert "已答复" in said and "已更正电话" in said


# ── 主管: nobody wants it; who rules decides ─────────────────────────────────────────────────────────────────────────


def test_the_second_return_is_ruled_by_the_supervisor(desk: Any, world: Any, hands: Any) -> None:
    case = desk.receives(TEXT)
    desk.triages(case)
    for unit, person in (("sh", desk.repairer), ("zl", desk.quality)):
        case.refresh_from_db()
        handover.dispatch(case, desk.units[unit], "请检测", by=desk.agent, at=desk.now)
        if unit == "sh":
            sent = case.handovers.get(state="sent")
            handover.give_back(sent, "not_our_duty", "不归我们", proposed=desk.units["zl"], by=person, at=desk.now)
    customer = hands.anybody(PHONE)
    link = f"/t/{links.make(case, links.TRACK, at=world.now())}/"
    named = customer.goes(link).locator("section:has(> h2:has-text('谁在负责'))")
    assert "张敏 · 客户服务中心" in named.inner_text()  # nobody has signed: who took it in, of her own unit

    quality = hands.signs_in("quality")

    def not_ours(form: Any) -> None:
        assert "这次退单后将由主管裁定" in form.inner_text()
        form.locator("[name=reason][value=not_our_duty]").check()
        form.locator("[name=words]").fill("底座是维修更换的，应由维修部答复")
        quality.chooses(form, "proposed", "售后维修部")

    quality.act(case.number, "return", not_ours)
    supervisor = hands.signs_in("supervisor")
    assert case.number in supervisor.page.inner_text("#group-arbitrate")

    def rule(form: Any) -> None:
        supervisor.chooses(form, "unit", "质量管理部")
        form.locator("textarea").first.fill("先查明底座为什么漏水，由质量部牵头")

    supervisor.act(case.number, "arbitrate", rule)
    page = quality.opens(case.number)
    page.locator('#case-next .waiting-for a:has-text("签收")').click()
    page.wait_for_selector("#case-act form")
    assert "已经裁定，不能退单" in page.inner_text("#case-act")
    quality.presses(page.locator("#case-act [data-main-submit]"))
    assert "负责人 陈刚" in page.inner_text("#case-head")
    assert "陈刚" in customer.goes(link).locator("section:has(> h2:has-text('谁在负责'))").inner_text()


# ── 审批人: on the phone, and not this time ──────────────────────────────────────────────────────────────────────────


def test_what_a_phone_returns_comes_back_with_its_reason(desk: Any, world: Any, hands: Any) -> None:
    case, option = waiting_for_signature(desk)
    supervisor = hands.signs_in("supervisor", PHONE, has_touch=True, is_mobile=True)
    page = supervisor.goes("/desk/approvals/")
    page.tap("a.sign-row")
    page.wait_for_selector(".sign-form")
    fits(page)
    page.locator(".sign-form button[value=return]").tap()  # without a word: refused, and told why
    until(page, "document.querySelector('.sign-form .wrong, #said .notice')")
    page.wrong[:] = [line for line in page.wrong if "422" not in line]
    page.fill(".sign-form [name=words]", "订单金额与发票不一致，请核对")
    supervisor.presses(page.locator(".sign-form button[value=return]"))
    assert "没有等您审批的事" in page.inner_text("main")
    agent = hands.signs_in("agent")
    page = agent.opens(case.number)
    card = page.locator(f"#option-{option.pk}")
    if not card.is_visible():
        page.click('[data-panes] a[href="#case-work"]')
    assert "订单金额与发票不一致" in card.inner_text() and "李强" in card.inner_text()
    agent.sends(card, "提交审批")
    assert "1" in supervisor.goes("/desk/approvals/").inner_text(".lead")
    option.refresh_from_db()
    assert option.state == "submitted"


def test_an_open_list_of_what_is_to_be_signed_tells_of_that_and_of_nothing_else(
    desk: Any, world: Any, hands: Any
) -> None:
    supervisor = hands.signs_in("supervisor")
    supervisor.page.add_init_script("window.EventSource = class { constructor() { window.stream = this; } close() {} }")
    page = supervisor.goes("/desk/approvals/")
    hears = "stream.onmessage({ data: JSON.stringify({ topic: 'queue', type: 'case.received', seq: 1 }) })"
    desk.receives("外卖小票上电话印错了一位")
    with page.expect_response("**/approvals/"):
        page.evaluate(hears)
    page.wait_for_timeout(500)
    assert not page.is_visible("#live button")
    waiting_for_signature(desk)
    page.reload()
    page.evaluate("document.querySelector('.sign-row').closest('[data-key]').remove()")  # as before it came
    with page.expect_response("**/approvals/"):
        page.evaluate(hears)
    page.wait_for_selector("#live button:has-text('1')")
    page.click("#live button")
    page.wait_for_selector("a.sign-row")


# ── 法务: a written admission does not leave by itself ───────────────────────────────────────────────────────────────


def test_a_written_admission_waits_for_legal(desk: Any, world: Any, hands: Any) -> None:
    case = desk.triages(desk.receives(TEXT, mail="w@example.com"))
    done = {"stage": "reply", "executed_at": desk.now, "owner_id": desk.agent.pk}
    with transaction.atomic():
        record(case, "case.executed", by=SYSTEM, at=desk.now, set=done)
    parts = {
        "apology": "给您添了麻烦，非常抱歉。",
        "findings": "底座密封圈装反了，是我们的过错。",
        "actions": "已为您更换新机。",
        "prevention": "出厂前增加一次水密检查。",
        "thanks": "谢谢您告诉我们，还有事请找张敏。",
    }
    agent = hands.signs_in("agent")
    page = agent.opens(case.number)
    for part, words in parts.items():
        page.fill(f"#reply-form [name={part}]", words)
    agent.picks(page.locator("#reply-form"), channel="mail")
    page.check("#reply-form [name=admission]")
    agent.presses(page.locator("#reply-form button[name=submit]"))
    assert page.locator("#case-next [data-refused]:has-text('答复客户')").count() == 1
    legal = hands.signs_in("legal")
    page = legal.page
    page.click(f"#group-review a:has-text('{case.number}')")
    page.wait_for_url("**/approvals/replies/**")
    page = legal.goes("/desk/approvals/")
    page.click("a[href*='/approvals/replies/']")
    page.wait_for_selector(".sign-form")
    assert "书面承认过错" in page.inner_text("main") and parts["findings"] in page.inner_text(".as-customer")
    legal.presses(page.locator(".sign-form button[value=release]"))
    assert not reply.waiting_for(desk.legal, world.now())
    assert agent.opens(case.number).locator("#case-next [data-refused]:has-text('答复客户')").count() == 0


# ── 监管对接人: a letter with a date of its own ──────────────────────────────────────────────────────────────────────


def test_a_regulators_letter_brings_its_own_deadline(desk: Any, world: Any, hands: Any) -> None:
    liaison = hands.signs_in("liaison")
    page = liaison.goes("/desk/register/")
    page.fill("#entry-phone", "13700001111")
    page.fill("#entry-name", "周小川")
    page.select_option("#entry-channel", "regulator")
    page.fill("#entry-text", "消费者反映电水壶底座漏水，要求退款。请按期办理并回复。")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".entry-made")
    number = page.inner_text(".entry-number")

    def letter(form: Any) -> None:
        form.locator("[name=title]").fill("临汐市市场监管局 转办〔2026〕18 号")
        form.locator("[name=until]").fill(world.local(days=5))

    liaison.act(number, "set_deadline", letter)
    head = liaison.opens(number).inner_text("#case-head")
    assert "临汐市市场监管局 转办〔2026〕18 号" in head and "还剩" in head
    page.click("#case-head a.clock-link:has-text('转办〔2026〕18 号')")
    page.wait_for_selector("#clock-panel")
    assert number in liaison.goes("/desk/queue/?view=regulator").inner_text("#queue")


# ── 管理员: somebody new ─────────────────────────────────────────────────────────────────────────────────────────────


def test_somebody_new_gets_an_account_a_post_and_a_first_day(desk: Any, world: Any, hands: Any) -> None:
    case = desk.receives(TEXT)
    admin = hands.signs_in("admin")
    page = admin.page
    assert "队列" not in page.inner_text("nav.side")  # separation of duties: no complaints for administrators
    admin.goes("/desk/admin/people/new/")
    page.fill("[name=name]", "方晓")
    page.fill("[name=username]", "fangxiao")
    page.fill("[name=password]", "Yitian-Kaishi-9")
    admin.chooses(page, "unit", "客户服务中心")
    admin.chooses(page, "role", "一线客服")
    admin.presses(page.locator("main form button:has-text('建立账号')"))
    assert "方晓" in page.inner_text("h1") and "一线客服" in page.inner_text("#posts")

    new = hands.anybody()
    desk_page = new.page
    desk_page.goto(f"{new.home}/desk/")
    desk_page.fill("[name=login]", "fangxiao")
    desk_page.fill("[name=password]", "Yitian-Kaishi-9")
    desk_page.click("button:has-text('登录')")
    desk_page.wait_for_selector("[name=oldpassword]")
    assert "请先换成您自己的" in desk_page.inner_text("body")
    desk_page.fill("[name=oldpassword]", "Yitian-Kaishi-9")
    for field in ("password1", "password2"):
        desk_page.fill(f"[name={field}]", "Wode-Mima-2026")
    desk_page.click("button:has-text('修改密码')")
    until(desk_page, "!document.querySelector('[name=oldpassword]')")
    assert case.number in new.goes("/desk/").inner_text("#group-take")

    page.fill("#leave-reason", "试用期未通过")
    admin.presses(page.locator("#account button:has-text('停用账号')"), sure=True)
    assert "已停用" in page.inner_text("h1")
    desk_page.goto(f"{new.home}/desk/")
    assert "/login/" in desk_page.url  # from now on, not from the next sign-in

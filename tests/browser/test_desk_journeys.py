"""How each role gets its work done in a real browser, and that nobody is shut out of a screen (axe-core)."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from wenguo.cases import acceptance, approval, handover, investigation, reply, resolution, triage
from wenguo.cases.case import Case
from wenguo.cases.quote import Item
from wenguo.cases.resolution import Draft

from .conftest import until

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TEXT = "昨天买的电水壶底座漏水，插座都湿了，打售后电话一直没人接，要求退款。"


# ── 一线客服: the customer is on the phone ───────────────────────────────────────────────────────────────────────────


class Keys:
    """A keyboard that counts."""

    def __init__(self, page):
        self.page, self.pressed, self.typed = page, 0, 0

    def press(self, key):
        self.pressed += 1
        self.page.keyboard.press(key)

    def type(self, words):
        self.typed += len(words)
        self.page.keyboard.insert_text(words)

    def tab_to(self, name):
        for _stop in range(12):
            if self.page.evaluate("document.activeElement.name") == name:
                return
            self.press("Tab")
        raise AssertionError(f"{name} is more than 12 stops away")


def test_a_complaint_is_registered_without_the_mouse(desk, world, hands):
    known = desk.receives("上个月的电饭煲内胆掉漆，答应换一直没换。", name="周小川", phone="13611112222")
    agent = hands.signs_in("agent")
    page, keys = agent.page, Keys(agent.page)
    keys.press("c")
    page.wait_for_url("**/desk/register/")
    keys.tab_to("phone")
    keys.type("13611112222")
    page.wait_for_selector(f"#entry-who >> text={known.number}")  # who it is, and what is still open
    keys.tab_to("text")
    keys.type(TEXT)
    page.wait_for_selector("#entry-hints >> text=系统建议")
    keys.press("Control+Enter")
    page.wait_for_selector(".entry-made")
    made = Case.objects.get(number=page.inner_text(".entry-number"))
    assert made.pk != known.pk and made.customer_id == known.customer_id
    assert "最迟" in page.inner_text(".entry-made")
    print(f"\nentry: {keys.pressed} keys and 0 clicks besides {keys.typed} typed characters")
    assert keys.pressed <= 10
    # What was typed does not wait for the next caller.
    agent.goes("/desk/register/")
    assert page.input_value("#entry-text") == ""


def test_the_queue_is_walked_by_keys(desk, world, hands):
    cases = [desk.receives(f"第 {n} 件：{TEXT}", phone=f"1380000{n:04}", name=f"客户{n}") for n in range(3)]
    agent = hands.signs_in("agent")
    page = agent.goes("/desk/queue/")
    for key in ("j", "j", "k", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**/cases/**")
    assert any(case.number in page.url for case in cases)
    page.keyboard.press("e")
    page.wait_for_selector("#said >> text=负责")
    assert "负责人 张敏" in page.inner_text("#case-head")
    page.keyboard.press("r")  # already open: stays so, and takes what is typed
    page.keyboard.insert_text("您好")
    assert page.input_value("#say-words") == "您好"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    page.keyboard.insert_text("客户下午三点后方便")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#case-timeline >> text=客户下午三点后方便")
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    page.keyboard.insert_text("第 2 件")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"a:has-text('{cases[2].number}')")


# ── 主管: figures that open ─────────────────────────────────────────────────────────────────────────────────────────


def test_every_figure_of_the_team_opens_into_its_cases(desk, world, hands):
    for n in range(5):
        case = desk.receives(f"第 {n} 件：{TEXT}", phone=f"1380000{n:04}", name=f"客户{n}")
        if n < 3:
            handover.take(case, by=desk.agent if n < 2 else desk.other_agent, at=desk.now)
    world.passes(days=6)
    late = desk.receives("刚来的一件：门铃不响。", phone="13900001111")
    assert late.stage == "received"
    supervisor = hands.signs_in("supervisor")
    page = supervisor.page
    rows = page.locator("#today-team tbody tr, #today-team tfoot tr")
    figures = [
        (row.locator("td").first.inner_text(), link.inner_text(), link.get_attribute("href"))
        for row in rows.all()
        for link in row.locator("td.num a").all()
    ]
    assert {"张敏", "刘洋", "合计"} <= {who.strip() for who, _n, _href in figures}
    assert ("合计", "6") in {(who.strip(), n) for who, n, _href in figures}
    for who, n, href in figures:
        supervisor.goes(href)
        assert page.inner_text("h1 .count") == n, (who, href)
        assert page.locator("tr[data-row]").count() == int(n), (who, href)


# ── 承办部门: sign, and answer what colleagues ask ───────────────────────────────────────────────────────────────────


def test_a_department_signs_and_another_answers_a_request(desk, world, hands):
    case = desk.receives(TEXT)
    desk.triages(case)
    handover.dispatch(case, desk.units["sh"], "请上门检测", by=desk.agent, at=desk.now)
    repairer = hands.signs_in("repairer")
    page = repairer.page
    page.click(f"#group-sign a:has-text('{case.number}')")
    page.wait_for_url("**/cases/**")
    page.click('#case-next .waiting-for a:has-text("签收")')
    page.wait_for_selector("#case-act form")
    repairer.presses(page.locator("#case-act [data-main-submit]"))
    assert "赵亮" in page.inner_text("#case-head")
    part = repairer.unfolds("#inv-requests", "发出协查")
    part.locator("[name=question]").fill("订单与付款记录")
    repairer.chooses(part, "unit", "电商运营部")
    repairer.sends(part, "发出协查")
    assert "电商运营部" in page.inner_text("#inv-requests")

    shop = hands.signs_in("shopkeeper")
    page = shop.page
    page.click(f"#group-request a:has-text('{case.number}')")
    page.wait_for_url("**/cases/**")
    part = shop.unfolds("#inv-requests", "登记答复")
    part.locator("[name=answer]").fill("订单 189 元，已付款，十一月十五日签收")
    shop.sends(part, "答复协查")
    assert "订单 189 元" in page.inner_text("#inv-requests")
    assert not shop.goes("/desk/").locator("#group-request").count()
    assert "订单 189 元" in repairer.opens(case.number).inner_text("#inv-requests")


# ── 审批: on a phone, between two meetings ───────────────────────────────────────────────────────────────────────────


def waiting_for_signature(desk):
    """A refund that waits for a supervisor. Returns (case, option)."""
    case = desk.triages(desk.receives(TEXT))
    triage.grade(case, 4, "影响轻微", by=desk.supervisor, at=desk.now)
    investigation.skip(case, "事实清楚", by=desk.senior, at=desk.now)
    option = resolution.draft_option(
        case, Draft("退款", "原路退款 500 元", (), (Item("refund", amount_fen=50_000),), {}, success="到账"),
        by=desk.agent, at=desk.now,
    )  # fmt: skip
    resolution.choose(option, "客户只接受退款", by=desk.agent, at=desk.now)
    approval.propose(option, by=desk.agent, at=desk.now)
    return case, option


def test_a_second_tap_signs_nothing_twice(desk, world, hands):
    case, option = waiting_for_signature(desk)
    supervisor = hands.signs_in("supervisor", PHONE, has_touch=True, is_mobile=True)
    page = supervisor.goes("/desk/approvals/")
    page.tap("a.sign-row")
    page.wait_for_selector(".sign-form")
    assert "伍佰元" in page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    button = page.locator(".sign-form button[value=approve]")
    box = button.bounding_box()
    assert box["height"] >= 44
    page.evaluate("b => { b.click(); b.click(); }", button.element_handle())
    page.wait_for_url("**/desk/approvals/")
    page.go_back()
    page.wait_for_load_state("load")
    if button.count():  # the page as it was, from the browser's memory
        button.tap()
        page.wait_for_url("**/desk/approvals/")
    else:
        assert "已有结论" in page.inner_text("main")
    signed = [e for e in desk.timeline(case) if e == "approval.granted"]
    assert len(signed) == 1, desk.timeline(case)
    assert option.approvals.filter(state="approved").count() == 1


def test_a_question_is_asked_and_its_words_do_not_come_back(desk, world, hands):
    case, _option = waiting_for_signature(desk)
    supervisor = hands.signs_in("supervisor", PHONE, has_touch=True, is_mobile=True)
    page = supervisor.goes("/desk/approvals/")
    page.tap("a.sign-row")
    page.wait_for_selector(".sign-form")
    page.fill(".sign-form [name=words]", "凭证在哪里？")
    page.wait_for_timeout(600)  # longer than it takes to keep a draft
    page.evaluate("window.before = true")
    page.tap(".sign-form button[value=ask]")
    until(page, "!window.before && document.querySelector('#sign-talk')")
    assert page.input_value(".sign-form [name=words]") == "" and not page.locator(".draft-note").count()
    assert "凭证在哪里？" in page.inner_text("#sign-talk")
    page.reload()
    assert page.input_value(".sign-form [name=words]") == ""
    assert desk.timeline(case).count("approval.question") == 1


def test_today_is_taken_by_a_key(desk, world, hands):
    case = desk.receives(TEXT)
    agent = hands.signs_in("agent")
    page = agent.page
    page.wait_for_selector("#group-take li[data-row]")
    page.keyboard.press("j")
    page.keyboard.press("e")
    until(page, "document.querySelector('#bulk-done') && document.querySelector('#bulk-done').innerText.trim()")
    case.refresh_from_db()
    assert case.owner_id == desk.agent.pk and case.number in page.inner_text("#bulk-done")


# ── 管理员 ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_policy_is_drafted_by_one_and_published_by_another(world, hands, tmp_path):
    admin = hands.signs_in("admin")
    page = admin.goes("/desk/policy/draft/")
    with page.expect_download() as loading:
        page.click("a:has-text('下载第')")
    words = Path(loading.value.path()).read_text(encoding="utf-8")
    assert "reopen_days: 90" in words

    def upload(changed):
        file = [{"name": "policy.yaml", "mimeType": "application/yaml", "buffer": changed.encode()}]
        page.set_input_files("[name=files]", file)
        page.fill("[name=note]", "重开期限改为 120 天")
        page.click("button:has-text('检查并保存草稿')")

    upload(words.replace("reopen_days: 90", "reopen_days: 很久"))
    page.wait_for_selector("#problems >> text=reopen_days")
    page.wrong.clear()  # 422, as it should be
    upload(words.replace("reopen_days: 90", "reopen_days: 120"))
    page.wait_for_url("**/policy/compare/**")
    assert "120" in page.inner_text("main") and "90" in page.inner_text("main")
    admin.goes("/desk/policy/versions/")
    assert page.locator("button[aria-disabled=true]:has-text('发布')").count() == 1  # not by who drafted it

    second = hands.signs_in("executive")
    page = second.goes("/desk/policy/versions/")
    page.click("details.reveal summary:has-text('发布')")
    page.fill("details.reveal[open] [name=effective_from]", world.local(days=1))
    second.presses(page.locator("details.reveal[open] button:has-text('发布第')"))
    row = page.locator("tbody tr").first.inner_text()
    assert "唐立" in row and "王衡" in row


def test_failed_jobs_are_repaired_and_the_journal_verified(desk, world, hands):
    case = desk.receives(TEXT)
    world.work()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed', attempts = 14 WHERE id = (SELECT min(id) FROM"
                       " procrastinate_jobs WHERE task_name = 'cases.acknowledge')")  # fmt: skip
    admin = hands.signs_in("admin")
    page = admin.goes("/desk/admin/jobs/")
    assert "发送受理回执" in page.inner_text("#failed")
    admin.presses(page.locator("#failed button:has-text('重试')").first)
    assert "没有失败的任务" in page.inner_text("#failed")
    world.work()
    assert desk.timeline(case).count("case.acknowledged") == 1
    admin.goes(f"/desk/admin/audit/?q={case.number}")
    page.click(f"a.no:has-text('{case.number}')")
    page.wait_for_selector("button:has-text('校验这份记录')")
    admin.presses(page.locator("button:has-text('校验这份记录')"))
    assert "校验通过" in page.inner_text("main")
    assert TEXT not in page.inner_text("main")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE journal_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE journal_event SET type = 'X' WHERE stream_id = %s AND seq = 2", [case.stream_id])
        cursor.execute("ALTER TABLE journal_event ENABLE TRIGGER USER")
    admin.presses(page.locator("button:has-text('校验这份记录')"))
    assert "校验不通过" in page.inner_text("main") and "第 2 条" in page.inner_text("main")


# ── 客户关系专员: the list of calls ──────────────────────────────────────────────────────────────────────────────────


def answered(desk):
    case = desk.receives(TEXT)
    acceptance.accept(case, by=desk.agent, at=desk.now)
    triage.classify(case, "product.function", by=desk.agent, at=desk.now)
    triage.grade(case, 4, "影响轻微", by=desk.supervisor, at=desk.now)
    case.refresh_from_db()
    reply.settle_at_once(case, "已为您更换底座，非常抱歉，今后发货前逐台试水。", by=desk.agent, at=desk.now)
    return case


def test_calls_wait_in_order_and_one_nobody_answers_is_kept(desk, world, hands):
    case = answered(desk)
    world.passes(days=1)
    caller = hands.signs_in("relationship")
    page = caller.goes("/desk/followups/")
    assert "1 个电话等着打" in page.inner_text(".lead")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cases/{case.number}/**")
    form = page.locator("#fol-calls form.call-form")
    assert form.is_visible()
    caller.picks(form, reached="no")
    caller.presses(form.locator("button:has-text('登记回访')"))
    assert "第 1 次未接通" in page.inner_text("#fol-calls")
    caller.picks(form, reached="yes", solved="no", recurred="no", content="no")
    form.locator("[name=words]").fill("底座换了还是漏")
    caller.presses(form.locator("button:has-text('登记回访')"))
    assert "客户不满意" in page.inner_text("#fol-calls")
    # The supervisor hears of it; it cannot be closed.
    supervisor = hands.signs_in("supervisor")
    assert "不满意" in supervisor.page.inner_text("#today-notices")
    assert (
        supervisor.opens(case.number).locator("#case-next :is([data-refused], .move-shut):has-text('结案')").count()
        == 1
    )


# ── axe-core: nobody is shut out ─────────────────────────────────────────────────────────────────────────────────────


def grave(page):
    """Violations that axe calls serious or critical: [rule, first element, why]."""
    if not AXE.exists():
        pytest.skip(f"axe-core is not here: {AXE}; npm install")
    page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations)")
    return [
        (v["id"], [n["html"][:160] for n in v["nodes"]][:4], v["nodes"][0]["failureSummary"][:300])
        for v in found
        if v["impact"] in {"serious", "critical"}
    ]


def test_what_only_one_role_sees_has_no_grave_barrier(desk, world, hands):
    """Every page, light and dark: test_every_page.py. Here what neither of the two who look there has in front."""
    _case, option = waiting_for_signature(desk)
    other = desk.triages(desk.receives("门铃装上就不响。", phone="13700001111"), to="zl")
    wrong = {}
    for who, addresses in {
        "supervisor": ("/desk/", f"/desk/approvals/{option.approvals.get().pk}/"),
        "quality": (f"/desk/cases/{other.number}/",),
    }.items():
        hand = hands.signs_in(who)
        for address in addresses:
            wrong[f"{who} {address}"] = grave(hand.goes(address))
    assert not (left := {k: v for k, v in wrong.items() if v}), "\n".join(f"{k}: {v}" for k, v in left.items())

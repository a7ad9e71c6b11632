"""A complaint goes the whole way in a real browser, everybody at their own screen, the customer watching on a phone.

The same story by acts: tests/stories/test_whole_way.py. Here nothing is done but by pages; only time passes by itself,
and the worker works.
"""

from __future__ import annotations

import csv
import gzip
import json
import urllib.request
from pathlib import Path

import pytest

from wenguo import journal
from wenguo.cases.case import Case

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TEXT = "九月买的燃气热水器点不着火，两次上门都说修好了，第二天又熄。家里有老人等着洗澡，这样的机器我不要了。"
PARTS = {
    "apology": "王先生，让您和老人在冷水里等了这么久，非常抱歉。",
    "findings": "检测确认脉冲器绝缘老化，前两次上门没有更换它。",
    "actions": "已按原路退款 2600 元，机器由我们上门取回。",
    "prevention": "同批次的脉冲器已全部复检，维修规范补上了这一项。",
    "thanks": "谢谢您告诉我们，还有事请找陈刚，电话 400-000-0000。",
}


def real_complaint() -> str:
    """A real negative review of an appliance that nobody here wrote."""
    path = DATA / "online_shopping_10_cats" / "train.csv.gz"
    if not path.exists():
        pytest.skip(f"real texts are not here: {path}")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return next(r["text"] for r in rows if r["cat"] == "热水器" and r["label"] == "0" and 60 < len(r["text"]) < 400)


class Customer:
    """王小明, with a phone in his hand and the link of his complaint."""

    def __init__(self, hand):
        self.hand, self.page, self.link, self.number = hand, hand.page, "", ""

    def complains(self):
        page = self.hand.goes("/")
        page.click("text=我要投诉")
        page.fill("[name=text]", TEXT)
        page.click("[data-next-step]:visible")
        page.fill("[name=happened]", "上周六晚上")
        page.fill("[name=place]", "家里")
        page.fill("[name=product]", "燃气热水器")
        page.fill("[name=order_number]", "D-20260901")
        page.click("[data-next-step]:visible")
        page.fill("[name=name]", "王小明")
        page.fill("[name=phone]", "13800001234")
        page.fill("[name=mail]", "w@example.com")
        page.click("text=退款")
        page.click("[data-submit]")
        page.wait_for_url("**/new/done/**")
        self.number = page.inner_text(".p-number")
        page.click("text=看办理进度")
        page.wait_for_url("**/t/**")
        self.link = page.url

    def sees(self, state, *words, not_yet=()):
        """His page says where it stands and these words, and fits the phone."""
        self.hand.goes(self.link)
        assert self.page.inner_text("h1") == state
        main = self.page.inner_text("main")
        for word in words:
            assert word in main, f"{word} not in {main}"
        for word in not_yet:
            assert word not in main, word
        assert self.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    def steps_done(self):
        return self.page.locator(".journey > li.done b").count()


def the_mall_posts(home, raw, text):
    """The web shop calls the API; once more with the same id when it is not sure."""
    body = {
        "channel": "api", "external_id": "mall-9001", "text": text, "name": "赵蕾", "phone": "13900005678",
        "happened": "上周", "product": "热水器", "wishes": ["refund"],
    }  # fmt: skip
    request = urllib.request.Request(
        f"{home}/api/v1/submissions", json.dumps(body).encode(), method="POST",
        headers={"Authorization": f"Bearer {raw}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request) as answer:
        return answer.status, json.load(answer)


def test_a_complaint_and_its_whole_way_in_the_browser(world, home, hands):
    text = real_complaint()

    # He complains on his phone; a worker acknowledges.
    wang = Customer(hands.anybody(PHONE))
    wang.complains()
    number = wang.number
    wang.sees("已提交", number, "客户服务中心", not_yet=["我们已经收到"])
    world.work()
    wang.sees("已提交", "我们已经收到并登记")

    # Another one comes by the API, twice; the agent made the token on her page.
    agent = hands.signs_in("agent")
    page = agent.goes("/desk/admin/tokens/")
    page.fill("[name=name]", "商城")
    for scope in ("read", "write"):
        agent.picks(page, scopes=scope)
    agent.presses(page.locator("form:has([name=scopes]) button.btn-primary"))
    raw = page.inner_text(".secret code")
    status, first = the_mall_posts(home, raw, text)
    assert status == 201
    status, again = the_mall_posts(home, raw, text)
    assert (status, again["number"], again["repeated"]) == (200, first["number"], True)
    other = hands.anybody(PHONE)
    assert first["number"] in other.goes(first["track_url"]).inner_text("main")

    # Both wait for the agent. She takes the first one on.
    page = agent.goes("/desk/")
    group = page.inner_text("#group-take")
    assert number in group and first["number"] in group
    page.click(f"#group-take a:has-text('{number}')")
    page.wait_for_url(f"**/cases/{number}/")
    agent.act(number, "accept")
    wang.sees("处理中", "张敏")
    agent.act(number, "classify", lambda form: form.locator("[name=category]").select_option("product.function"))
    assert "已分类" in agent.said()
    supervisor = hands.signs_in("supervisor")

    def third_level(form):
        form.locator("[name=level][value='3']").check()
        form.locator("[name=because]").fill("影响正常使用，没有安全问题")

    supervisor.act(number, "grade", third_level)
    agent.opens(number)
    page.click("#composer-call > summary")
    page.fill("#call-words", "已说明明天前安排上门检测")
    page.check("#composer-call [name=response]")
    agent.presses(page.locator("#composer-call [data-main-submit]"))
    wang.sees("处理中", "已告诉您怎样办理", "已和您通话")

    # Off to the repairers, who say it is not theirs; to quality, who sign.
    def to(unit, words):
        def fill(form):
            agent.chooses(form, "unit", unit)
            form.locator("[name=words]").fill(words)

        return fill

    agent.act(number, "assign", to("售后维修部", "请上门检测"))
    repairer = hands.signs_in("repairer")
    assert number in repairer.goes("/desk/").inner_text("#group-sign")

    def not_ours(form):
        form.locator("[name=reason][value=not_our_duty]").check()
        form.locator("[name=words]").fill("两次更换无效，属产品质量问题")
        repairer.chooses(form, "proposed", "质量管理部")

    repairer.act(number, "return", not_ours)
    assert "退单 1 次" in agent.opens(number).inner_text("#case-head")
    agent.act(number, "dispatch", to("质量管理部", "请检测同批次脉冲器"))
    wang.sees("处理中", "张敏", not_yet=["退单", "质量问题"])
    quality = hands.signs_in("quality")
    assert number in quality.goes("/desk/").inner_text("#group-sign")
    quality.act(number, "sign")
    wang.sees("处理中", "陈刚", "质量管理部")

    # Facts of both sides, a cause on both pictures, the finding; until then it cannot be concluded.
    page = quality.page
    quality.opens(number)
    assert page.locator("#case-next [data-refused]:has-text('完成调查')").count() == 1

    def fact(aspect, words, source):
        part = quality.unfolds("#inv-facts", f"登记「{aspect}")
        part.locator("[name=text]").fill(words)
        part.locator("[name=source]").select_option(source)
        part.locator("[name=state]").select_option("confirmed")
        part.locator("[name=key]").check()
        quality.sends(part, "登记")

    aspects = page.locator("#inv-facts dl.aspects > dt .strong").all_inner_texts()
    fact(aspects[0], "客户称点火失败三次", "customer")
    fact(aspects[1], "维修员两次上门未更换脉冲器", "staff")
    assert "客户称点火失败三次" in page.inner_text(".two-sides")
    part = quality.unfolds("#inv-causes", "为什么会发生")
    part.locator("[name=text]").fill("脉冲器绝缘老化")
    quality.sends(part, "登记")
    part = quality.unfolds("#inv-causes", "在鱼骨上登记")
    part.locator("[name=bone]").select_option("material")
    part.locator("[name=text]").fill("同批次绝缘材料不合格")
    quality.sends(part, "登记")
    assert page.locator("#inv-causes .drawn svg:visible").count() == 2
    part = page.locator("#inv-finding details.unfold").first
    if part.get_attribute("open") is None:
        part.locator("> summary").click()
    quality.picks(part, substantiated="full", liability="ours")
    part.locator("[name=cause]").select_option(index=1)
    quality.chooses(part, "unit", "质量管理部")
    for box in part.locator("[name=basis]").all():
        box.check()
    part.locator("[name=explanation]").fill("产品脉冲器老化，维修未及时更换")
    quality.sends(part, "登记认定")
    quality.act(number, "conclude")
    assert "方案" in page.inner_text("#case-next")
    wang.sees("处理中", not_yet=["脉冲器", "老化"])

    # 2 600 yuan: more than the frontline may sign. The manager is away and has named a deputy.
    page.click("#res-options >> text=拟定第一个方案")
    page.wait_for_selector("#option-form")
    page.fill("#option-form [name=title]", "退货退款")
    page.fill("#option-form [name=what]", "原路退款 2600 元，上门取回机器，并书面致歉")
    quality.picks(page.locator("#option-form"), kinds="apology")
    page.check("#option-form [name='item.refund']")
    page.fill("#option-form [name='item.refund.amount']", "2600")
    page.wait_for_selector("#option-sums >> text=2,600")
    for name in dict.fromkeys(r.get_attribute("name") for r in page.locator("[name^='score.']").all()):
        quality.picks(page, **{name: "4"})
    page.fill("#option-form [name=success]", "退款到账，客户确认")
    quality.presses(page.locator("#option-form [data-main-submit]"))
    part = quality.unfolds("#res-options", "选定")
    part.locator("[name=why]").fill("客户只接受退款")
    quality.sends(part, "选定这个方案")
    wang.sees("处理中", not_yet=["2,600", "2600"])
    quality.sends(page.locator("#res-options"), "提交审批")

    manager = hands.signs_in("quality_manager")
    page = manager.goes("/desk/absence/")
    manager.chooses(page, "deputy", "李强")
    page.fill("[name=since]", world.local())
    page.fill("[name=until]", world.local(days=3))
    page.fill("[name=reason]", "出差")
    manager.presses(page.locator("main form button:has-text('安排代理')"))
    world.passes(minutes=2)

    deputy = hands.signs_in("supervisor", PHONE, has_touch=True, is_mobile=True)
    page = deputy.page
    for _step in range(3):  # from rung to rung, until none of it waits for him
        deputy.goes("/desk/approvals/")
        row = page.locator("a.sign-row", has_text="退货退款")
        if not row.count():
            break
        assert "2,600" in row.first.inner_text()
        row.first.tap()
        page.wait_for_selector(".sign-form")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert "贰仟陆佰元" in page.inner_text("main")
        deputy.presses(page.locator(".sign-form button[value=approve]"))
    page = quality.page
    quality.opens(number)
    assert "代 孙磊" in page.inner_text(".ladder")
    quality.sends(page.locator("#res-options"), "请客户确认", sure=True)

    # He agrees on his phone.
    wang.sees("待您确认方案", "2,600", "书面致歉")
    wang.page.click("button:has-text('同意这个方案')")
    wang.page.wait_for_url("**done=agreed**")
    wang.sees("处理中", "您的意见")

    # Measures, payment by somebody else, proof, carried out.
    quality.opens(number)
    while (ready := page.locator("#exe-measures details.unfold:has(> summary:has-text('安排：'))")).count():
        left = ready.count()
        ready.first.locator("> summary").click()
        ready.first.locator("[name=due_at]").fill(world.local(days=2))
        quality.sends(ready.first, "安排措施")
        assert ready.count() < left
    quality.act(number, "settle")
    assert "等待付款" in page.inner_text("#exe-measures")
    payer = hands.signs_in("repairer")
    payer.opens(number)
    part = payer.unfolds("#exe-measures", "登记付款")
    part.locator("[name=payee]").fill("王小明")
    part.locator("[name=method]").select_option("original")
    part.locator("[name=reference]").fill("WX-77")
    payer.sends(part, "登记付款", sure=True)
    assert "WX-77" in payer.page.inner_text("#exe-measures")
    quality.opens(number)
    while (open_ := page.locator("#exe-measures article.measure.planned")).count():
        left = open_.count()
        part = open_.first.locator("details.unfold:has(> summary:has-text('完成'))").first
        part.locator("> summary").click()
        part.locator("[name=proof]").fill("已办妥，凭证附后")
        part.locator("[name=files]").set_input_files(
            [{"name": f"凭证{left}.txt", "mimeType": "text/plain", "buffer": f"凭证 {left}".encode()}]
        )
        quality.sends(part, "措施完成")
        assert open_.count() < left
    quality.act(number, "carry_out")
    wang.sees("处理中", not_yet=["WX-77"])

    # The answer in five parts.
    for part, words in PARTS.items():
        page.fill(f"#reply-form [name={part}]", words)
    quality.picks(page.locator("#reply-form"), channel="mail")
    quality.presses(page.locator("#reply-form button[name=submit]"))
    wang.sees("处理中", not_yet=["绝缘老化"])
    quality.act(number, "answer")
    wang.sees("已答复", *PARTS.values())

    # He is asked and rates.
    world.work()
    wang.sees("待评价", "处理得怎么样")
    page = wang.page
    page.click("text=点四下，评一评")
    page.wait_for_url("**/s/**")
    wang.hand.picks(page, solved="1", csat="5", ces="6", nps="9")
    page.click("button:has-text('提交评价')")
    page.wait_for_selector("text=谢谢您的评价")
    wang.sees("已答复", "已评价")

    # Two calls by somebody who did not handle it.
    caller = hands.signs_in("relationship")
    page = caller.page
    for days in (2, 15):
        world.passes(days=days)
        assert number in caller.goes("/desk/followups/").inner_text("main")
        caller.goes(page.locator(f"a.list-row:has-text('{number}')").get_attribute("href"))
        caller.picks(page.locator("#fol-calls form"), reached="yes", solved="yes", recurred="no", content="yes")
        page.fill("#fol-calls form [name=words]", "退款到了，谢谢")
        caller.presses(page.locator("#fol-calls form button:has-text('登记回访')"))
    assert number not in caller.goes("/desk/followups/").inner_text("main")

    # Closed, archived, and he does not leave it at that.
    agent.act(number, "close")
    wang.sees("已完成")
    assert wang.steps_done() >= 4
    world.passes(days=1)
    supervisor.act(number, "archive")
    wang.sees("已完成", "已归档", "400-000-0000")
    page = wang.page
    world.passes(days=3)
    page.click("a:has-text('这样处理我不同意')")
    page.fill("[name=words]", "退款后银行又退回了一笔，请查清楚")
    page.click("button:has-text('交给上一级')")
    page.wait_for_url("**done=higher**")
    following = Case.objects.get(number=number).continued_by.get()
    assert following.round == 2
    wang.sees("已完成", following.number)
    assert number in supervisor.opens(following.number).inner_text("#case-head")

    # The receipt holds, for anybody.
    world.seal()
    wang.hand.goes(wang.link)
    with page.expect_download() as loading:
        page.click("text=下载回执")
    receipt = Path(loading.value.path()).read_text(encoding="utf-8")
    stranger = hands.anybody(PHONE)
    for text, words in ((receipt, "对得上"), (receipt.replace('"seq": ', '"seq": 1'), "对不上")):
        page = stranger.goes("/verify/")
        page.fill("[name=receipt]", text)
        page.click("button:has-text('核对')")
        page.wait_for_selector(f".p-note strong:has-text('{words}')")
    assert journal.verify_all().ok

"""新投诉 and evidence: what the agent sees while typing, what is registered, which files come in and go out."""

from __future__ import annotations

import io
import json
import re
from typing import Any

from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from tests.doors.visitor import at_desk

from wenguo.cases.case import Case
from wenguo.customers.customer import Order

HTMX = {"HX-Request": "true"}


def body_of(answer: Any) -> str:
    words: str = (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()
    return words


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "navy").save(out, "JPEG")
    return out.getvalue()


GIVEN = {
    "channel": "phone",
    "nature": "complaint",
    "text": "昨晚空调漏电，外壳麻手，家里有老人",
    "name": "王小明",
    "phone": "13800001234",
}


def test_typing_the_number_brings_up_who_it_is(now: Any) -> None:
    case = now.receives("空调漏电", phone="13800001234")
    client = at_desk(now.agent)
    known = body_of(client.get("/desk/register/customer/?phone=13800001234", headers=HTMX))
    assert "是不是这件？" in known and case.number in known and "13800001234" not in known
    tail = body_of(client.get("/desk/register/customer/?phone=1234", headers=HTMX))
    assert "是这几位中的一位吗？" in tail
    assert "新客户" in body_of(client.get("/desk/register/customer/?phone=13999998888", headers=HTMX))
    # a colleague elsewhere learns that the customer is known, and nothing of a case that is not theirs
    elsewhere = body_of(at_desk(now.east_agent).get("/desk/register/customer/?phone=13800001234", headers=HTMX))
    assert case.number not in elsewhere


def test_typing_the_story_proposes_and_asks(now: Any) -> None:
    client = at_desk(now.agent)
    body = body_of(client.post("/desk/register/hints/", {**GIVEN, "mood": "vent"}, headers=HTMX))
    assert "level-2" in body or "level-1" in body
    assert "漏电" in body and "必问" in body and "发泄" in body and "<small>「漏电」" in body
    angry = {**GIVEN, "text": "电话没人接，气死我了，太过分了"}
    assert re.search(r"<small>情绪强度 [1-3]/3<", body_of(client.post("/desk/register/hints/", angry, headers=HTMX)))
    complete = {**GIVEN, "happened": "昨晚", "place": "家里", "product": "空调", "wish": "上门检修"}
    assert "必问的都有了" in body_of(client.post("/desk/register/hints/", complete, headers=HTMX))
    assert (
        client.post("/desk/register/hints/", {"text": "<script>" * 4000, "claim_fen": "x"}, headers=HTMX).status_code
        == 200
    )
    assert at_desk(now.repairer).post("/desk/register/hints/", GIVEN).status_code == 403


def test_registered_with_number_promises_and_receipt(now: Any) -> None:
    client = at_desk(now.agent)
    given = {
        **GIVEN,
        "key": "one",
        "wishes": ["repair"],
        "claim_fen": "300",
        "happened": "昨晚",
        "files": SimpleUploadedFile("漏电.jpg", picture()),
    }
    answer = client.post("/desk/register/", given)
    case = Case.objects.get()
    assert answer["Location"] == f"/desk/register/?made={case.number}"
    made = body_of(client.get(answer["Location"]))
    assert case.number in made and "最迟" in made and "papers/receipt/" in made
    assert (case.record.claim_fen, case.record.wishes, case.first_responsible) == (30000, ["repair"], now.agent)
    assert case.evidence.get().type == "image/jpeg"
    # pressed twice: the same case
    again = client.post("/desk/register/", {**GIVEN, "key": "one"})
    assert "repeated=1" in again["Location"] and Case.objects.count() == 1


def test_what_was_typed_stays_when_something_is_wrong(now: Any) -> None:
    client = at_desk(now.agent)
    wrong = client.post("/desk/register/", {**GIVEN, "claim_fen": "很多钱"})
    assert wrong.status_code == 422
    assert "昨晚空调漏电" in body_of(wrong) and "索赔金额" in body_of(wrong) and not Case.objects.exists()
    assert client.post("/desk/register/", {**GIVEN, "text": "  "}).status_code == 422
    lying = SimpleUploadedFile("photo.jpg", b"<html><script>alert(1)</script></html>")
    refused = client.post("/desk/register/", {**GIVEN, "files": lying})
    assert refused.status_code == 422 and not Case.objects.exists()
    assert at_desk(now.repairer).post("/desk/register/", GIVEN).status_code == 403


def test_long_words_emoji_and_other_scripts_are_kept(now: Any) -> None:
    story = "😡" * 50 + "\u202eشكوى" + "字" * 30_000
    answer = at_desk(now.agent).post("/desk/register/", {**GIVEN, "text": story})
    assert answer.status_code == 302
    case = Case.objects.get()
    assert case.evidence.filter(type="text/plain").exists()
    assert "😡" in body_of(at_desk(now.agent).get(f"/desk/cases/{case.number}/"))


# ── evidence ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_evidence_is_kept_shown_safely_and_journalled(now: Any) -> None:
    case = now.receives("空调漏电")
    client = at_desk(now.agent)
    address = f"/desk/cases/{case.number}/evidence/"
    added = client.post(
        address,
        {
            "files": [SimpleUploadedFile("漏电.jpg", picture()), SimpleUploadedFile("记录.txt", "经过".encode())],
            "note": "现场",
        },
        headers=HTMX,
    )
    assert added.status_code == 200 and "漏电.jpg" in body_of(added)
    photo, text = case.evidence.get(type="image/jpeg"), case.evidence.get(type="text/plain")
    shown = client.get(f"{address}{photo.pk}/")
    assert shown["Content-Disposition"].startswith("inline") and shown["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in shown["Content-Security-Policy"] and b"".join(shown.streaming_content) == picture()
    assert client.get(f"{address}{photo.pk}/?save=1")["Content-Disposition"].startswith("attachment")
    assert client.get(f"{address}{text.pk}/")["Content-Disposition"].startswith("attachment")
    assert client.get(f"{address}{photo.pk}/small/")["Content-Type"] == "image/jpeg"
    assert client.get(f"{address}{text.pk}/small/").status_code == 404
    assert now.timeline(case).count("evidence.seen") == 3
    assert at_desk(now.east_agent).get(f"{address}{photo.pk}/").status_code == 404


def test_evidence_is_checked_against_what_arrived(now: Any) -> None:
    case = now.receives("空调漏电")
    client = at_desk(now.agent)
    address = f"/desk/cases/{case.number}/evidence/"
    client.post(address, {"files": SimpleUploadedFile("漏电.jpg", picture())})
    photo = case.evidence.get()
    assert "完好" in body_of(client.post(f"{address}{photo.pk}/check/", headers=HTMX))
    with open(default_storage.path(photo.key), "ab") as file:
        file.write(b"!")
    tampered = client.post(f"{address}{photo.pk}/check/", headers=HTMX)
    assert tampered.status_code == 422 and "内容已被改动" in body_of(tampered)
    default_storage.delete(photo.key)
    assert client.post(f"{address}{photo.pk}/check/").status_code == 422
    assert client.get(f"{address}{photo.pk}/").status_code == 404


def test_files_that_lie_or_are_empty_are_refused_in_words(now: Any) -> None:
    case = now.receives("空调漏电")
    client = at_desk(now.agent)
    address = f"/desk/cases/{case.number}/evidence/"
    for name, content in (("photo.jpg", b"MZ\x90\x00" + b"\0" * 200), ("page.png", b"<html>"), ("empty.jpg", b"")):
        refused = client.post(address, {"files": SimpleUploadedFile(name, content)}, headers=HTMX)
        assert refused.status_code == 422 and name in body_of(refused), name
    assert client.post(address, {}).status_code == 422
    assert not case.evidence.exists()


def test_what_the_story_tells_is_proposed_and_no_longer_asked_for(now: Any) -> None:
    client = at_desk(now.agent)
    story = (
        "我叫王小明，上个月在京东买的云柜空调，订单号JD20261101234，花了3299元，昨晚在家里漏电，要求赔偿500元，不然曝光"
    )
    body = body_of(client.post("/desk/register/hints/", {"channel": "phone", "text": story}, headers=HTMX))
    told = {h["field"]: h["value"] for h in json.loads(body.split('id="entry-told">')[1].split("</script>")[0])}
    assert told["order_fen"] == "3,299.00" and told["claim_fen"] == "500.00" and told["category"] == "product.safety"
    assert told["order_number"] == "JD20261101234" and told["product"] == "云柜空调" and told["name"] == "王小明"
    assert "必问的都有了" in body_of(
        client.post("/desk/register/hints/", {"text": story, "phone": "13800001234"}, headers=HTMX)
    )
    assert "像是「报复」" in body and "曝光" in body
    # what was proposed is accepted as it stands
    answer = client.post("/desk/register/", {**GIVEN, **told, "text": story, "key": "told"})
    case = Case.objects.get()
    assert answer.status_code == 302 and (case.record.order_fen, case.record.claim_fen) == (329900, 50000)


def test_an_order_of_the_customer_is_recognised_in_the_story(now: Any) -> None:
    case = now.receives("问一下保修", phone="13800001234")
    Order.objects.create(customer=case.customer, number="M26110804", product="静澜滚筒洗衣机", amount_fen=299900)
    body = body_of(
        at_desk(now.agent).post(
            "/desk/register/hints/", {"text": "洗衣机漏水", "customer": case.customer_id}, headers=HTMX
        )
    )
    assert "M26110804" in body and "2,999.00" in body
    stranger = body_of(at_desk(now.agent).post("/desk/register/hints/", {"text": "洗衣机漏水"}, headers=HTMX))
    assert "M26110804" not in stranger


def test_a_session_that_ended_keeps_what_was_typed(now: Any) -> None:
    """A plain post without a session: the words are shown, and the way back leads through the sign-in."""
    answer = Client(headers={"Referer": "http://testserver/desk/register/"}).post("/desk/register/", GIVEN)
    body = body_of(answer)
    assert answer.status_code == 401 and GIVEN["text"] in body and "登录已过期" in body
    assert "next=/desk/register/" in body
    assert Case.objects.count() == 0
    assert Client().post("/desk/register/", GIVEN).status_code == 302  # from nowhere: just the sign-in

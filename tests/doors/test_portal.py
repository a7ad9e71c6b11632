"""The customer's own place: complain without an account, see where it stands, talk, decide, rate, take it higher."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from unittest import mock

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.urls import reverse
from django.utils import translation
from PIL import Image

import wenguo.web
from wenguo.cases import acceptance, clock, evidence, followup, intake, letters, links, reply, resolution
from wenguo.cases.case import Case, record
from wenguo.cases.followup import Survey
from wenguo.cases.handover import remind
from wenguo.cases.intake import Submission
from wenguo.cases.links import Lookup
from wenguo.cases.notice import Notice
from wenguo.cases.option import Option
from wenguo.cases.resolution import Draft
from wenguo.journal.merkle import fold
from wenguo.people.actor import SYSTEM
from wenguo.policy.loading import standard as load_standard
from wenguo.policy.told import spoken, told
from wenguo.web.filters import plain_time
from wenguo.web.portal import common, files, home, progress, receipt, submit, survey, track

KETTLE = "上周买的电热水壶，昨天烧水时壶底漏水，桌上一滩，插座都湿了。要求退货并给个说法。"
ROOMS = (home, submit, track, progress, files, survey, receipt, common)


@pytest.fixture(autouse=True)
def storage(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }


@pytest.fixture
def story(desk):
    """The company, whose moment is the moment of the pages too."""
    with mock.patch.multiple(common, now=lambda: desk.now):
        patches = [mock.patch.object(room, "now", lambda: desk.now) for room in ROOMS if hasattr(room, "now")]
        for patch in patches:
            patch.start()
        yield desk
        for patch in patches:
            patch.stop()


def words_of(answer):
    """What a person reads on the page."""
    return unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))


def form(client, **fields):
    key = re.search(r'name="key" value="([0-9a-f]{32})"', client.get("/new/").content.decode()).group(1)
    return {"key": key, "text": KETTLE, "phone": "13800001234", **fields}


def token_of(case, desk, purpose=links.TRACK, **more):
    return links.make(case, purpose, at=desk.now, **more)


def page_of(case, desk):
    return reverse("portal:progress", args=[token_of(case, desk)])


def photo(name="现场.jpg", kind="JPEG"):
    picture = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(picture, kind)
    return SimpleUploadedFile(name, picture.getvalue())


def offered(desk, case, title="退货并致歉"):
    """An approved option in front of the customer."""
    record(case, "case.concluded", by=SYSTEM, at=desk.now, set={"stage": "resolution"})
    draft = Draft(title=title, what="全额退款，上门取件", kinds=("refund", "apology"))
    option = resolution.draft_option(case, draft, by=desk.agent, at=desk.now)
    Option.objects.filter(pk=option.pk).update(state="approved", why="机密理由")
    option.refresh_from_db()
    option.case = case
    resolution.offer(option, by=desk.agent, at=desk.now)
    return option


def answered(desk, case):
    done = {"stage": "reply", "executed_at": desk.now, "cause": "machine.design"}
    record(case, "case.executed", by=SYSTEM, at=desk.now, set=done)
    parts = {
        "apology": "噪音影响了您，很抱歉。", "findings": "经检测，轴承润滑不足。", "actions": "已上门更换。",
        "prevention": "该批次已抽检。", "thanks": "感谢反映，有问题请联系张敏，400-000-0000。",
    }  # fmt: skip
    draft = reply.draft_reply(case, parts, by=desk.agent, at=desk.now)
    reply.submit_reply(draft, by=desk.agent, at=desk.now)
    reply.answer(case, by=desk.agent, at=desk.now)
    followup.invite_survey(case.pk, case.round, at=desk.now)
    case.refresh_from_db()
    return case


# ── the public pages ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["home", "notice", "privacy", "new", "track", "verify"])
def test_public_pages_open_without_a_cookie_or_an_account(client, story, name):
    answer = client.get(reverse(f"portal:{name}"))
    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode() and " style=" not in answer.content.decode()
    assert "sessionid" not in answer.cookies


def test_the_first_page_says_what_the_policy_in_force_promises(client, story):
    page = words_of(client.get("/"))
    pack = home.in_force(story.now).pack
    for level in pack.levels:
        assert level.name in page
        assert home.allowance_words(pack.clock("respond", level=level.number, channel="web")) in page
        assert home.allowance_words(pack.clock("solve", level=level.number, channel="web")) in page
    assert f"{pack.thresholds.reopen_days} 天" in page and "12315" in page and "400-000-0000" in page


@pytest.mark.parametrize("address", ["/", "/new/"])
def test_a_page_with_all_it_loads_stays_below_100_kib(client, story, address):
    page = client.get(address).content
    static = Path(wenguo.web.__file__).parent / "static"
    loaded = re.findall(r'(?:src|href)="/static/([^"]+)"', page.decode())
    assert {"portal.css", "portal.js", "theme.js"} <= set(loaded)
    total = len(page) + sum((static / name).stat().st_size for name in loaded)
    assert total < 100 * 1024, total


# ── submitting ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_complaint_gets_its_number_its_promises_and_a_link(client, story):
    told = {"happened": "昨天晚上", "place": "家里", "product": "水壶", "name": "王小明"}
    sent = form(client, **told, wishes=["refund", "apology"], files=[photo()])
    answer = client.post("/new/", sent, follow=True)
    case = Case.objects.get()
    page = words_of(answer)
    assert answer.status_code == 200 and case.number in page and "请记下" in page
    assert case.channel == "web" and case.product == "水壶" and case.record.wishes == ["refund", "apology"]
    for kind in ("respond", "solve"):
        assert plain_time(case.clocks.get(kind=kind).due_at, story.now) in page
    link = re.search(r'href="(/t/[^"]+)"', answer.content.decode()).group(1)
    assert case.number in words_of(client.get(link))
    file = case.evidence.get()
    assert file.public and file.type == "image/jpeg" and file.thumbnail_key


def test_the_privacy_notice_that_was_shown_is_kept_with_the_original(client, story):
    client.post("/new/", form(client))
    kept = json.loads(bytes(Submission.objects.get().raw))
    assert kept["privacy_notice"] == home.PRIVACY_VERSION and kept["form"]["text"] == [KETTLE]


def test_two_taps_and_a_reload_are_one_complaint_but_another_text_is_another(client, story):
    fields = form(client)
    for _tap in range(3):
        assert client.post("/new/", fields).status_code == 302
    assert Submission.objects.count() == Case.objects.count() == 1
    client.post("/new/", {**fields, "text": "另外一件事：门店的收银员当众骂我，态度非常恶劣。"})
    assert Case.objects.count() == 2


def test_without_a_contact_nothing_typed_is_lost(client, story):
    told = {"phone": "", "place": "人民路店", "wish": "道歉", "wishes": ["apology"], "files": [photo()]}
    answer = client.post("/new/", form(client, **told))
    assert answer.status_code == 422 and not Submission.objects.exists()
    page = answer.content.decode()
    assert "请留下手机号或邮箱" in page and KETTLE in page and "人民路店" in page and 'value="apology" checked' in page
    note = re.search(r'name="kept" value="([^"]+)" checked', page).group(1)
    again = client.post("/new/", {**form(client, place="人民路店"), "kept": [unescape(note)]})
    assert again.status_code == 302
    assert Case.objects.get().evidence.get().name == "现场.jpg"


def test_a_file_taken_off_the_list_is_not_sent(client, story):
    page = client.post("/new/", form(client, phone="", files=[photo()])).content.decode()
    assert 'name="kept"' in page
    client.post("/new/", form(client))
    assert not Case.objects.get().evidence.exists()


def test_a_forged_note_brings_no_file(client, story):
    client.post("/new/", {**form(client), "kept": ["eyJrZXkiOiIuLi8uLi9ldGMvcGFzc3dkIn0:1:x", "\x00", "x" * 5000]})
    assert not Case.objects.get().evidence.exists()


@pytest.mark.parametrize("phone", ["123", "不告诉你", "1111111111", "95588"])
def test_a_number_nobody_can_call_is_refused_beside_its_field(client, story, phone):
    answer = client.post("/new/", form(client, phone=phone))
    assert answer.status_code == 422 and "电话号码" in words_of(answer)


def test_a_mail_address_alone_is_enough(client, story):
    answer = client.post("/new/", form(client, phone="", mail="ＷＡＮＧ@example.com"), follow=True)
    assert "编号也会发到您的邮箱" in words_of(answer)
    assert client.post("/new/", form(client, phone="", mail="not a mail")).status_code == 422


def test_a_lying_file_and_a_good_one(client, story):
    liar = SimpleUploadedFile("照片.jpg", b"<html><script>alert(1)</script></html>")
    program = SimpleUploadedFile("a.pdf", b"MZ\x90\x00" + b"\x00" * 200)
    empty = SimpleUploadedFile("空.txt", b"")
    answer = client.post("/new/", form(client, files=[liar, program, empty, photo("好.jpg")]))
    page = words_of(answer)
    assert answer.status_code == 422 and not Case.objects.exists()
    assert all(name in page for name in ("照片.jpg", "a.pdf", "空.txt", "好.jpg")) and KETTLE in page


def test_twenty_one_files_twenty_are_kept_and_the_other_is_named(client, story):
    many = [SimpleUploadedFile(f"{n:02}.txt", f"第 {n} 页".encode()) for n in range(1, 22)]
    answer = client.post("/new/", form(client, files=many))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert page.count('name="kept"') == 20 and "21.txt" in page and "最多 20 个" in page
    notes = [unescape(n) for n in re.findall(r'name="kept" value="([^"]+)"', page)]
    client.post("/new/", {**form(client), "kept": notes})
    assert Case.objects.get().evidence.count() == 20


def test_far_too_many_files_are_refused_in_words(client, story):
    many = [SimpleUploadedFile(f"{n}.txt", b"x") for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FILES + 1)]
    answer = client.post("/new/", {"text": KETTLE, "files": many})
    assert answer.status_code == 429 and "最多上传" in words_of(answer)


def test_a_file_too_large_is_named(client, story, settings):
    settings.UPLOAD_MAX_MIB = 1
    answer = client.post("/new/", form(client, files=[SimpleUploadedFile("大.txt", b"x" * (2**20 + 1))]))
    assert answer.status_code == 422 and "「大.txt」超过 1 MB" in words_of(answer)


def test_ten_megabytes_of_text_are_taken(client, story):
    answer = client.post("/new/", form(client, text="很长的经过。" * 580_000))
    assert answer.status_code == 302
    case = Case.objects.get()
    assert case.evidence.get().size > 10 * 10**6


def test_more_than_that_is_refused_in_words(client, story):
    answer = client.post("/new/", form(client, text="x" * (13 * 2**20)))
    assert answer.status_code == 429 and "太长" in words_of(answer)


def test_bytes_in_another_encoding_do_not_stop_anybody(client, story):
    body = b"key=" + b"0" * 32 + b"&phone=13800001234&text=" + "水壶漏水".encode("gb18030") + b"%FF%FE%00"
    answer = client.post("/new/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 302 and Case.objects.count() == 1


STRANGE = ["😡🙏👨‍👩‍👧‍👦 水壶漏水", "שלום المنتج معيب", "\u202e反着写的\u202c水壶", "🇨🇳" * 400, "a\x00b水壶坏了"]


@pytest.mark.parametrize("text", STRANGE)
def test_emoji_and_right_to_left(client, story, text):
    assert client.post("/new/", form(client, text=text)).status_code == 302
    case = Case.objects.get()
    assert client.get(page_of(case, story)).status_code == 200
    assert "\u202e" not in case.record.description and "\x00" not in case.record.description


def test_script_in_every_field_is_only_text(client, story):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    names = ("text", "happened", "place", "product", "order_number", "name", "wish", "company")
    everywhere = dict.fromkeys(names, evil[:58])
    wrong = client.post("/new/", form(client, **everywhere, phone=evil, mail=evil, key=evil, wishes=[evil]))
    assert wrong.status_code == 422
    client.post("/new/", form(client, **everywhere))
    case = Case.objects.get()
    address = page_of(case, story)
    client.post(address + "message/", {"text": evil})
    client.post(address + "remind/", {"words": evil})
    tracked = client.post("/track/", {"number": evil[:39], "contact": evil})
    checked = client.post("/verify/", {"receipt": evil})
    for page in (wrong, client.get(address), tracked, checked, client.get("/track/", {"number": evil})):
        html = page.content.decode()
        assert "<script>alert" not in html and "<img src=x" not in html and "\"'><" not in html


def test_the_field_no_person_sees_stops_programs_but_loses_nothing(client, story):
    answer = client.post("/new/", form(client, website="http://spam.example"))
    page = answer.content.decode()
    assert answer.status_code == 422 and not Submission.objects.exists()
    assert KETTLE in page and 'class="p-trap"' not in page and "像是自动程序" in page


def test_too_many_from_one_address(client, story):
    fields = form(client)
    Lookup.objects.bulk_create(Lookup(key="s:127.0.0.1", at=story.now) for _ in range(submit.COMPLAINTS))
    answer = client.post("/new/", fields)
    assert answer.status_code == 429 and KETTLE in answer.content.decode()
    story.wait(minutes=11)
    assert client.post("/new/", fields).status_code == 302


def test_who_joins_an_open_case_is_not_given_its_link(client, story):
    case = story.receives(KETTLE, channel="web")
    answer = client.post("/new/", form(client, text=KETTLE + "已经两天了"), follow=True)
    assert Case.objects.count() == 1
    assert case.number in words_of(answer) and "/t/" not in answer.content.decode()


def test_what_we_could_not_understand_is_still_received(client, story):
    with mock.patch.object(intake, "open_case", side_effect=RuntimeError):
        answer = client.post("/new/", form(client), follow=True)
    assert answer.status_code == 200 and "来件号" in words_of(answer) and Submission.objects.get().state == "unsorted"


def test_the_result_page_is_good_for_a_day_and_cannot_be_forged(client, story):
    assert client.get("/new/done/5:forged:x/").status_code == 404


# ── finding it again ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("spelling", ["{n}", "  {l} ", "{full}", "{bare}", "{spaced}"])
@pytest.mark.parametrize("contact", ["1234", "１２３４", " 138 0000 1234", "WXM@Example.com"])
def test_the_number_however_it_is_written_and_a_bit_of_the_contact(client, story, spelling, contact):
    case = story.receives(KETTLE, channel="web", mail="wxm@example.com")
    n = case.number
    full = n.translate({ord(c): ord(c) + 0xFEE0 for c in n if 0x21 <= ord(c) <= 0x7E})
    written = spelling.format(n=n, l=n.lower(), full=full, bare=n.replace("-", ""), spaced=" ".join(n))
    answer = client.post("/track/", {"number": written, "contact": contact})
    assert answer.status_code == 302 and answer["Location"].startswith("/t/")
    assert n in words_of(client.get(answer["Location"]))


@pytest.mark.parametrize("contact", ["0000", "", "12", "٤٣٢١", "138000012345678", "x@example.com", "@", "🙂"])
def test_a_wrong_contact_and_a_wrong_number_get_the_same_answer(client, story, contact):
    case = story.receives(KETTLE, channel="web")
    answer = client.post("/track/", {"number": case.number, "contact": contact})
    assert answer.status_code in {404, 422} and case.subject not in words_of(answer)
    unknown = client.post("/track/", {"number": intake.next_number(story.now), "contact": contact})
    assert unknown.status_code == answer.status_code


def test_guessing_is_stopped(client, story):
    case = story.receives(KETTLE, channel="web")
    for guess in range(links.TRIES):
        assert client.post("/track/", {"number": case.number, "contact": f"{guess:04}"}).status_code == 404
    stopped = client.post("/track/", {"number": case.number, "contact": "1234"})
    assert stopped.status_code == 429 and "15 分钟" in words_of(stopped)
    story.wait(minutes=16)
    assert client.post("/track/", {"number": case.number, "contact": "1234"}).status_code == 302


@pytest.mark.parametrize("token", ["forged", "WzEsInRyYWNrIiwxXQ:1xV3BR:AAAA", "%00", "x" * 3000, "../../etc"])
@pytest.mark.parametrize("door", ["t", "s"])
def test_a_forged_link_says_so(client, story, token, door):
    answer = client.get(f"/{door}/{token}/")
    assert answer.status_code in {404, 422}
    if answer.status_code == 422:
        assert "这个链接不完整，打不开" in words_of(answer) and "/track/" in answer.content.decode()


def test_a_link_for_something_else_or_run_out_opens_nothing(client, story):
    case = story.receives(KETTLE, channel="web")
    survey_token, old = token_of(case, story, links.SURVEY, days=7), token_of(case, story, days=1)
    assert client.get(f"/t/{survey_token}/").status_code == 422
    story.wait(days=2)
    late = client.get(f"/t/{old}/")
    assert late.status_code == 404 and "这个链接已经过期" in words_of(late) and "手机号后四位" in words_of(late)
    assert client.post(f"/t/{old}/message/", {"text": "你好"}).status_code == 404


# ── the page of a case ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_stations_promises_and_one_name(client, story):
    case = story.receives(KETTLE, channel="web")
    page = words_of(client.get(page_of(case, story)))
    assert "已提交" in page and "待评价" in page and plain_time(case.clocks.get(kind="solve").due_at, story.now) in page
    case = story.triages(case)
    page = words_of(client.get(page_of(case, story)))
    assert "处理中" in page and "张敏" in page and "400-000-0000" in page


def test_nothing_of_what_colleagues_say_among_themselves_is_shown(client, story):
    case = story.triages(story.receives(KETTLE, channel="web"), to="zl")
    case.refresh_from_db()
    secrets = {
        "note": "秘密备注", "call": "秘密通话记录", "remind": "秘密催办", "proof": "秘密依据", "file": "秘密附件",
        "why": "机密理由", "consent": "秘密同意人",
    }  # fmt: skip
    letters.note(case, secrets["note"], by=story.agent, at=story.now)
    letters.called(case, "reached", secrets["call"], by=story.agent, at=story.now)
    remind(case, secrets["remind"], by=story.supervisor, at=story.now)
    solve = case.clocks.get(kind="solve", state="running")
    agreed = clock.Consent(secrets["consent"], "phone", story.now)
    until = solve.due_at + timedelta(days=2)
    clock.extend(case, solve, until, "秘密延期原因", consent=agreed, by=story.agent, at=story.now)
    inner = evidence.store(secrets["file"] + ".txt", iter([b"inner"]))
    hidden = evidence.attach(case, inner, by=story.agent, at=story.now, note="秘密说明")
    other = story.receives("同一只水壶的事", channel="web", phone="13900009999", name="别的客户")
    acceptance.merge(other, case, "秘密并单原因", by=story.supervisor, at=story.now)
    case.refresh_from_db()
    offered(story, case)
    page = words_of(client.get(page_of(case, story)))
    assert not [s for s in (*secrets.values(), "秘密", "别的客户", "同一只水壶的事", "13900009999") if s in page]
    shown = case.owner or case.first_responsible
    for person in story.by_name.values():
        assert person.name == shown.name or person.name not in page
    assert "已和您通话" in page and "已与您约定" not in page
    refused = client.get(reverse("portal:file", args=[token_of(case, story), hidden.pk]))
    assert refused.status_code == 404


def test_the_page_says_since_when_when_somebody_else_took_over(client, story):
    case = story.receives(KETTLE, channel="phone")
    acceptance.accept(case, by=story.agent, at=story.now)
    assert "起负责" not in words_of(client.get(page_of(case, story)))  # who took it in is still in charge
    taken = story.wait(minutes=90)
    case = story.triages(story.receives("洗衣机不排水", channel="phone", phone="13800005678"), to="sh")
    assert case.owner_id != case.first_responsible_id
    said = words_of(client.get(page_of(case, story)))
    assert f"自 {plain_time(taken, taken)} 起负责" in said and case.first_responsible.name not in said


def test_the_page_of_a_busy_case_costs_a_fixed_number_of_queries(client, story, django_assert_max_num_queries):
    case = story.triages(story.receives(KETTLE, channel="web"))
    for n in range(30):
        letters.say(case, "", f"第 {n} 条", by=story.agent, at=story.wait(minutes=1))
        stored = evidence.store(f"{n}.txt", iter([str(n).encode()]))
        evidence.attach(case, stored, by=case.customer, at=story.now, public=True)
    address = page_of(case, story)
    client.get(address)
    with django_assert_max_num_queries(20):
        assert "第 29 条" in words_of(client.get(address))


def test_the_page_is_not_for_search_engines_nor_shared_caches(client, story):
    answer = client.get(page_of(story.receives(KETTLE, channel="web"), story))
    assert "noindex" in answer["X-Robots-Tag"] and "private" in answer["Cache-Control"]


def test_waiting_for_the_customer_is_said_and_an_answer_ends_it(client, story):
    case = story.triages(story.receives(KETTLE, channel="web"))
    clock.pause(case, "waiting_customer", "等发票照片", by=story.agent, at=story.now)
    case.refresh_from_db()
    page = words_of(client.get(page_of(case, story)))
    assert "待您补充" in page and "等待您补充材料" in page and "等发票照片" not in page
    client.post(page_of(case, story) + "message/", {"text": "发票在这里", "files": [photo("发票.png", "PNG")]})
    case.refresh_from_db()
    assert case.waiting_since is None and case.evidence.get().public
    assert "待您补充" not in words_of(client.get(page_of(case, story)))


def test_a_message_is_said_once_however_often_it_is_tapped(client, story):
    case = story.receives(KETTLE, channel="web")
    address = page_of(case, story)
    once = re.search(r'name="once" value="([0-9a-f]+)"', client.get(address).content.decode()).group(1)
    for _tap in range(2):
        answer = client.post(address + "message/", {"text": "家里一直有人", "once": once})
        assert answer.status_code == 302
    assert story.timeline(case).count("message.received") == 1
    assert "收到您的话了" in words_of(client.get(answer["Location"]))
    assert client.post(address + "message/", {"text": "  "}).status_code == 422


def test_a_refused_file_keeps_the_message_and_the_good_files(client, story):
    case = story.receives(KETTLE, channel="web")
    liar = SimpleUploadedFile("坏.jpg", b"MZ\x90\x00" * 50)
    answer = client.post(page_of(case, story) + "message/", {"text": "看照片", "files": [liar, photo()]})
    page = answer.content.decode()
    assert answer.status_code == 422 and "看照片" in page and "坏.jpg" in page and 'name="kept"' in page
    assert "message.received" not in story.timeline(case)


def test_reminding_counts_and_is_not_offered_when_closed(client, story):
    case = story.receives(KETTLE, channel="web")
    client.post(page_of(case, story) + "remind/", {"words": "快一点", "once": "a1"})
    case.refresh_from_db()
    assert case.repeats == 1
    acceptance.withdraw(case, "算了", by=case.customer, at=story.now)
    assert "催一催" not in words_of(client.get(page_of(case, story)))
    assert client.post(page_of(case, story) + "remind/", {"words": "快"}).status_code == 409


def test_withdrawing_asks_twice_and_gives_a_reason(client, story):
    case = story.receives(KETTLE, channel="web")
    address = page_of(case, story) + "withdraw/"
    assert client.post(address, {"reason": "已解决"}).status_code == 422
    assert client.post(address, {"sure": "1"}).status_code == 422
    assert client.get(address).status_code == 302
    client.post(address, {"reason": "已解决", "sure": "1"})
    case.refresh_from_db()
    assert case.outcome == "withdrawn" and "您已撤回" in words_of(client.get(page_of(case, story)))


def test_somebody_else_was_first_by_a_moment_and_the_customer_is_heard_all_the_same(client, story):
    case = story.triages(story.receives(KETTLE, channel="web"))
    found = progress.case_of

    def overtaken(*args, **kwargs):
        mine = found(*args, **kwargs)
        letters_case = Case.objects.get(pk=mine.pk)
        record(letters_case, "case.flagged", by=SYSTEM, at=story.now, set={"flags": ["x"]})
        return mine

    with mock.patch.object(progress, "case_of", overtaken):
        assert client.post(page_of(case, story) + "remind/", {"words": "快"}).status_code == 302
    assert "case.reminded" in story.timeline(case)


# ── the solution ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_customer_accepts_an_offer(client, story):
    case = story.triages(story.receives(KETTLE, channel="web"))
    option = offered(story, case)
    page = words_of(client.get(page_of(case, story)))
    assert "待您确认方案" in page and "全额退款" in page and "机密理由" not in page
    yes = {"verdict": "accept", "once": "a1"}
    answer = client.post(page_of(case, story) + f"option/{option.pk}/", yes, follow=True)
    option.refresh_from_db()
    assert option.state == "accepted" and option.answer_channel == "web" and "您的意见：同意" in words_of(answer)
    assert client.post(page_of(case, story) + f"option/{option.pk}/", {"verdict": "accept"}).status_code == 409


def test_refusing_needs_words_which_are_kept_when_lacking(client, story):
    case = story.triages(story.receives(KETTLE, channel="web"))
    option = offered(story, case)
    address = page_of(case, story) + f"option/{option.pk}/"
    assert client.post(address, {"verdict": "refuse"}).status_code == 422
    assert client.post(address, {"verdict": "burn"}).status_code == 422
    client.post(address, {"verdict": "counter", f"words-{option.pk}": "要换新的，不要退款"})
    option.refresh_from_db()
    assert option.answer == "counter" and option.answer_words == "要换新的，不要退款"


def test_an_offer_of_another_case_or_not_yet_offered_is_not_there(client, story):
    case = story.triages(story.receives(KETTLE, channel="web"))
    option = offered(story, case)
    other = story.receives("另一个人的另一件事，门店态度差", channel="web", phone="13911110000", name="李四")
    address = reverse("portal:answer", args=[token_of(other, story), option.pk])
    assert client.post(address, {"verdict": "accept"}).status_code == 404
    Option.objects.filter(pk=option.pk).update(state="approved", offered_at=None, offered_no=None)
    assert client.post(page_of(case, story) + f"option/{option.pk}/", {"verdict": "accept"}).status_code == 404


# ── 这样处理我不同意 ────────────────────────────────────────────────────────────────────────────────────────────────


def test_disagreeing_while_it_is_worked_on_reaches_those_above_at_once(client, story):
    case = story.triages(story.receives(KETTLE, channel="web"), to="zl")
    address = page_of(case, story) + "disagree/"
    page = words_of(client.get(address))
    assert "交给上一级" in page and "12315" in page and "人民法院" in page
    assert client.post(address, {"words": " "}).status_code == 422
    answer = client.post(address, {"words": "维修三次都没好，不同意再修", "once": "a"}, follow=True)
    assert "已经转给上级" in words_of(answer)
    told = set(Notice.objects.filter(case=case, kind="case.reminded").values_list("person__username", flat=True))
    assert {"supervisor", "quality_manager"} <= told


def test_disagreeing_after_the_answer_opens_a_new_round(client, story):
    case = answered(story, story.triages(story.receives(KETTLE, channel="web")))
    client.post(page_of(case, story) + "disagree/", {"words": "没有解决"})
    case.refresh_from_db()
    assert case.round == 2 and case.stage == "investigation"
    assert "没有解决" in words_of(client.get(page_of(case, story)))


def test_long_after_the_end_it_says_what_to_do_instead(client, story):
    case = answered(story, story.triages(story.receives(KETTLE, channel="web")))
    end = {"stage": "closed", "outcome": "resolved", "closed_at": story.now}
    record(case, "case.closed", by=SYSTEM, at=story.now, set=end)
    story.wait(days=case.pack.thresholds.reopen_days + 1)
    answer = client.post(page_of(case, story) + "disagree/", {"words": "问题又出现了"})
    assert answer.status_code == 409 and "提交新的投诉" in words_of(answer) and "问题又出现了" in words_of(answer)


def test_a_refusal_can_be_put_before_those_above(client, story):
    case = story.receives("你们隔壁那家店卖的手机坏了", channel="web")
    acceptance.refuse(case, case.pack.refusal_reasons[0].code, "秘密依据", by=story.agent, at=story.now)
    letters.tell_refusal(case.pk, at=story.now)
    page = words_of(client.get(page_of(case, story)))
    assert "不予受理" in page and "秘密依据" not in page and case.pack.refusal_reasons[0].tell_customer[:10] in page
    client.post(page_of(case, story) + "disagree/", {"words": "就是在你们店买的"})
    assert Notice.objects.filter(case=case, person=story.supervisor, kind="case.reminded").exists()


def test_an_archived_refusal_goes_on_as_a_new_case(client, story):
    case = story.receives("你们隔壁那家店卖的手机坏了", channel="web")
    acceptance.refuse(case, case.pack.refusal_reasons[0].code, "秘密依据", by=story.agent, at=story.now)
    followup.archive(case, by=story.manager, at=story.wait(days=8))
    answer = client.post(page_of(case, story) + "disagree/", {"words": "发票找到了，就是在你们店买的"}, follow=True)
    assert answer.status_code == 200
    new = case.continued_by.get()
    assert new.stage == "received" and "发票找到了" in new.record.description


def test_a_promise_that_moved_says_what_was_told_before(client, story):
    case = story.triages(story.receives(KETTLE, channel="web"), to="zl")
    solve = case.clocks.get(kind="solve", state="running")
    assert "原先告诉您的是" not in words_of(client.get(page_of(case, story)))
    case.clocks.filter(pk=solve.pk).update(due_at=solve.due_at + timedelta(hours=8))
    page = words_of(client.get(page_of(case, story)))
    assert f"原先告诉您的是 {plain_time(solve.first_due_at, story.now)}" in page


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_files_are_served_only_with_the_link_and_cannot_do_harm(client, story):
    case = story.receives(KETTLE, channel="web")
    kept = [evidence.store("现场.jpg", photo().chunks()), evidence.store("说明.txt", iter([b"hello"]))]
    picture, text = (evidence.attach(case, s, by=case.customer, at=story.now, public=True) for s in kept)
    token = token_of(case, story)
    seen = client.get(reverse("portal:file", args=[token, picture.pk]))
    assert seen["Content-Type"] == "image/jpeg" and seen["Content-Disposition"].startswith("inline")
    for answer in (seen, client.get(reverse("portal:file", args=[token, text.pk]))):
        assert answer["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Disposition"].startswith("attachment") and b"".join(answer.streaming_content) == b"hello"
    assert client.get(reverse("portal:thumbnail", args=[token, picture.pk]))["Content-Type"] == "image/jpeg"
    assert client.get(reverse("portal:thumbnail", args=[token, text.pk])).status_code == 404
    other = story.receives("另一个人的另一件事，门店态度差", channel="web", phone="13911110000", name="李四")
    assert client.get(reverse("portal:file", args=[token_of(other, story), picture.pk])).status_code == 404
    assert client.get(reverse("portal:file", args=["forged", picture.pk])).status_code == 422


# ── rating ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def rated(story):
    case = answered(story, story.triages(story.receives(KETTLE, channel="web")))
    return case, reverse("portal:survey", args=[token_of(case, story, links.SURVEY, days=7)])


def test_four_taps_and_thanks(client, story, rated):
    case, address = rated
    page = words_of(client.get(address))
    assert all(q.text in page for q in case.pack.followup.survey)
    assert "点四下" in words_of(client.get(page_of(case, story)))
    thanks = client.post(address, {"solved": "1", "csat": "5", "ces": "7", "nps": "10", "words": "谢谢"})
    survey_row = Survey.objects.get()
    assert "谢谢您的评价" in words_of(thanks) and survey_row.csat == 5 and survey_row.nps == 10
    assert "您已经评价过了" in words_of(client.get(address))
    assert client.post(address, {"solved": "0", "csat": "1"}).status_code == 409
    assert Survey.objects.get().csat == 5


def test_what_is_missing_is_said_and_what_was_tapped_stays(client, story, rated):
    _case, address = rated
    answer = client.post(address, {"csat": "4", "nps": "99"})
    assert answer.status_code == 422 and 'value="4" checked' in answer.content.decode()
    assert "请选择" in words_of(answer) and Survey.objects.get().answered_at is None


def test_who_is_not_content_hears_what_happens_next(client, story, rated):
    case, address = rated
    assert "客服主管已经知道" in words_of(client.post(address, {"solved": "0", "csat": "1"}))
    case.refresh_from_db()
    assert followup.UNHAPPY in case.flags


def test_after_its_days_the_survey_says_it_is_over(client, story, rated):
    case, _address = rated
    token = token_of(case, story, links.SURVEY, days=30)
    story.wait(days=case.pack.followup.survey_days + 1)
    assert "评价已经截止" in words_of(client.get(reverse("portal:survey", args=[token])))
    assert "点四下" not in words_of(client.get(page_of(case, story)))


# ── the receipt ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_receipt_is_downloaded_and_anyone_can_check_it(client, story):
    case = story.receives(KETTLE, channel="web")
    early = client.get(reverse("portal:receipt", args=[token_of(case, story)]))
    assert early.status_code == 409 and "稍后" in words_of(early)
    while fold(story.now):
        pass
    paper = client.get(reverse("portal:receipt", args=[token_of(case, story)]))
    assert paper["Content-Disposition"].startswith("attachment") and case.number in paper["Content-Disposition"]
    text = paper.content.decode()
    assert "对得上" in words_of(client.post("/verify/", {"receipt": text}))
    file = SimpleUploadedFile("r.json", b"\xef\xbb\xbf" + paper.content)
    assert "对得上" in words_of(client.post("/verify/", {"file": file}))
    forged = json.dumps({**json.loads(text), "number": "TS-2611-9999-0"})
    assert "对不上" in words_of(client.post("/verify/", {"receipt": forged}))
    root = json.loads(text)["root"]
    assert "有：" in words_of(client.get("/verify/", {"root": root}))
    assert root in client.get("/verify/").content.decode()
    assert "没有这个存证根" in words_of(client.get("/verify/", {"root": "0" * 64}))


NO_RECEIPTS = ["", "hello", "[]", "null", "{}", '{"kind": 1}', "[" * 15_000, "1" * 30_000, "NaN", "\x00"]


@pytest.mark.parametrize("given", NO_RECEIPTS)
def test_what_is_no_receipt_is_refused_in_words(client, story, given):
    answer = client.post("/verify/", {"receipt": given})
    assert answer.status_code == 422 and "回执" in words_of(answer)


def test_after_rating_the_journey_says_so(client, story, rated):
    case, address = rated
    client.post(address, {"solved": "1", "csat": "5"})
    page = words_of(client.get(page_of(case, story)))
    assert "已评价" in page and "待评价" not in page


def test_the_address_of_the_caller_is_believed_only_from_our_proxy(rf, settings):
    request = rf.post("/new/", headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9"})
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert common.caller(request) == "127.0.0.1"
    settings.PUBLIC_URL = "https://complaints.example"
    assert common.caller(request) == "203.0.113.9"


# ── floods ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_flood_from_one_address_leaves_the_others_served(client, story):
    from_there, from_here = {"REMOTE_ADDR": "203.0.113.9"}, {"REMOTE_ADDR": "198.51.100.7"}
    Lookup.objects.bulk_create(Lookup(key="p:203.0.113.9", at=story.now) for _ in range(common.POSTS))
    refused = client.post("/new/", form(client), **from_there)
    page = words_of(refused)
    assert refused.status_code == 429 and "请稍后再试" in page and KETTLE in page and "400-000-0000" in page
    assert client.get("/", **from_there).status_code == client.get("/new/", **from_there).status_code == 200
    assert client.post("/new/", form(client), **from_here).status_code == 302


def test_a_flood_of_files_takes_no_more_files_but_every_word(client, story):
    Lookup.objects.bulk_create(Lookup(key="f:127.0.0.1", at=story.now) for _ in range(files.FILES_STEPS))
    refused = client.post("/new/", form(client, files=[photo()]))
    assert refused.status_code == 422 and "文字可以照常提交" in words_of(refused) and KETTLE in words_of(refused)
    assert client.post("/new/", form(client)).status_code == 302
    assert (
        client.post("/new/", form(client, text="另一件", files=[photo()]), REMOTE_ADDR="198.51.100.7").status_code
        == 302
    )
    story.wait(hours=1, minutes=1)
    assert client.post("/new/", form(client, text="又一件", files=[photo("另.jpg")])).status_code == 302


def test_large_files_use_up_more_of_the_room(client, story, settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 2**16
    big = SimpleUploadedFile("录像.txt", b"x" * (files.FILES_STEP * 2 + 1))
    client.post("/new/", form(client, files=[big]))
    assert Lookup.objects.filter(key="f:127.0.0.1").count() == 3


def test_a_full_disk_refuses_files_and_takes_words(client, story):
    with mock.patch.object(files, "_disk_free", lambda: files.DISK_RESERVE - 1):
        refused = client.post("/new/", form(client, files=[photo()]))
        assert refused.status_code == 422 and "现在暂时收不了文件" in words_of(refused)
        assert client.post("/new/", form(client)).status_code == 302
    assert files._disk_free() > 0


# ── the reader's language ─────────────────────────────────────────────────────────────────────────────────────────

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_the_words_of_the_standard_pack_have_their_english():
    pack = load_standard()
    said = set(spoken(pack.model_dump(mode="json")))
    spans = [words for level in (1, 2, 3, 4) for words in _spans(pack, level)]
    categories = [pack.category_title(sub.code) for sub in pack.subs]
    must = {pack.role_title("agent"), pack.channel_title("phone"), pack.tier_title("gold"), pack.level(1).name}
    must |= {pack.clock_rule("ACK").title, pack.compensation.kinds[0].title, pack.approval.rules[0].because}
    must |= {pack.cause("man.skill").title, pack.pause_reasons[0].tell_customer, pack.followup.survey[0].text}
    with translation.override("en"):
        left = [w for w in (*said, *spans, *categories) if CHINESE.search(told(w))]
    assert must <= said and spans and categories and not left


def _spans(pack, level):
    rules = (pack.clock(kind, level=level, channel="web") for kind in ("acknowledge", "respond", "solve"))
    return [rule.stated or rule.allowance.words for rule in rules if rule]


def test_a_company_s_own_words_are_shown_as_written():
    with translation.override("en"):
        assert told("我们自己的说法") == "我们自己的说法" and told("") == "" and told("3 个工作日") == "3 working days"
        assert (
            told("方案审批（AP-2）") == "Solution approval (AP-2)" and told("我们的时限（X-1）") == "我们的时限（X-1）"
        )
    with translation.override("zh-hans"):
        assert told("3 个工作日") == "3 个工作日"


def test_the_switch_is_remembered_and_dates_are_said_in_the_reader_s_way(client, story):
    case = story.receives(KETTLE, channel="web")
    address = page_of(case, story)
    assert "11月16日（周一）09:30" in words_of(client.get(address))
    client.post("/language/", {"language": "en"}, headers={"Referer": f"http://testserver{address}"})
    page = client.get(address)
    assert 'lang="en"' in page.content.decode() and "Mon 16 Nov, 09:30" in words_of(page)
    for public in ("/", "/notice/", "/new/", "/track/", "/verify/", "/privacy/"):
        text = words_of(client.get(public)).replace("澄光总公司", "").replace("中文", "")
        assert set(CHINESE.findall(text)) <= set("一致不"), public  # the words of the program that checks a receipt


# ── what nobody sends on purpose ──────────────────────────────────────────────────────────────────────────────────


def test_a_page_left_open_for_a_month_still_sends(client, story):
    fields = form(client)
    case = story.receives("门铃不响，换了电池也一样。", channel="web", phone="13900001111", name="李四")
    address = page_of(case, story)
    once = re.search(r'name="once" value="([0-9a-f]{32})"', client.get(address).content.decode()).group(1)
    story.wait(days=30)
    assert client.post("/new/", fields).status_code == 302
    assert client.post(address + "message/", {"text": "一个月前写的", "once": once}).status_code == 302
    assert "一个月前写的" in words_of(client.get(address))


def test_forty_characters_of_name_and_five_hundred_without_a_space(client, story):
    name, text = "阿" * 40, "这是一个没有空格的长句" * 46
    answer = client.post("/new/", form(client, name=name, text=text), follow=True)
    case = Case.objects.get()
    assert answer.status_code == 200 and case.record.contact_name == name and case.record.description == text
    assert text in words_of(client.get(page_of(case, story)))


def test_a_reminder_does_not_throw_away_a_message_half_written(client, story):
    case = story.receives(KETTLE, channel="web")
    page = client.get(page_of(case, story) + "?done=reminded").content.decode()
    assert f'data-draft-done="reminded-{case.number}"' in page and f'data-draft="heard-{case.number}"' in page


def test_an_address_that_does_not_exist_is_told_small_and_with_a_way_on(client, story):
    answer = client.get("/没有这一页/")
    page = answer.content.decode()
    assert answer.status_code == 404 and "没有找到这一页" in page and "/track/" in page
    assert "portal.css" in page and "tabler" not in page  # a customer does not load the desk's stylesheets
    house = letters.head_office()
    assert f"<span>{house.title}</span>" in page and f'href="tel:{house.phone}"' in page


def test_a_page_that_is_not_there_is_told_also_while_the_database_is_away(client, story, monkeypatch):
    def gone():
        raise OperationalError("connection refused")

    monkeypatch.setattr("wenguo.web.doors.head_office", gone)
    page = client.get("/没有这一页/").content.decode()
    assert "没有找到这一页" in page and "<span>投诉受理</span>" in page and "tel:" not in page


def test_the_address_of_a_form_opened_by_itself_is_no_blank_page(client, story):
    client.force_login(story.agent)
    answer = client.get(reverse("desk:notices_read"))
    assert answer.status_code == 405 and answer["Allow"] == "POST" and "不能直接打开" in words_of(answer)
    client.logout()
    assert client.get("/language/").status_code == 405


def test_a_complaint_split_in_two_names_the_other_number_in_plain_words(story, client):
    from wenguo.cases.split import Part, split

    case = story.receives("热水壶漏水了，插座都湿了。客服骂我是乡巴佬，态度恶劣。")
    acceptance.accept(case, by=story.agent, at=story.now)
    (new,) = split(case, [Part("product.function", (0,)), Part("service.attitude", (1,))], by=story.agent, at=story.now)
    for one, other in ((case, new), (new, case)):
        page = words_of(client.get(page_of(one, story)))
        assert "分开办理" in page and other.number in page
    told = words_of(client.get(page_of(case, story)))
    assert "您不必再说一遍" in told and "已拆成几件分别办理" in told

"""The policy on the desk: read, compared, drafted with errors by line, published by another; and the calendar."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from wenguo.policy import loading, versions
from wenguo.policy.versions import Holiday, PolicyVersion


@pytest.fixture(autouse=True)
def fresh() -> Any:
    versions.forget()
    yield
    versions.forget()


@pytest.fixture
def door(client: Client) -> Any:
    def enter(person: Any) -> Client:
        client.force_login(person)
        return client

    return enter


def to(name: str, *args: Any) -> str:
    return reverse(f"desk:{name}", args=args)


def changed(title: str = "新的政策包") -> bytes:
    """The file of the standard pack that holds the title, with another one."""
    for path in sorted(loading.STANDARD.glob("*.yaml")):
        content = yaml.safe_load(path.read_text())
        if "title" in content:
            return yaml.safe_dump({**content, "title": title}, allow_unicode=True).encode()
    raise AssertionError("no file has the title")


def upload(client: Client, *files: tuple[str, bytes], note: str = "") -> Any:
    return client.post(to("policy_draft"), {"files": [SimpleUploadedFile(*f) for f in files], "note": note})


def drafted(client: Client, title: str = "新的政策包") -> PolicyVersion:
    answer = upload(client, ("a.yaml", changed(title)), note="<b>改名</b>")
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    return PolicyVersion.objects.get(state="draft", title=title)


def test_the_pack_in_force_reads_like_a_handbook(desk, door):
    page = door(desk.agent).get(to("policy")).content.decode()
    for words in ("分类体系", "补偿标准", "审批权限", 'id="clocks"', 'href="#clocks"', "未核对", "尚未与官方文本核对"):
        assert words in page, words


def test_a_draft_is_published_by_a_second_person(desk, door):
    version = drafted(door(desk.manager))
    listing = door(desk.manager).get(to("policy_versions")).content.decode()
    assert "需要「发布政策」权限" in listing and "&lt;b&gt;改名" in listing and "<b>改名" not in listing
    soon = timezone.localtime(timezone.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    when = {"effective_from": soon}
    assert door(desk.manager).post(to("policy_publish", version.number), when).status_code == 403
    past = door(desk.executive).post(to("policy_publish", version.number), {"effective_from": "2020-01-01T09:00"})
    assert past.status_code == 422 and "不能早于现在" in past.content.decode()
    assert door(desk.executive).post(to("policy_publish", version.number), {}).status_code == 422
    assert door(desk.executive).post(to("policy_publish", version.number), when).status_code == 302
    version.refresh_from_db()
    assert version.state == "published" and version.published_by == desk.executive
    assert "将于" in door(desk.agent).get(to("policy")).content.decode()
    assert door(desk.executive).post(to("policy_publish", version.number), when).status_code == 409


def test_who_drafted_it_cannot_publish_it(desk, door):
    from wenguo.people.actor import SYSTEM
    from wenguo.people.roles import Role, set_role
    from wenguo.people.staff import give_post

    both = set_role(
        "maker", title="政策员", permissions=["policy.see", "policy.draft", "policy.publish"], scope="own",
        by=SYSTEM, at=desk.now,
    )  # fmt: skip
    assert Role.objects.filter(pk=both.pk).exists()
    give_post(desk.improver, desk.units["zl"], both, by=SYSTEM, at=desk.now)
    version = drafted(door(desk.improver))
    assert "须由起草人以外的另一人发布" in door(desk.improver).get(to("policy_versions")).content.decode()
    refused = door(desk.improver).post(to("policy_publish", version.number), {"now": "1"})
    assert refused.status_code == 403
    version.refresh_from_db()
    assert version.state == "draft"


def test_mistakes_are_told_with_file_and_line(desk, door):
    page = upload(door(desk.manager), ("levels.yaml", b"levels:\n  - {number: 9, title: x}\nnonsense: 1\n"))
    words = page.content.decode()
    assert page.status_code == 422 and "需要改正的地方" in words and "levels.yaml" in words
    assert not PolicyVersion.objects.filter(state="draft").exists()
    for files in ((), (("a.zip", b"PK\x03\x04 not a zip"),), (("a.yaml", b"title: <script>alert(1)</script>: [\n"),)):
        refused = upload(door(desk.manager), *files)
        assert refused.status_code == 422 and "<script>alert" not in refused.content.decode()
    assert door(desk.agent).get(to("policy_draft")).status_code == 403


def foreign(words: str) -> list[str]:
    """What is Chinese in these words and does not quote what was given."""
    return re.findall(r"[\u3000-\u9fff\uff00-\uffef]+", re.sub("“[^”]*”|<[^>]*>", "", words))


def in_english(door: Any, person: Any) -> Client:
    type(person).objects.filter(pk=person.pk).update(language="en")
    client = door(person)
    client.cookies["django_language"] = "en"
    return client


def test_mistakes_are_told_in_the_language_of_the_administrator(desk, door):
    client = in_english(door, desk.manager)
    broken = b"levels:\n  - {number: 9, title: x}\nthresholds: 3\nclocks: {rules: [{id: A, kind: x}]}\nnonsense: 1\n"
    unlike = b"decision_tree: []\nwords:\n  - {list: nowhere, add: []}\n"
    for content in (broken, unlike, b"", b"- a\n", b"levels: [\n", b"a: &x [1]\nb: *x\n", b"title: 1\ntitle: 2\n"):
        page = upload(client, ("levels.yaml", content))
        assert page.status_code == 422
        problems = page.content.decode().split('id="problems"')[1].split("</section>")[0]
        assert "levels.yaml" in problems or "Policy pack" in problems
        assert not foreign(problems), foreign(problems)


def test_one_zip_does_as_well_as_many_files(desk, door):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("pack/title.yaml", changed("压缩包里的政策"))
        archive.writestr("__MACOSX/pack/._title.yaml", b"junk")
        archive.writestr("readme.txt", b"hello")
    assert upload(door(desk.manager), ("pack.zip", packed.getvalue())).status_code == 302
    assert PolicyVersion.objects.filter(state="draft", title="压缩包里的政策").exists()


def test_two_versions_are_compared_and_a_draft_is_discarded(desk, door):
    version = drafted(door(desk.manager))
    page = door(desk.agent).get(to("policy_compare"), {"a": 1, "b": version.number}).content.decode()
    assert "1 处改动" in page and "标准政策包" in page and "新的政策包" in page
    assert "两版内容相同" in door(desk.agent).get(to("policy_compare"), {"a": 1, "b": 1}).content.decode()
    assert door(desk.agent).get(to("policy_compare"), {"a": 1, "b": 99}).status_code == 404
    assert door(desk.agent).post(to("policy_discard", version.number)).status_code == 403
    assert door(desk.manager).post(to("policy_discard", version.number)).status_code == 302
    assert door(desk.manager).post(to("policy_discard", version.number)).status_code == 409


def test_a_version_downloads_as_yaml_that_can_be_uploaded_again(desk, door):
    text = door(desk.manager).get(to("policy_download", 1)).content
    same = upload(door(desk.manager), ("policy.yaml", text))
    assert same.status_code == 422 and "完全相同" in same.content.decode()


# ── the calendar ──

NOTICE = "2027-01-01,元旦,休\n2027-02-06,春节,休\n2027-02-20,春节,班\n2027-05-01,劳动节,休\n2027-10-01,国庆节,休\n"


def test_a_year_shows_holidays_and_worked_weekends(desk, door):
    page = door(desk.agent).get(to("calendar"), {"year": "2026"}).content.decode()
    assert 'title="2026-10-01 国庆节放假"' in page and "2026-10-10 国庆节调休上班 09:00" in page
    month = door(desk.agent).get(to("calendar"), {"year": "2026", "month": "10"}).content.decode()
    assert "18 个工作日" in month  # 31 days, 9 weekend days, 5 holidays on weekdays, one Saturday worked
    assert door(desk.agent).get(to("calendar"), {"calendar": "nonsense"}).status_code == 404
    assert door(desk.agent).get(to("calendar"), {"year": "99999", "month": "13"}).status_code == 200


def test_a_due_time_is_tried_out_and_explained(desk, door):
    asked = {"start": "2026-09-30T16:00", "amount": "4", "unit": "hours"}
    page = door(desk.agent).get(to("calendar"), asked).content.decode()
    assert "2026-10-08 11:00" in page and "国庆节放假" in page  # two hours on Wednesday, two after the holiday
    assert (
        "3 个工作日（至当日下班）"
        in door(desk.agent).get(to("calendar"), {**asked, "amount": "3", "unit": "working_days_end"}).content.decode()
    )
    for wrong in ({"amount": "0"}, {"unit": "years"}, {"start": "gestern"}, {"amount": "999999"}):
        refused = door(desk.agent).get(to("calendar"), {**asked, **wrong})
        assert refused.status_code == 422, wrong


def test_next_years_notice_is_checked_and_then_imported(desk, door):
    assert "2027 年的放假安排尚未导入" in door(desk.agent).get(to("calendar")).content.decode()
    client = door(desk.admin)
    checked = client.post(to("calendar_notice"), {"text": NOTICE, "source": "国办发明电〔2026〕7号"})
    words = checked.content.decode()
    assert checked.status_code == 200 and "尚未导入" in words and "2027-02-20" in words
    assert not Holiday.objects.exists()
    done = client.post(to("calendar_notice"), {"text": NOTICE, "step": "import", "source": "国办"})
    assert done.status_code == 302 and Holiday.objects.filter(year=2027).count() == 5
    assert "2027 年的放假安排尚未导入" not in client.get(to("calendar")).content.decode()


def test_a_notice_with_mistakes_names_each_and_changes_nothing(desk, door):
    client = door(desk.admin)
    wrong = client.post(to("calendar_notice"), {"text": "2027-13-01,元旦,休\n2027-02-06,<script>,也许\n"})
    words = wrong.content.decode()
    assert wrong.status_code == 422 and "第 1 行" in words and "第 2 行" in words and "<script>,也许" not in words
    assert client.post(to("calendar_notice"), {"text": " "}).status_code == 422
    odd = SimpleUploadedFile("n.csv", b"\xff\xfe\xff\xff\x00")
    assert client.post(to("calendar_notice"), {"file": odd}).status_code == 422
    assert door(desk.agent).get(to("calendar_notice")).status_code == 403
    assert not Holiday.objects.exists()


def test_a_notice_with_mistakes_is_refused_in_the_language_of_the_administrator(desk, door):
    client = in_english(door, desk.admin)
    for text in (
        "2027-13-01,元旦,休\n2027-02-06,<script>,也许\n2027-03-01\n", "2027-01-01,元旦,休\n", "[1, 2", "[]",
        '{"year": 1, "days": []}', '{"year": 2027, "days": []}', '{"year": 2027, "days": [{"date": "2029-01-01"}, 3]}',
    ):  # fmt: skip
        page = client.post(to("calendar_notice"), {"text": text})
        assert page.status_code == 422
        form = page.content.decode().split('action="/desk/policy/calendar/notice/"')[1].split('name="file"')[0]
        assert re.search("[a-z]", re.sub("<[^>]*>", "", form)) and not foreign(form), foreign(form)


def test_the_handbook_costs_few_queries(desk, door, django_assert_max_num_queries):
    client = door(desk.agent)
    client.get(to("policy"))
    with django_assert_max_num_queries(18):
        client.get(to("policy"))

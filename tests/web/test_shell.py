"""The shell every screen stands in: refusals, panels, signing in, headers, forms, long lists, templates."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.totp.internal import auth
from django.core.cache import cache
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template import engines
from django.test import Client
from django.urls import include, path
from django.utils import timezone
from jinja2 import ChoiceLoader, DictLoader

from wenguo import away
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people import signin
from wenguo.people.staff import Person
from wenguo.web import doors, filters, jinja
from wenguo.web.given import Given
from wenguo.web.keyset import capped_count, keyset

WEB = Path(doors.__file__).parent
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
PASSWORD = "Chengguang-2026"


def refuse(request: HttpRequest) -> HttpResponse:
    raise Invalid("有 2 处需要修改", fields={"words": "请填写<经过>", "amount": "金额不对"})


def too_early(request: HttpRequest) -> HttpResponse:
    raise NotNow("还不能结案", missing=["回访", "责任认定"])


def gone(request: HttpRequest) -> HttpResponse:
    raise Http404


def lost(request: HttpRequest) -> HttpResponse:
    raise OperationalError("connection refused")


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a bug")


@doors.desk
def inside(request: HttpRequest) -> HttpResponse:
    return doors.page(request, "errors/page.html", {"title": "里面", "advice": "到了"}, follow=["queue"])


@doors.desk(permission="policy.publish")
def publish(request: HttpRequest) -> HttpResponse:
    return HttpResponse("published")


@doors.desk
def act(request: HttpRequest) -> HttpResponse:
    names = ("_test_first.html", "_test_second.html")
    return doors.panels(request, *names, context={"words": "<好>"}, to="/case/", said="已保存")


urlpatterns = [
    path("refuse/", refuse),
    path("early/", too_early),
    path("gone/", gone),
    path("away/", lost),
    path("broken/", broken),
    path("inside/", inside),
    path("publish/", publish),
    path("act/", act),
    path("accounts/", include("wenguo.web.signin")),
    path("", include("wenguo.web.urls")),
]
handler404, handler500 = "wenguo.web.doors.not_found", "wenguo.web.doors.server_error"
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture(autouse=True)
def forget_limits() -> None:
    cache.clear()


@pytest.fixture
def browser() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def person(db: None) -> Person:
    return Person.objects.create_user("fanglin", PASSWORD, name="方琳")


def sign_in(browser: Client, username: str, password: str) -> Any:
    return browser.post("/accounts/login/", {"login": username, "password": password})


# ── refusals ──


def test_a_refused_form_shows_what_is_wrong_and_gives_back_what_was_typed(browser: Client) -> None:
    answer = browser.post(
        "/refuse/",
        {"words": "<script>漏电</script>", "password": "secret"},
        headers={"referer": "http://testserver/form/?a=1"},
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "请填写&lt;经过&gt;" in page and "金额不对" in page
    assert "&lt;script&gt;漏电&lt;/script&gt;" in page and "secret" not in page
    assert 'href="/form/?a=1"' in page


def test_a_foreign_page_is_never_the_way_back(browser: Client) -> None:
    page = browser.post("/refuse/", headers={"referer": "http://evil.example/form/"}).content.decode()
    assert "evil.example" not in page


def test_for_htmx_a_refusal_is_a_notice_and_the_page_stays(browser: Client) -> None:
    answer = browser.post("/refuse/", {"words": "漏电"}, headers={"hx-request": "true"})
    assert answer.status_code == 422
    assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#said", "beforeend")
    told = json.loads(answer["HX-Trigger"])["wenguo:refused"]
    assert told["fields"] == {"words": "请填写<经过>", "amount": "金额不对"}
    assert "<html" not in answer.content.decode() and "请填写&lt;经过&gt;" in answer.content.decode()


def test_what_is_missing_is_listed(browser: Client) -> None:
    answer = browser.post("/early/")
    assert answer.status_code == 409
    assert all(word in answer.content.decode() for word in ("还不能结案", "回访", "责任认定"))


@pytest.mark.django_db
def test_error_pages_say_what_happened_and_what_to_do(browser: Client) -> None:
    for address, status, words in (
        ("/gone/", 404, "没有找到这一页"),
        ("/nowhere/", 404, "没有找到这一页"),
        ("/broken/", 500, "系统出了差错"),
        ("/away/", 503, "暂时连接不上数据库"),
    ):
        answer = browser.get(address)
        assert answer.status_code == status and words in answer.content.decode(), address
        by_htmx = browser.get(address, headers={"hx-request": "true"})
        assert by_htmx.status_code == status and words in by_htmx.content.decode()
        assert by_htmx["HX-Retarget"] == "#said" and "<html" not in by_htmx.content.decode()


def test_a_stale_form_gives_back_what_was_typed() -> None:
    answer = Client(enforce_csrf_checks=True).post("/refuse/", {"words": "漏电三天了", "password1": "geheim"})
    page = answer.content.decode()
    assert answer.status_code == 403 and "漏电三天了" in page and "geheim" not in page


def test_only_a_database_that_is_away_is_told_as_away() -> None:
    class Cause(Exception):
        sqlstate = "57014"  # a statement took too long

    failed = OperationalError("canceling statement")
    failed.__cause__ = Cause()
    assert not away.words(failed) and away.words(OperationalError("refused")) == "暂时连接不上数据库"
    Cause.sqlstate = "57P01"
    assert away.words(failed) == "暂时连接不上数据库"
    for state in ("25006", "53100"):  # read-only; disk full
        Cause.sqlstate = state
        assert away.words(failed) == "数据库暂时不能写入"
    assert not away.words(ValueError("refused"))


# ── who may enter, and what is shown ──


@pytest.mark.django_db
def test_strangers_are_sent_to_sign_in(browser: Client) -> None:
    assert browser.get("/inside/?a=1")["Location"] == "/login/?next=/inside/%3Fa%3D1"
    answer = browser.post("/inside/", headers={"hx-request": "true"})
    assert answer.status_code == 401 and "登录已过期" in answer.content.decode()


def test_a_page_of_the_desk_has_frame_and_live_address(browser: Client, person: Person) -> None:
    browser.force_login(person)
    page = browser.get("/inside/").content.decode()
    assert "到了" in page and re.search(r'data-live="http://testserver:\d+/live\?token=', page)


def test_without_the_permission_the_door_stays_shut(browser: Client, person: Person) -> None:
    browser.force_login(person)
    assert browser.get("/publish/").status_code == 403
    with pytest.raises(NotYours):
        publish(_request(person))


def test_a_password_set_by_somebody_else_is_changed_first(browser: Client, person: Person) -> None:
    Person.objects.filter(pk=person.pk).update(must_change_password=True)
    browser.force_login(person)
    assert browser.get("/inside/")["Location"] == "/accounts/password/change/"
    new = {"oldpassword": PASSWORD, "password1": "Haoting-de-mima-7", "password2": "Haoting-de-mima-7"}
    assert browser.post("/accounts/password/change/", new).status_code == 302
    assert browser.get("/inside/").status_code == 200


def test_the_old_password_is_not_a_new_one(browser: Client, person: Person) -> None:
    browser.force_login(person)
    same = {"oldpassword": PASSWORD, "password1": PASSWORD, "password2": PASSWORD}
    assert "新密码不能与原密码相同" in browser.post("/accounts/password/change/", same).content.decode()


@pytest.fixture
def panel_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    env = engines.all()[0].env
    parts = {
        f"_test_{n}.html": f'<section id="{n}" class="panel">{{{{ words }}}}</section>' for n in ("first", "second")
    }
    monkeypatch.setattr(env, "loader", ChoiceLoader([DictLoader(parts), env.loader]))


def test_panels_swap_the_first_and_send_the_others_along(
    browser: Client, person: Person, panel_templates: None
) -> None:
    browser.force_login(person)
    answer = browser.post("/act/", headers={"hx-request": "true"})
    page = answer.content.decode()
    assert answer["HX-Retarget"] == "#first" and answer["HX-Reswap"] == "outerHTML"
    assert '<section id="first" class="panel">&lt;好&gt;</section>' in page
    assert '<section hx-swap-oob="true" id="second"' in page
    assert 'hx-swap-oob="beforeend:#said"' in page and "已保存" in page
    assert browser.post("/act/")["Location"] == "/case/"


# ── signing in ──


def test_five_wrong_passwords_lock_for_a_quarter_of_an_hour(browser: Client, person: Person) -> None:
    for _ in range(signin.LOCK_AFTER - 1):
        assert "用户名或密码不正确" in sign_in(browser, "fanglin", "wrong").content.decode()
    assert "已锁定；请 15 分钟后再试" in sign_in(browser, "fanglin", "wrong").content.decode()
    assert "已锁定" in sign_in(browser, "fanglin", PASSWORD).content.decode()  # even the right one
    Person.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert sign_in(browser, "fanglin", PASSWORD).status_code == 302


def test_a_name_nobody_has_is_answered_and_locked_alike(browser: Client, person: Person) -> None:
    def told(name: str) -> list[list[str]]:
        pages = [sign_in(browser, name, "wrong-one").content.decode() for _ in range(signin.LOCK_AFTER + 1)]
        return [re.findall(r"<p>(.*?)</p>", page) for page in pages]

    assert told("fanglin") == told("nobody-here")


def test_a_lock_is_the_same_whatever_the_case_of_the_letters(browser: Client, person: Person) -> None:
    for _ in range(signin.LOCK_AFTER):
        sign_in(browser, "FangLin", "wrong")
    assert "已锁定" in sign_in(browser, "fanglin", PASSWORD).content.decode()


def test_success_forgets_the_failures_and_is_recorded(browser: Client, person: Person) -> None:
    sign_in(browser, "fanglin", "wrong")
    assert sign_in(browser, "fanglin", PASSWORD).status_code == 302
    person.refresh_from_db()
    assert person.failed_logins == 0
    from wenguo.journal import Event

    assert "staff.signed_in" in Event.objects.values_list("type", flat=True)


def test_strange_names_are_refused_calmly(browser: Client, db: None) -> None:
    for name in ("a\x00b", "' or 1=1 --", "😀" * 20, "王" * 200, ""):
        assert sign_in(browser, name, "x").status_code == 200


@pytest.mark.django_db
def test_nobody_signs_up_or_resets_by_mail(browser: Client) -> None:
    for address in ("/accounts/signup/", "/accounts/password/reset/", "/accounts/email/"):
        assert browser.get(address).status_code == 404


def test_the_second_factor_is_asked_for(browser: Client, person: Person) -> None:
    secret = auth.generate_totp_secret()
    auth.TOTP.activate(person, secret)
    assert sign_in(browser, "fanglin", PASSWORD)["Location"] == "/accounts/2fa/authenticate/"
    page = browser.get("/accounts/2fa/authenticate/").content.decode()
    assert "六位验证码" in page and browser.get("/inside/").status_code == 302
    assert "验证码不正确" in browser.post("/accounts/2fa/authenticate/", {"code": "000000"}).content.decode()
    assert browser.post("/accounts/2fa/authenticate/", {"code": _code(secret)}).status_code == 302
    assert browser.get("/inside/").status_code == 200


def test_the_second_factor_is_set_up_and_taken_down(browser: Client, person: Person) -> None:
    def see(address: str, words: str) -> str:
        page = browser.get(address, follow=True).content.decode()
        assert words in page and "闻过" in page, address
        return page

    sign_in(browser, "fanglin", PASSWORD)
    see("/accounts/password/change/", "再写一遍新密码")
    see("/accounts/logout/", "退出登录")
    see("/accounts/2fa/", "开启两步验证")
    see("/accounts/2fa/totp/activate/", "请再确认一次身份")
    again = browser.post("/accounts/reauthenticate/?next=/accounts/2fa/totp/activate/", {"password": PASSWORD})
    assert again["Location"] == "/accounts/2fa/totp/activate/"
    page = see("/accounts/2fa/totp/activate/", "二维码")
    secret = re.findall(r"<code>([A-Z2-7]+)</code>", page)[0]
    assert browser.post("/accounts/2fa/totp/activate/", {"code": _code(secret)}).status_code == 302
    assert len(re.findall(r"<li><code>", see("/accounts/2fa/recovery-codes/", "每个只能用一次"))) == 10
    see("/accounts/2fa/", "还有 10 个备用码可用")
    see("/accounts/2fa/recovery-codes/generate/", "原来的 10 个作废")
    see("/accounts/2fa/totp/deactivate/", "登录只凭密码")
    browser.post("/accounts/2fa/totp/deactivate/")
    assert "两步验证已关闭" in see("/accounts/2fa/", "开启两步验证")


def _code(secret: str) -> str:
    return str(auth.format_hotp_value(auth.hotp_value(secret, next(auth.yield_hotp_counters_from_time()))))


def test_the_language_is_switched_and_kept(browser: Client, person: Person) -> None:
    browser.force_login(person)
    answer = browser.post("/language/", {"language": "en"}, headers={"referer": "http://testserver/inside/"})
    assert answer["Location"] == "http://testserver/inside/" and answer.cookies["django_language"].value == "en"
    person.refresh_from_db()
    assert person.language == "en"
    assert (
        browser.post("/language/", {"language": "xx"}, headers={"referer": "http://evil.example/"})["Location"] == "/"
    )


# ── headers and templates ──


def test_every_answer_forbids_inline_script_and_framing(browser: Client) -> None:
    answer = browser.get("/gone/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert re.search(r"connect-src 'self' http://testserver:\d+(;|$)", policy)
    assert answer["X-Frame-Options"] == "DENY" and answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda f: str(f.relative_to(WEB / "templates")))
def test_templates_compile_and_hold_no_inline_script_or_style(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    engines.all()[0].get_template(str(file.relative_to(WEB / "templates")))
    assert not re.search(r"<[^>]+\son[a-z]+=", source), "an inline event handler"
    assert not re.search(r"<[^>]+\sstyle=", source), "an inline style"
    assert not re.search(r"<style\b", source), "an inline stylesheet"
    for script in re.findall(r"<script\b([^>]*)>", source):
        assert "src=" in script or 'type="application/json"' in script, script
    assert "|safe" not in source.replace(" ", ""), "what is marked safe is not escaped"


def test_every_icon_named_exists() -> None:
    if not jinja._icons():
        pytest.skip("SKIPPED: the browser parts are not installed; run `npm ci && npm run assets`")
    named = {
        (file.name, name)
        for file in TEMPLATES
        for call in re.findall(r"icon\(([^)]*)\)", file.read_text(encoding="utf-8"))
        for name in re.findall(r'^"([a-z0-9-]+)"', call)
    }
    assert named and not {(file, name) for file, name in named if name not in jinja._icons()}


def test_the_first_page_for_customers_is_light() -> None:
    own = [WEB / "static" / name for name in ("portal.css", "portal.js", "theme.js", "logo.svg")]
    assert sum(file.stat().st_size for file in own) < 40 * 1024
    assert set(re.findall(r'static\("([^"]+)"\)', (WEB / "templates/portal/base.html").read_text())) == {
        f.name for f in own
    }


# ── sums ──

AT = datetime(2026, 11, 22, 5, 10, tzinfo=UTC)  # 13:10 in Beijing


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (200, "还剩 3 小时 20 分"), (0.5, "还剩 不到 1 分钟"), (0, "已超 不到 1 分钟"), (-1500, "已超 1 天 1 小时"),
        (60, "还剩 1 小时"), (2880, "还剩 2 天"), (1445, "还剩 1 天"), (-20, "已超 20 分钟"),
    ],
)  # fmt: skip
def test_time_left_in_words(minutes: float, words: str) -> None:
    shown = filters.remaining(AT + timedelta(minutes=minutes), AT)
    assert shown == words or (minutes == 1445 and shown == "还剩 1 天 5 分")


def test_how_long_ago_in_words() -> None:
    said = [filters.since(AT - timedelta(minutes=minutes), AT) for minutes in (0.5, 2, 62, 1500)]
    assert said == ["刚刚", "2 分钟前", "1 小时 2 分前", "1 天 1 小时前"]


def test_values_look_as_the_trade_writes_them() -> None:
    assert filters.local_time(AT) == "2026-11-22 13:10"
    assert filters.short_time(AT + timedelta(hours=3), AT) == "今天 16:10"
    assert filters.short_time(AT + timedelta(hours=11), AT) == "明天 00:10"  # in Beijing, not in Greenwich
    assert filters.short_time(AT - timedelta(days=3), AT) == "11-19 13:10"
    assert filters.short_time(AT - timedelta(days=400), AT) == "2025-10-18 13:10"
    assert (filters.money(123450), filters.money(-5), filters.money(0)) == ("1,234.50 元", "-0.05 元", "0.00 元")
    assert (filters.count(1204), filters.count(1001, 1000), filters.count(1000, 1000)) == ("1,204", "1,000+", "1,000")
    assert filters.percent(0.934, 1) == "93.4%" and filters.excerpt("长" * 80, 10) == "长" * 9 + "…"


def test_what_somebody_wrote_is_escaped_in_paragraphs() -> None:
    words = filters.paragraphs("一\r\n二<script>\n\n\n三 & 四")
    assert words == "<p>一<br>二&lt;script&gt;</p><p>三 &amp; 四</p>"
    assert "</script>" not in filters.json_block({"a": "</script><b>&"})
    assert json.loads(str(filters.json_block({"a": "</script>", "t": AT})))["a"] == "</script>"


def test_a_model_and_a_telephone_are_held_together_and_the_rest_is_escaped():
    held = '<span class="nowrap">{}</span>'
    assert filters.whole("变频空调 CK-35A <b>") == f"变频空调 {held.format('CK-35A')} &lt;b&gt;"
    assert filters.whole("拨400-000-0817或12315") == f"拨{held.format('400-000-0817')}或12315"
    assert "<span" not in filters.whole("A-" * 60) and "<span" not in filters.whole("长" * 500 + "-")
    assert filters.whole(None) == ""


@pytest.mark.parametrize(
    ("written", "fen"),
    [("12", 1200), ("1,234.5", 123450), ("¥ 0.01", 1), ("100元", 10000), ("", None), ("１２.５", 1250)],
)
def test_amounts_as_people_write_them(written: str, fen: int | None) -> None:
    given = Given(QueryDict(mutable=True))
    given.data = _posted(amount=written)
    assert given.fen("amount", "金额") == fen and not given.wrong


@pytest.mark.parametrize("written", ["-1", "1.234", "abc", "NaN", "Infinity", "1e400", "9" * 40, "1e-3"])
def test_amounts_that_are_none(written: str) -> None:
    given = Given(_posted(amount=written))
    assert given.fen("amount", "金额") is None
    with pytest.raises(Invalid) as refused:
        given.check()
    assert refused.value.fields.keys() == {"amount"}


def test_all_mistakes_of_a_form_are_told_together() -> None:
    given = Given(_posted(words="   ", long="字" * 30, level="9", when="2026-13-40T10:00", n="3.5", many=["a", "x"]))
    given.text("words", "经过")
    given.text("long", "标题", most=20)
    given.choice("level", "级别", {"1", "2"})
    given.moment("when", "时间")
    given.whole("n", "天数", least=1, most=30)
    given.choices("many", "渠道", {"a", "b"})
    with pytest.raises(Invalid) as refused:
        given.check()
    assert refused.value.fields == {
        "words": "请填写经过", "long": "标题最多 20 字，现在 30 字", "level": "请选择级别",
        "when": "时间不是有效的时间", "n": "天数应为 1 到 30 之间的整数", "many": "请选择渠道",
    }  # fmt: skip


def test_moments_are_read_on_the_wall_clock_and_text_without_control_characters() -> None:
    given = Given(_posted(when="2026-11-22T13:10", words="a\x00b\r\nc\x1b‮d\ud800"))
    assert given.moment("when", "时间") == AT
    assert given.text("words", "经过") == "ab\nc‮d"  # a right-to-left mark is somebody's word


@pytest.mark.django_db
def test_slices_show_every_row_once_nulls_and_equals_included() -> None:
    for n in range(23):
        until = None if n % 3 == 0 else AT + timedelta(minutes=n % 4)
        Person.objects.create(username=f"slice{n}", name=f"甲{n}", locked_until=until)
    rows = Person.objects.filter(username__startswith="slice")
    for order in (("locked_until", "pk"), ("-locked_until", "-pk"), ("-locked_until", "pk")):
        seen: list[int] = []
        after = ""
        while True:
            part = keyset(rows, *order, after=after, size=4)
            seen += [row.pk for row in part.rows]
            if not (after := part.after):
                break
        assert len(seen) == len(set(seen)) == 23
        first = keyset(rows.values("pk", "locked_until", "name"), *order, size=23)
        assert [row["pk"] for row in first.rows] == seen and first.after == ""
    assert capped_count(rows, 10) == 11 and capped_count(rows, 23) == 23


@pytest.mark.django_db
@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "WyJhIiwgImIiXQ", "WzFd", "W10", "é"])
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        keyset(Person.objects.all(), "locked_until", "pk", after=cursor)


def _posted(**fields: Any) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, value in fields.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def _request(person: Person) -> HttpRequest:
    request = HttpRequest()
    request.user = person
    return request

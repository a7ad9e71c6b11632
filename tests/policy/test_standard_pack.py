"""The pack we ship holds every number of the trade."""

from __future__ import annotations

import pytest

from wenguo.policy import loading
from wenguo.policy.schema import Missing, Pack


def test_five_classes_and_twenty_five_sub_classes(pack: Pack) -> None:
    assert {c.title: len(c.subs) for c in pack.taxonomy} == {
        "产品质量": 7, "服务态度": 5, "价格政策": 4, "售后支持": 6, "信息安全": 3,
    }  # fmt: skip
    assert all(3 <= len(s.statements) <= 6 and s.questions and s.hints for s in pack.subs)
    assert pack.category_title("aftersales.return_exchange") == "售后支持 · 退换货"
    assert pack.statement("product.function.no_start").text == "产品无法开机或无法启动"


@pytest.mark.parametrize(
    ("level", "respond", "solve", "by"),
    [
        (1, {"hours": 2}, {"working_days": 1, "rounding": "same_time"}, "executive"),
        (2, {"hours": 4}, {"working_days": 2, "rounding": "same_time"}, "manager"),
        (3, {"working_days": 1, "rounding": "same_time"}, {"working_days": 3, "rounding": "same_time"}, "senior_agent"),
        (4, {"working_days": 2, "rounding": "same_time"}, {"working_days": 7, "rounding": "same_time"}, "agent"),
    ],
)
def test_clock_table(pack: Pack, level: int, respond: dict, solve: dict, by: str) -> None:
    for kind, expected in (("respond", respond), ("solve", solve)):
        rule = pack.clock(kind, level=level)
        assert rule is not None and rule.allowance.spec == expected
        assert rule.warnings == (50, 75, 90) and rule.beyond_step == 50 and rule.escalate
    assert pack.level(level).handled_by == by


def test_every_allowance_is_one_the_promise_can_compute(pack: Pack) -> None:
    from wenguo.policy import promise

    for rule in pack.clocks.rules:
        assert promise.Allowance.from_spec(rule.allowance.spec).words()
    for regime in pack.clocks.regimes:
        for extension in regime.extensions:
            assert promise.Allowance.from_spec(extension.adds.spec).unit == "natural_days"


def test_public_posts_are_answered_within_thirty_minutes_round_the_clock(pack: Pack) -> None:
    for channel in ("weibo", "douyin", "review_site"):
        rule = pack.clock("acknowledge", channel=channel, level=4)
        assert rule is not None and rule.id == "ACK-PUBLIC" and rule.allowance.spec == {"minutes_24x7": 30}
        assert rule.starts == "published" and rule.calendar == "hotline"
    assert pack.clock("acknowledge", channel="phone").allowance.spec == {"hours": 2}  # type: ignore[union-attr]


def test_follow_ups(pack: Pack) -> None:
    first, second = pack.clock("followup", step=1), pack.clock("followup", step=2)
    assert first is not None and first.allowance.spec == {"working_days": 3, "rounding": "end_of_day"}
    assert second is not None and second.allowance.spec == {"natural_days": 15}
    assert [pack.clock_rule(s.clock) for s in pack.followup.steps] == [first, second]


@pytest.mark.parametrize(
    ("regime", "spec", "extensions"),
    [
        ("nfra", {"natural_days": 15}, [15, 30]),
        ("samr", {"working_days": 7, "rounding": "end_of_day"}, []),
        ("odr", {"working_days": 10, "rounding": "end_of_day"}, []),
        ("telecom", {"natural_days": 15}, []),
        ("express", {"natural_days": 7}, []),
        ("air", {"working_days": 10, "rounding": "end_of_day"}, []),
        ("refund", {"natural_days": 15}, []),
    ],
)
def test_statutory_profiles(pack: Pack, regime: str, spec: dict, extensions: list[int]) -> None:
    rule = pack.clock("statutory", regime=regime)
    assert rule is not None and rule.allowance.spec == spec and not rule.pausable
    profile = pack.regime(regime)
    assert [e.adds.natural_days for e in profile.extensions] == extensions
    assert not profile.verified and profile.verify_note and profile.version, "nobody has read the official text yet"


def test_an_old_case_keeps_the_old_regulation(pack: Pack) -> None:
    from datetime import date

    assert pack.regime("samr_2020").in_force(date(2026, 4, 14)) and not pack.regime("samr").in_force(date(2026, 4, 14))
    assert pack.regime("samr").in_force(date(2026, 4, 15)) and not pack.regime("samr_2020").in_force(date(2026, 4, 15))


def test_waiting_for_the_customer_never_stops_the_law(pack: Pack) -> None:
    for reason in pack.pause_reasons:
        assert "statutory" not in reason.pauses


def test_a_switched_off_promise_starts_no_clock(pack: Pack) -> None:
    assert pack.clock_rule("FIRST-CONTACT").on is False
    assert pack.clock("first_contact", channel="phone") is None


def test_unknown_codes_are_mistakes_of_the_program(pack: Pack) -> None:
    for look_up in (pack.sub, pack.template, pack.regime, pack.pause_reason, pack.role_title, pack.cause, pack.channel):
        with pytest.raises(Missing):
            look_up("nonsense")


def test_templates_are_found_by_use_and_category(pack: Pack) -> None:
    first = pack.templates_for("reply", "product.safety")[0]
    assert first.parts is not None and "reply_safety" in {t.id for t in pack.templates_for("reply", "product.safety")}
    assert "reply_service" not in {t.id for t in pack.templates_for("reply", "product.safety")}
    assert pack.template("public_notice").use == "notice"


def test_the_most_fitting_template_comes_first(pack: Pack) -> None:
    assert pack.templates_for("reply", "product.safety")[0].id == "reply_safety"
    assert pack.templates_for("reply", "product.function")[0].id == "reply_product"


def test_the_texts_are_written_with_chinese_punctuation(pack: Pack) -> None:
    import re

    texts = [t.text for t in pack.templates] + list(pack.wording.openings + pack.wording.empathy)
    assert not [t for t in texts if re.search(r"[\u4e00-\u9fff][,;?!:(]", t)]


def test_a_pack_survives_the_way_through_yaml_and_json(pack: Pack) -> None:
    assert loading.read({"all.yaml": loading.to_yaml(pack)}) == pack
    assert Pack.model_validate(pack.model_dump(mode="json")) == pack


def test_one_file_alone_changes_one_section(pack: Pack) -> None:
    limits = (loading.STANDARD / "limits.yaml").read_text().replace("group_people: 3", "group_people: 4")
    changed = loading.read({"limits.yaml": limits}, base=pack)
    assert changed.thresholds.group_people == 4 and changed.clocks == pack.clocks

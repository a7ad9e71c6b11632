"""Every part on one page, for whoever draws screens; only where DEBUG is on. The words are examples, not data."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from wenguo.errors import Invalid, Refusal
from wenguo.web.doors import page, panels
from wenguo.web.jinja import url
from wenguo.web.keyset import Slice

_ROWS = (
    (
        1,
        "TS-2611-0042-7",
        "空调漏电，客户称将联系媒体；要求今天上门",
        "王**",
        "钻石",
        "调查",
        "张敏",
        40,
        0.93,
    ),
    (2, "TS-2611-0038-K", "退款两周未到账，三次来电", "李*", "金卡", "执行", "李强", 130, 0.8),
    (3, "TS-2611-0031-2", "安装师傅态度差，约定时间迟到三小时", "欧阳**", "普通", "回复", "赵一鸣", 1640, 0.4),
    (4, "TS-2611-0027-P", "发票抬头开错，要求重开", "陈**", "普通", "分级", "", 2900, 0.1),
    (3, "TS-2611-0019-X", "冰箱门封条老化，保修期外要求免费更换", "周*", "普通", "回访", "张敏", -1500, 1.0),
)


def show(request: HttpRequest) -> HttpResponse:
    at = timezone.now()
    if request.method == "POST":
        return _answer(request)
    rows = [
        {
            "level": level, "number": number, "matter": matter, "customer": customer, "tier": tier,
            "stage": stage, "owner": owner, "due_at": at + timedelta(minutes=minutes), "used": used,
        }
        for level, number, matter, customer, tier, stage, owner, minutes, used in _ROWS
    ]  # fmt: skip
    days = [f"11-{d:02d}" for d in range(9, 23)]
    seen = [31, 28, 35, 30, 33, 12, 10, 36, 41, 38, 52, 61, 24, 19]
    context = {
        "at": at,
        "rows": rows,
        "slice": Slice(rows, "more"),
        "volume": {
            "x": days,
            "x_name": "日期",
            "unit": ("件", "件"),
            "series": [{"name": "投诉件", "values": seen, "hrefs": [f"#day-{d}" for d in days]}],
            "band": {"name": "预期范围 (95%)", "low": [max(0, v - 12) for v in [30] * 14], "high": [42] * 14},
            "marks": [{"x": "11-20", "words": "批次 B2309"}],
        },
        "causes": {
            "x": ["电池鼓包", "安装迟到", "退款慢", "客服态度", "发票", "其他"],
            "unit": ("件", "件"),
            "series": [{"name": "件数", "values": [186, 120, 74, 51, 22, 18]}],
        },
        "levels": {
            "x": ["9 月", "10 月", "11 月"],
            "unit": ("件", "件"),
            "series": [
                {"name": name, "values": values, "color": color}
                for name, values, color in (
                    ("一级", [2, 3, 4], "l1"),
                    ("二级", [21, 25, 37], "l2"),
                    ("三级", [180, 170, 220], "c3"),
                    ("四级", [400, 380, 410], "c7"),
                )
            ],
        },
        "steps": [
            {"word": word, "state": "done" if i < 2 else "now" if i == 2 else "todo"}
            for i, word in enumerate(["接收", "分级", "调查", "方案", "执行", "回复", "回访", "结案"])
        ],
    }
    which = request.GET.get("as", "desk")
    if which == "portal":
        return render(request, "styleguide_portal.html", context)
    if which == "print":
        return render(request, "styleguide_print.html", context)
    return page(request, "styleguide.html", context, here="queue", follow=["queue"])


def _answer(request: HttpRequest) -> HttpResponse:
    """The form of the guide: refuses, fails or accepts as asked."""
    ask = request.POST.get("ask")
    if ask == "refuse":
        raise Invalid(
            "有 2 处需要修改", fields={"words": "请填写经过", "amount": "金额应为不小于 0 的金额，最多两位小数"}
        )
    if ask == "fail":
        raise RuntimeError("styleguide: a failure on purpose")
    if ask == "busy":
        raise Refusal("刚被他人更新，请刷新后再试")
    return panels(request, "_styleguide_panel.html", context={"done": True}, to=url("web:styleguide"), said="已保存")

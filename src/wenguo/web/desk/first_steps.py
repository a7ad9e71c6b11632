"""The first steps of a new company, on 今日 of whoever manages its people: what to set up, in which order, where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from wenguo.cases.case import Case
from wenguo.people.staff import Person
from wenguo.people.units import Unit
from wenguo.policy.versions import PolicyVersion
from wenguo.web.doors import may
from wenguo.web.jinja import url


@dataclass(frozen=True)
class Step:
    """One thing to set up; `waits`: while it is undone the list stays, whatever else has happened."""

    done: bool
    title: str
    why: str
    href: str
    waits: bool = True


def first_steps(person: Any, at: datetime) -> list[Step]:
    """All steps with what is done of them; none for who does not manage people, and none once the company works."""
    if not may(person, "people.manage"):
        return []
    units = list(Unit.objects.working().order_by("path")[:2])
    head = next((u for u in units if u.parent_id is None), None)
    able = Person.objects.able
    serves = able("case.register", at=at).exists() and able("case.supervise", at=at).exists()
    found = [
        Step(
            bool(head and head.phone), _("写上本单位的名称和客服电话"), _("网站、回执和答复都用它"),
            url("desk:unit", head.pk) if head else url("desk:unit_new"),
        ),
        Step(len(units) > 1, _("设立部门"), _("投诉按责任矩阵转给有这项职能的部门"), url("desk:unit_new")),
        Step(serves, _("建立客服与主管的账号"), _("至少一人能登记投诉，一人能督办"), url("desk:hire")),
        Step(
            able("people.manage", at=at).count() > 1, _("请第二位管理员"),
            _("给自己任职、重设密码都须由另一位来做"), url("desk:hire"),
            waits=False,
        ),
        Step(
            PolicyVersion.objects.count() > 1, _("核对政策"), _("先按标准政策办；要改时一人起草，由高级管理层发布"),
            url("desk:policy"), waits=False,
        ),
        Step(
            bool(settings.EMAIL_HOST), _("配置发信服务"), _("未配置时邮件只存于发件箱"), url("desk:health"),
            waits=False,
        ),
        Step(Case.objects.exists(), _("收到第一件投诉"), _("客户在网站提交，或客服登记"), url("portal:home")),
    ]  # fmt: skip
    return found if any(step.waits and not step.done for step in found) else []

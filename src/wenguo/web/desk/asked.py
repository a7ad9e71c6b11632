"""What an address may ask of the queue: fields, orders, columns. A view of one's own keeps these."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _lazy

NEWEST = ("-received_at", "-pk")
# What an address may ask of a list, beside the place in it; a view of one's own keeps these.
ASKED = (
    "view", "q", "stage", "level", "category", "channel", "nature", "unit", "owner", "flag", "within", "from", "to",
    "due", "batch", "urged", "returned", "letters", "risk", "order",
)  # fmt: skip
ORDERS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "due": (_lazy("时限近的在前"), ("next_due_at", "pk")),
    "level": (_lazy("等级高的在前"), ("level", "next_due_at", "pk")),
    "new": (_lazy("新收到的在前"), NEWEST),
    "old": (_lazy("早收到的在前"), ("received_at", "pk")),
}
# What a list can show beside number and matter, in this order: {key: words}.
OFFERED = {
    "level": _lazy("等级"),
    "customer": _lazy("客户"),
    "stage": _lazy("阶段"),
    "owner": _lazy("负责人"),
    "unit": _lazy("部门"),
    "category": _lazy("分类"),
    "product": _lazy("产品"),
    "region": _lazy("地区"),
    "channel": _lazy("渠道"),
    "repeats": _lazy("催办"),
    "risk": _lazy("升级风险"),
    "received": _lazy("收到"),
    "due": _lazy("时限"),
}

"""The words of what a record says by code: what the customer wishes, how to reach them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _lazy

WISHES = {
    "refund": _lazy("退款"),
    "exchange": _lazy("换货"),
    "repair": _lazy("维修"),
    "compensation": _lazy("赔偿"),
    "apology": _lazy("道歉"),
    "explanation": _lazy("说明原因"),
    "correction": _lazy("更正"),
    "policy_change": _lazy("以后别再发生"),
    "other": _lazy("其他"),
}
CONTACTS = {
    "": _lazy("不限"),
    "phone": _lazy("电话"),
    "mail": _lazy("邮件"),
    "wechat": _lazy("微信"),
    "sms": _lazy("短信"),
}

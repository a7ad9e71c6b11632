"""What the policy says, in the reader's language: to customers, and the names of levels everywhere.

A company writes its policy in its own words, and they are shown as written. The words of the standard pack, with which
most begin, are marked here so that the catalogue holds their English; a test compares this list with the pack.
"""

from __future__ import annotations

import re

from django.utils.translation import ngettext, pgettext, pgettext_lazy

LEVELS = (
    pgettext_lazy("policy", "一级"),
    pgettext_lazy("policy", "危机"),
    pgettext_lazy("policy", "涉及人身安全、违法违规或已被媒体公开，可能危及企业声誉与经营。"),
    pgettext_lazy("policy", "二级"),
    pgettext_lazy("policy", "紧急"),
    pgettext_lazy("policy", "伤及客户的核心体验，有扩散可能，须当天有人负责推进。"),
    pgettext_lazy("policy", "三级"),
    pgettext_lazy("policy", "重要"),
    pgettext_lazy("policy", "明显影响满意度，但影响范围有限。"),
    pgettext_lazy("policy", "四级"),
    pgettext_lazy("policy", "一般"),
    pgettext_lazy("policy", "影响较小的问题或改进建议。"),
)
HOURS = (
    pgettext_lazy(
        "policy",
        "时限按责任单位的工作时间计算；满 24 小时的部分按每 24 小时一个工作日折算，不足 24 小时的按工作小时计算。"
        "页面与信函一律写明算得的日期和时刻。",
    ),
)
CHANNELS = (
    pgettext_lazy("policy", "网站"),
    pgettext_lazy("policy", "应用"),
    pgettext_lazy("policy", "邮件"),
    pgettext_lazy("policy", "电话"),
    pgettext_lazy("policy", "柜台接待"),
    pgettext_lazy("policy", "来信"),
    pgettext_lazy("policy", "意见簿、意见箱"),
    pgettext_lazy("policy", "微信"),
    pgettext_lazy("policy", "微博"),
    pgettext_lazy("policy", "抖音"),
)
SURVEY = (
    pgettext_lazy("policy", "您的问题解决了吗？"),
    pgettext_lazy("policy", "没有"),
    pgettext_lazy("policy", "解决了"),
    pgettext_lazy("policy", "总的来说，您对这次投诉的处理满意吗？"),
    pgettext_lazy("policy", "很不满意"),
    pgettext_lazy("policy", "很满意"),
    pgettext_lazy("policy", "处理方案"),
    pgettext_lazy("policy", "处理速度"),
    pgettext_lazy("policy", "服务态度"),
    pgettext_lazy("policy", "解决这个问题，您觉得费力吗？"),
    pgettext_lazy("policy", "非常费力"),
    pgettext_lazy("policy", "非常省力"),
    pgettext_lazy("policy", "您愿意把我们推荐给亲友吗？"),
    pgettext_lazy("policy", "完全不愿意"),
    pgettext_lazy("policy", "非常愿意"),
    pgettext_lazy("policy", "还有什么想告诉我们的？"),
)
WAITING = (
    pgettext_lazy("policy", "我们正在等待您补充材料，收到后会立即继续处理，时限相应顺延。"),
    pgettext_lazy("policy", "方案已发给您，等您确认后我们马上执行。"),
    pgettext_lazy("policy", "按您的要求暂缓处理，您随时可以通知我们继续。"),
    pgettext_lazy("policy", "收到您寄回的产品后我们立即检测，并把收货时间告诉您。"),
)
_LENGTH = re.compile(r"(\d+) ?(个工作小时|个工作日|个自然日|小时|天|分钟)")


def told(words: str) -> str:
    """The pack's words in the reader's language; what the catalogue does not know, as it is written."""
    if length := _LENGTH.fullmatch(words):
        return _length(int(length[1]), length[2])
    return pgettext("policy", words) if words else ""


def _length(n: int, unit: str) -> str:
    words = {
        "个工作小时": ngettext("{n} 个工作小时", "{n} 个工作小时", n),
        "个工作日": ngettext("{n} 个工作日", "{n} 个工作日", n),
        "个自然日": ngettext("{n} 个自然日", "{n} 个自然日", n),
        "小时": ngettext("{n} 小时", "{n} 小时", n),
        "天": ngettext("{n} 天", "{n} 天", n),
        "分钟": ngettext("{n} 分钟", "{n} 分钟", n),
    }
    return words[unit].format(n=n)

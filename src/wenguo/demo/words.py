"""The sentences the staff say and write, from `acting.yaml`; what they mean in the pack's codes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from wenguo.demo.corpus import Woven
from wenguo.demo.corpus.shapes import Cause


@cache
def pools() -> Mapping[str, Any]:
    return dict(yaml.safe_load((files("wenguo.demo") / "acting.yaml").read_text(encoding="utf-8")))


def pick(rng: random.Random, pool: str, key: str = "", *, fits: Callable[[str], bool], **slots: str) -> str:
    """One sentence of a pool (of its part `key`) that fits, any where none does, its slots filled."""
    said = pools()[pool][key] if key else pools()[pool]
    chosen = said if isinstance(said, str) else rng.choice([text for text in said if fits(text)] or said)
    return str(chosen.format(**slots)) if slots else str(chosen)


SOURCES = {
    "document": "order_record", "inspection": "inspection", "system_log": "system_log", "order_system": "order_record",
    "aftersales_system": "service_record", "staff": "staff", "customer": "customer", "visit": "site_visit",
    "call_record": "service_record", "warehouse_system": "system_log", "logistics_system": "system_log",
    "repair_system": "service_record", "surveillance": "surveillance", "chat_record": "service_record",
}  # fmt: skip
STATES = {"verified": "confirmed", "unverified": "doubtful", "contradicted": "contradicted"}
BONES = {"people": "man"}  # the others are called the same
WISHES = {"improvement": "other", "punishment": "other", "delivery": "other"}
KINDS = {"process_change": "policy_change"}
# What an option does, heard in its words: (a part of a word, kind); the first that fits.
OPTION_WORDS = (
    ("退款", "refund"), ("退货", "refund"), ("换", "exchange"), ("修", "repair"), ("检测", "repair"),
    ("上门", "repair"), ("赔", "compensation"), ("补偿", "compensation"), ("券", "voucher"), ("积分", "points"),
    ("赠", "gift"), ("送", "gift"), ("歉", "apology"), ("说明", "explanation"), ("解释", "explanation"),
)  # fmt: skip
# Under which cause of the pack a cause in words is counted: the code with most of its words in the text.
CAUSE_WORDS = {
    "man.skill": "培训 不熟 不懂 技能 经验 不会", "man.attitude": "态度 冷 敷衍 以券代歉 不耐烦",
    "man.operation": "未按 漏 仅 未更换 操作 没有核对", "man.staffing": "人手 排班 负荷 忙 缺人",
    "man.communication": "交接 转达 沟通 未告知", "machine.system": "系统 接口 同步 程序 脚本 软件 算法 数据",
    "machine.interface": "页面 按钮 提示 界面 勾选", "machine.capacity": "拥堵 并发 线路 排队",
    "material.design": "设计 选型 规格 结构 老化", "material.manufacture": "装配 制造 工艺 焊 批次 失效 击穿",
    "material.incoming": "来料 供应商 外购 温控", "material.packing": "包装 缓冲 泡沫",
    "material.supply": "缺货 备件 库存 断供 在途 停产", "material.information": "说明书 资料 参数 标注",
    "method.process": "流程 环节 机制 规定 标准 审批 无人", "method.policy": "政策 规则 口径 条款 定价",
    "method.unclear": "未写明 表述 不清 歧义", "method.promise": "承诺 话术 宣传",
    "method.handover": "职责 归口 推诿 部门 结算", "method.incentive": "考核 提成 绩效",
    "environment.carrier": "承运 快递 物流 合作方 外包", "environment.site": "现场 安装位置 环境",
    "environment.peak": "高峰 大促 旺季 节", "environment.weather": "天气 台风 暴雨 高温",
    "environment.customer_use": "客户 使用 清洗", "environment.fraud": "盗 撞库 欺诈",
    "measurement.inspection": "检验 抽检 测试 检测 验证", "measurement.monitoring": "监控 预警 报警 统计 指标",
    "measurement.record": "记录 留痕 登记", "measurement.feedback": "反馈 回访",
}  # fmt: skip
USUAL_CAUSE = {
    "man": "man.operation", "machine": "machine.equipment", "material": "material.manufacture",
    "method": "method.process", "environment": "environment.site", "measurement": "measurement.inspection",
}  # fmt: skip


def option_kind(text: str) -> str:
    return next((kind for word, kind in OPTION_WORDS if word in text), "explanation")


def bone_of(cause: Cause) -> str:
    return BONES.get(cause.bone, cause.bone)


def cause_code(cause: Cause) -> str:
    """The pack's code for a cause: of its own branch if any word fits, else of any branch, else the branch's usual."""
    bone = bone_of(cause)

    def fit(code: str) -> tuple[int, bool]:
        hits = sum(word in cause.text for word in CAUSE_WORDS[code].split())
        return (hits * 2 + code.startswith(bone) if hits else 0), code.startswith(bone)

    best = max(CAUSE_WORDS, key=fit)
    return best if fit(best)[0] else USUAL_CAUSE[bone]


def roots_of(woven: Woven) -> list[Cause]:
    return [root for cause in woven.causes for root in cause.roots()]

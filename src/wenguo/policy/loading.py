"""Read a policy pack from YAML. Every mistake is named at once, with file, line, what was found and what is allowed.

A pack is a set of YAML files; each holds one or more sections of `Pack`. A section that is a list may be continued in
another file (the taxonomy is), every other section stands in exactly one. Sections that are not given are taken from
`base`, so that an administrator may hand in `clocks.yaml` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from pydantic import BaseModel, ValidationError

from wenguo.errors import Invalid
from wenguo.spoken import counted

from . import checks
from .schema import Pack

STANDARD = Path(__file__).parent / "standard"
LARGEST = 2 * 1024 * 1024  # bytes of one file
SHOWN = 20  # problems in the message; all of them in `problems`
DEEPEST = 40
TAGS = {"str", "int", "float", "bool", "null", "timestamp", "seq", "map"}

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake: `file` and `line` (0 when it is nowhere in particular), where in the pack, what is wrong."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        place = _("{file} 第 {line} 行").format(file=self.file, line=self.line) if self.line else self.file
        return _("：").join(filter(None, [place, self.path, self.message]))


class PackInvalid(Invalid):
    """The files are not a pack; `problems` lists every mistake found."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        lines = [str(p) for p in problems[:SHOWN]]
        if len(problems) > SHOWN:
            lines.append(_("……另有 {n} 处").format(n=len(problems) - SHOWN))
        super().__init__("\n".join([counted("政策包有 {n} 处错误：", len(problems)), *lines]))


def load(directory: Path) -> Pack:
    """The pack in the *.yaml files of a directory. PackInvalid: with every mistake."""
    files = sorted(directory.glob("*.yaml")) + sorted(directory.glob("*.yml"))
    if not files:
        raise PackInvalid([Problem(str(directory), 0, "", _("没有找到 .yaml 文件"))])
    return read({f.name: f.read_bytes() for f in files})


@cache
def standard() -> Pack:
    """The pack the product ships with."""
    return load(STANDARD)


def read(files: Mapping[str, bytes | str], base: Pack | None = None) -> Pack:
    """The pack in these files {name: content}; sections not given come from `base`. PackInvalid: every mistake."""
    source = _Source()
    for name, content in sorted(files.items()):
        source.take(name, content)
    if source.problems:
        raise PackInvalid(source.problems)
    raw = {**({} if base is None else base.model_dump(mode="json")), **source.sections}
    try:
        pack = Pack.model_validate(raw)
    except ValidationError as wrong:
        raise PackInvalid([source.problem(e["loc"], _words(e)) for e in wrong.errors()]) from wrong
    if problems := [source.problem(loc, message) for loc, message in checks.check(pack)]:
        raise PackInvalid(problems)
    return pack


def to_yaml(pack: Pack) -> str:
    """The whole pack as one YAML file that `read` takes back."""
    content = pack.model_dump(mode="json", exclude_defaults=True)
    return str(yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120))


# ── YAML with line numbers ────────────────────────────────────────────────────────────────────────────────


class _Loader(yaml.SafeLoader):
    """Safe, and without aliases: a small file must not unfold into a large one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            message = _("不支持 YAML 引用（*名称），请直接写出内容")
            raise yaml.composer.ComposerError(None, None, message, event.start_mark)
        node = super().compose_node(parent, index)
        if node is not None and node.tag.rpartition(":")[2] not in TAGS:
            message = _("不支持标记 {tag}").format(tag=node.tag)
            raise yaml.composer.ComposerError(None, None, message, node.start_mark)
        return node


class _Source:
    """What the files say, and on which line they say it."""

    def __init__(self) -> None:
        self.sections: dict[str, Any] = {}
        self.lines: dict[Loc, tuple[str, int]] = {}
        self.problems: list[Problem] = []

    def take(self, name: str, content: bytes | str) -> None:
        try:
            text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        except UnicodeDecodeError:
            return self._refuse(name, 0, _("文件不是 UTF-8 编码，请另存为 UTF-8"))
        if len(text) > LARGEST:
            return self._refuse(name, 0, _("文件超过 {n} MB").format(n=LARGEST // 1024 // 1024))
        try:
            loader = _Loader(text)
            try:
                root = loader.get_single_node()
                self._sections(name, loader, root)
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as wrong:
            mark = wrong.problem_mark
            message = _("YAML 写法有误：{why}").format(why=wrong.problem)
            self._refuse(name, mark.line + 1 if mark else 0, message)
        except (yaml.YAMLError, ValueError) as wrong:
            self._refuse(name, 0, _("YAML 写法有误：{why}").format(why=wrong))
        except RecursionError:
            self._refuse(name, 0, _("YAML 嵌套过深"))

    def _sections(self, name: str, loader: _Loader, root: yaml.Node | None) -> None:
        if root is None:
            return self._refuse(name, 0, _("文件是空的"))
        if not isinstance(root, yaml.MappingNode):
            return self._refuse(name, 1, _("文件最外层须为“{form}”的形式").format(form=_form()))
        for key_node, node in root.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in self.sections and not (
                isinstance(self.sections[key], list) and isinstance(node, yaml.SequenceNode)
            ):
                file, at = self.lines[(key,)]
                message = _("“{key}”已在 {file} 第 {line} 行写过")
                self._refuse(name, line, message.format(key=key, file=file, line=at))
                continue
            self.lines.setdefault((key,), (name, line))
            if isinstance(node, yaml.SequenceNode):
                earlier = self.sections.setdefault(key, [])
                for item in node.value:
                    earlier.append(self._value(name, loader, item, (key, len(earlier))))
            else:
                self.sections[key] = self._value(name, loader, node, (key,))

    def _value(self, name: str, loader: _Loader, node: yaml.Node, loc: Loc) -> Any:
        self.lines.setdefault(loc, (name, node.start_mark.line + 1))
        if len(loc) > DEEPEST:
            raise RecursionError
        if isinstance(node, yaml.SequenceNode):
            return [self._value(name, loader, item, (*loc, n)) for n, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return loader.construct_object(node)
        made: dict[str, Any] = {}
        for key_node, item in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in made:
                self._refuse(name, line, _("“{key}”写了两次").format(key=key))
            self.lines[(*loc, key)] = (name, line)
            made[key] = self._value(name, loader, item, (*loc, key))
        return made

    def _refuse(self, name: str, line: int, message: str) -> None:
        self.problems.append(Problem(name, line, "", message))

    def problem(self, loc: Loc, message: str) -> Problem:
        """The problem at the nearest line known for this place."""
        for end in range(len(loc), 0, -1):
            if (found := self.lines.get(tuple(loc[:end]))) is not None:
                return Problem(found[0], found[1], _path(loc), message)
        return Problem(_("政策包"), 0, _path(loc), message)


def _path(loc: Loc) -> str:
    """("clocks", "rules", 3, "level") → clocks.rules[4].level; people count from one."""
    text = ""
    for part in loc:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


# ── what pydantic says, in our words ──────────────────────────────────────────────────────────────────────

_SAID = {
    "string_type": _lazy("应为文字"),
    "string_too_short": _lazy("不能为空"),
    "string_too_long": _lazy("文字过长，最多 {max_length} 个字"),
    "int_type": _lazy("应为整数"),
    "int_parsing": _lazy("应为整数"),
    "int_from_float": _lazy("应为整数"),
    "float_type": _lazy("应为数字"),
    "float_parsing": _lazy("应为数字"),
    "bool_type": _lazy("应为 true 或 false"),
    "bool_parsing": _lazy("应为 true 或 false"),
    "date_type": _lazy("应为日期，如 2026-04-15"),
    "date_from_datetime_parsing": _lazy("应为日期，如 2026-04-15"),
    "date_parsing": _lazy("应为日期，如 2026-04-15"),
    "tuple_type": _lazy("应为列表（每项以 - 开头）"),
    "model_type": _lazy("应为“{form}”的一组"),
    "greater_than": _lazy("应大于 {gt}"),
    "greater_than_equal": _lazy("应不小于 {ge}"),
    "less_than": _lazy("应小于 {lt}"),
    "less_than_equal": _lazy("应不大于 {le}"),
    "too_short": _lazy("至少要有 {min_length} 项，现有 {actual_length} 项"),
    "too_long": _lazy("最多 {max_length} 项，现有 {actual_length} 项"),
    "string_pattern_mismatch": _lazy("写法不对，应符合 {pattern}"),
    "literal_error": _lazy("不在可选范围内，可写：{expected}"),
}


def _words(error: Any) -> str:
    kind, loc, context = error["type"], error["loc"], error.get("ctx", {})
    if kind == "missing":
        return _("缺少“{name}”").format(name=loc[-1])
    if kind == "extra_forbidden":
        allowed = _fields_at(loc[:-1])
        if not allowed:
            return _("不认识“{name}”").format(name=loc[-1])
        return _("不认识“{name}”，可写：{allowed}").format(name=loc[-1], allowed=_("、").join(allowed))
    if kind == "value_error":
        return str(context.get("error", error["msg"]))
    said = str(_SAID.get(kind, error["msg"]))
    if "expected" in context:
        context = {**context, "expected": str(context["expected"]).replace(" or ", _("、"))}
    with suppress(KeyError, IndexError):
        said = said.format(form=_form(), **context).replace("'", "")
    return _("{said}；现为“{value}”").format(said=said, value=_shown(error["input"]))


def _form() -> str:
    return ": ".join([_("名称"), _("内容")])


def _shown(value: Any) -> str:
    text = _("空") if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 40 else text[:40] + "…"


def _fields_at(loc: Loc) -> list[str]:
    """The keys allowed at a place of the pack, found by walking the models' annotations."""
    model: Any = Pack
    for part in loc:
        if isinstance(part, int):
            continue
        if part not in getattr(model, "model_fields", {}):
            return []
        model = _model_in(model.model_fields[part].annotation)
    return list(getattr(model, "model_fields", {}))


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (found := _model_in(inner)) is not None:
            return found
    return None

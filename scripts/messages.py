#!/usr/bin/env python3
"""The English catalogue beside the Chinese source strings.

    scripts/messages.py extract    say how many strings there are, and where most of them stand
    scripts/messages.py update     bring django.po up to date: new strings come in empty, gone ones leave
    scripts/messages.py compile    write django.mo (git-ignored) from django.po
    scripts/messages.py check      fail when a string is missing, empty, its {placeholders} differ, or its Chinese is
                                   punctuated with half-width marks; when its English counts but has one form for all
                                   numbers, or it is asked for without its number

Source strings are Chinese; Chinese itself needs no catalogue.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import yaml
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from wenguo.policy.told import measured, spoken

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src/wenguo"
STANDARD = PACKAGE / "policy/standard"
PO = PACKAGE / "locale/en/LC_MESSAGES/django.po"
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "_lazy": None,
    "gettext_noop": None,
    "_noop": None,
    "pgettext_lazy": ((1, "c"), 2),
    "ngettext_lazy": (1, 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
    "counted": (1, 1),  # Chinese has one form for all numbers
    "counted_noop": (1, 1),
}
HALF = re.compile(r"[\u3400-\u9fff”」》][,:;?!()]|[,:;?!()][\u3400-\u9fff“「《]")  # a half-width mark beside Chinese
COUNTS = re.compile(
    r"(?<!at most )(?<!version )(?<!item )(?<!draft )\{(?:n|m|k|count)\} ([a-z-]+ ){0,2}?([a-z]+s|people)\b", re.I
)
NEVER_ONE = {  # how they begin, and why their English needs no singular
    "a limit, of the code or of the policy": (
        "升级的件满 {n} 件后", "同事们给投诉定类", "已达 {n} 人", "按人计数", "用户名或密码不正确",
    ),
    "said only of several": (
        "{customer}，您好。", "{hours} 小时内已向", "客户的话像是说了 {n} 件事", "有 {n} 处需要修改", "连同已合并的",
        "这份列表有 {n} 件", "{time} 训练，用 {n} 件", "：同样 {n} 件",
    ),
}  # fmt: skip
NEVER = tuple(words for beginnings in NEVER_ONE.values() for words in beginnings)
HEADER = "# English words of 闻过. Kept by scripts/messages.py; translated by hand.\n#"


def extracted(numberless: set[str] | None = None) -> Catalog:
    """Every string the code marks for translation, and what the standard pack says on screens.

    `numberless` takes those that are counted in one place and asked for without a number in another.
    """
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    catalog = _empty()
    found = extract_from_dir(PACKAGE, methods, options, keywords=KEYWORDS, comment_tags=("Translators:",))
    for path, _line, message, comments, context in found:
        before = catalog.get(message, context)
        if numberless is not None and before and before.pluralizable != isinstance(message, tuple):
            numberless.add(_first(before))
        catalog.add(message, locations=[(path, 0)], auto_comments=comments, context=context)
    for file in sorted(STANDARD.glob("*.yaml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        units = set(measured(content))
        for words in spoken(content):
            catalog.add(
                (words, words) if words in units else words,
                locations=[(f"policy/standard/{file.name}", 0)],
                context="policy",
            )
    return catalog


def kept() -> Catalog:
    if not PO.exists():
        return _empty()
    with PO.open("rb") as file:
        return read_po(file, locale="en", charset="utf-8")


def _empty() -> Catalog:
    return Catalog(locale="en", project="wenguo", charset="utf-8", fuzzy=False, header_comment=HEADER)


def update() -> int:
    """Strings keep their English; no guessing for changed ones, so that nothing wrong slips in as fuzzy."""
    fresh, old = extracted(), kept()
    for message in fresh:
        before = old.get(message.id, message.context) if message.id else None
        if before is not None:
            message.string, message.user_comments = before.string, before.user_comments
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, fresh, width=110, sort_output=True, omit_header=False, include_lineno=False)
    changing = r'^"(POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator).*\n'  # would differ every time
    PO.write_text(re.sub(changing, "", PO.read_text(encoding="utf-8"), flags=re.M), encoding="utf-8")
    missing = sum(not _whole(m) for m in fresh if m.id)
    print(f"{len(fresh)} strings, {missing} without English -> {PO.relative_to(ROOT)}")
    return 0


def compile_() -> int:
    with PO.with_suffix(".mo").open("wb") as file:
        write_mo(file, kept())
    print(f"{PO.with_suffix('.mo').relative_to(ROOT)} written")
    return 0


def check() -> int:
    known = kept()
    numberless: set[str] = set()
    found = extracted(numberless)
    wrong = [f"counted, and asked for without a number: {words!r}" for words in sorted(numberless)]
    for message in found:
        if not message.id:
            continue
        if any(map(HALF.search, _each(message))):
            wrong.append(f"half-width punctuation: {_first(message)!r}")
        there = known.get(message.id, message.context)
        where = message.locations[0][0] if message.locations else ""
        if there is None:
            wrong.append(f"not in the catalogue: {_first(message)!r} ({where})")
        elif not _whole(there):
            wrong.append(f"no English: {_first(message)!r} ({where})")
        elif _holes(there.id) != _holes(there.string):
            wrong.append(f"placeholders differ: {_first(message)!r} -> {there.string!r}")
        elif not there.pluralizable and COUNTS.search(there.string) and not _first(message).startswith(NEVER):
            wrong.append(f"one form for all numbers: {_first(message)!r} -> {there.string!r}; counted()?")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(wrong)} to do" if wrong else "every string has its English")
    return 1 if wrong else 0


def extract() -> int:
    catalog = extracted()
    rooms = Counter(path.split("/")[0] for m in catalog if m.id for path, _line in m.locations[:1])
    print(f"{len(catalog)} strings: " + ", ".join(f"{room} {n}" for room, n in rooms.most_common()))
    return 0


def _whole(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return len(strings) == (2 if message.pluralizable else 1) and all(strings) and not message.fuzzy


def _each(message: Message) -> tuple[str, ...]:
    return tuple(message.id) if isinstance(message.id, tuple | list) else (str(message.id),)


def _first(message: Message) -> str:
    return _each(message)[0]


def _holes(words: object) -> set[str]:
    """The {names} and %(names)s in a string, or in all its plural forms together."""
    text = " ".join(words) if isinstance(words, tuple | list) else str(words)
    return set(re.findall(r"\{(\w*)[^{}]*\}|%\((\w+)\)s", text))


def main() -> int:
    acts = {"extract": extract, "update": update, "compile": compile_, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in acts:
        print(__doc__, file=sys.stderr)
        return 2
    return acts[sys.argv[1]]()


if __name__ == "__main__":
    sys.exit(main())

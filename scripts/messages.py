#!/usr/bin/env python3
"""The English catalogue beside the Chinese source strings.

    scripts/messages.py extract    say how many strings there are, and where most of them stand
    scripts/messages.py update     bring django.po up to date: new strings come in empty, gone ones leave
    scripts/messages.py compile    write django.mo (git-ignored) from django.po
    scripts/messages.py check      fail when a string is missing, empty, its {placeholders} differ, or its Chinese is
                                   punctuated with half-width marks

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

from wenguo.policy.told import spoken

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
}
HALF = re.compile(r"[\u3400-\u9fff”」》][,:;?!()]|[,:;?!()][\u3400-\u9fff“「《]")  # a half-width mark beside Chinese
HEADER = "# English words of 闻过. Kept by scripts/messages.py; translated by hand.\n#"


def extracted() -> Catalog:
    """Every string the code marks for translation, and what the standard pack says on screens."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    catalog = _empty()
    found = extract_from_dir(PACKAGE, methods, options, keywords=KEYWORDS, comment_tags=("Translators:",))
    for path, _line, message, comments, context in found:
        catalog.add(message, locations=[(path, 0)], auto_comments=comments, context=context)
    for file in sorted(STANDARD.glob("*.yaml")):
        for words in spoken(yaml.safe_load(file.read_text(encoding="utf-8"))):
            catalog.add(words, locations=[(f"policy/standard/{file.name}", 0)], context="policy")
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
    wrong: list[str] = []
    for message in extracted():
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
    return bool(strings) and all(strings) and not message.fuzzy


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

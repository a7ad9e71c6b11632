"""The command line speaks Chinese, or English where LANG or --lang says so."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

LANGUAGES = ("zh", "en")


def chosen(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """ "zh" or "en": `--lang en`, `--lang=en`, else LC_ALL, LC_MESSAGES or LANG; Chinese where none says English."""
    for here, following in zip(arguments, [*arguments[1:], ""], strict=False):
        name, _, value = here.partition("=")
        if name == "--lang" and (value or following) in LANGUAGES:
            return value or following
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name, ""):
            return "en" if value.lower().startswith("en") else "zh"
    return "zh"


LANGUAGE = chosen(sys.argv[1:], os.environ)


def words(zh: str, en: str) -> str:
    """Both texts stand side by side in the code; this one is shown."""
    return en if LANGUAGE == "en" else zh


def speak() -> None:
    """Let Django's texts follow; for commands that only answer, never for those that write words others will read."""
    from django.utils import translation

    translation.activate("en" if LANGUAGE == "en" else "zh-hans")

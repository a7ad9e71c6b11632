"""What of a personal field may be shown to everybody: enough to recognise it, too little to use it. Plain functions.

Source: FIELD 2.4 (138****5678).
"""

from __future__ import annotations

from collections.abc import Iterable

from wenguo.text.personal import mask, mask_address, mask_email, mask_name, mask_phone

__all__ = ["mask_address", "mask_email", "mask_identity", "mask_name", "mask_phone", "mask_text", "mask_word"]


def mask_word(word: str) -> str:
    """An account or member number: a_long_name → a***e; up to four letters show none."""
    word = word.strip()
    return f"{word[0]}***{word[-1]}" if len(word) > 4 else "***" if word else ""


def mask_identity(kind: str, shown: str) -> str:
    return {"phone": mask_phone, "mail": mask_email}.get(kind, mask_word)(shown)


def mask_text(text: str, names: Iterable[str]) -> str:
    """Free text with all personal data in it covered, and these names wherever they stand."""
    for name in sorted({name.strip() for name in names}, key=len, reverse=True):
        if len(name) > 1:
            text = text.replace(name, mask_name(name))
    return mask(text)

"""Whole fen as the pack's words write them."""

from __future__ import annotations

from wenguo.text import amounts


def yuan(fen: int) -> str:
    """1280000 → 「12,800.00 元」"""
    return f"{amounts.yuan(fen)} 元"

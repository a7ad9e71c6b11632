"""The rows of the queue, each written once: as long as nothing that it shows has changed, it is the same text.

What a row shows is the key under which it is remembered, so nothing can be shown to whom it is not meant for, and no
act can leave an old row behind: all that was read of the case, whether names are shown in full, the columns, the
language, the policy that words it, and of the time what can be read of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.template.loader import get_template
from django.utils.translation import get_language
from markupsafe import Markup

from wenguo.policy.told import told
from wenguo.policy.versions import PolicyVersion
from wenguo.web.desk.listing import CLOCKS, OFFERED, Row, dress, gone
from wenguo.web.desk.risk import LOOKS
from wenguo.web.filters import localtime, remaining
from wenguo.web.kept import Kept

NEARLY = 0.75  # of a promise: from here on its clock is amber

_kept: Kept[Markup] = Kept(2000)  # some 3 KB each


def written(
    rows: Sequence[Row], columns: Sequence[str], version: PolicyVersion, at: datetime, *, full: bool, bulk: bool
) -> list[Markup]:
    """Each row as `<tr>`. `full`: names as they are; `bulk`: with a box to tick. One query."""
    used = gone(rows, at)
    same = (get_language(), version.pk, full, bulk, tuple(columns), localtime(at).date())
    return [_row(row, same, used.get(row["pk"], 0), version, at) for row in rows]


def _row(row: Row, same: tuple[Any, ...], used: float, version: PolicyVersion, at: datetime) -> Markup:
    left = remaining(row["next_due_at"], at)
    shown = tuple(tuple(value) if type(value) is list else value for value in row.values())
    key = (*same, used >= NEARLY, left, *shown)
    return _kept.get(key, partial(_made, row, same, used, version, at))


def _made(row: Row, same: tuple[Any, ...], used: float, version: PolicyVersion, at: datetime) -> Markup:
    _language, _version, full, bulk, columns, _day = same
    context = {
        "r": dress(row, version.pack, used=used, full=full),
        "at": at,
        "bulk": bulk,
        "columns": [(c, OFFERED[c]) for c in columns],
        "clock_words": CLOCKS,
        "risk_words": {x.code: told(x.title) for x in version.pack.escalation.levels},
        "risk_looks": LOOKS,
    }
    return Markup(get_template("desk/queue_row.html").render(context))

"""What a page may follow while it is open: a signed list of topics for the live endpoint (`config/live.py`).

    sign_live(["case:TS-0042", "queue"])   # → a token the page puts into `GET /live?token=…`

The signature is the permission: a page signs only topics its reader may see. It holds for a working day; a page
opened again gets a new one.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.core import signing

SALT = "live"
GOOD_FOR_SECONDS = 12 * 3600


def sign_live(topics: Sequence[str]) -> str:
    """A token for these topics (`case:TS-0042`, `queue` …). A topic holds no comma."""
    if not topics or any("," in topic or not topic for topic in topics):
        raise ValueError(f"bad topics: {topics!r}")
    return signing.TimestampSigner(salt=SALT).sign(",".join(topics))


def read_live(token: str) -> list[str]:
    """The topics a token allows. Raises django.core.signing.BadSignature (SignatureExpired when too old)."""
    return signing.TimestampSigner(salt=SALT).unsign(token, max_age=GOOD_FOR_SECONDS).split(",")

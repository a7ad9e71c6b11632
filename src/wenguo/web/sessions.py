"""Sessions in the database, as Django keeps them; only reading one, which every request does, is cheaper."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db
from django.utils import timezone

from wenguo.compiled import ask


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Any:
        """The row, or None where there is none or it has run out; then the browser gets a new one."""
        living = ask(
            "session",
            lambda key, at: self.model.objects.filter(session_key=key, expire_date__gt=at),
            str(self.session_key),
            timezone.now(),
        )
        if not living:
            self._session_key = None
        return living[0] if living else None

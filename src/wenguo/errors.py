"""The few ways to be refused. A refusal is an answer, in words a clerk can use; anything else is a failure and
rises.
"""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """Base of all refusals. `status` is the HTTP status each door answers with.

    `fields` names what was wrong with which field, {field: message}; `missing` lists what must be done first.
    """

    status = 400

    def __init__(
        self, message: str, *, fields: Mapping[str, str] | None = None, missing: list[str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = str(message)
        self.fields = dict(fields or {})
        self.missing = list(missing or [])


class NotYours(Refusal):
    """You may not do this (403)."""

    status = 403


class NotFound(Refusal):
    """There is no such thing, or you may not know of it (404)."""

    status = 404


class NotNow(Refusal):
    """Not in this state (409)."""

    status = 409


class Overtaken(NotNow):
    """Somebody else was first (409)."""


class Invalid(Refusal):
    """What was given cannot be used as it is (422)."""

    status = 422


class TooMuch(Refusal):
    """Too large, or too often (413 or 429)."""

    status = 429

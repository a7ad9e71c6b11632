"""Somebody at the doors."""

from __future__ import annotations

from typing import Any

from django.test import Client


def at_desk(person: Any) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(person)
    return client

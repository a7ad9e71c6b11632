"""The request of a signed-in member of staff, as views behind `@desk` get it."""

from __future__ import annotations

from django.http import HttpRequest

from wenguo.people.staff import Person


class StaffRequest(HttpRequest):
    """For the type checker alone: `@desk` has seen to it that the user is a person."""

    user: Person

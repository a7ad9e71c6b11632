"""The tables of this room. `signin` is named so that its events are known wherever the journal is read."""

from wenguo.people import signin
from wenguo.people.deputies import Deputy
from wenguo.people.roles import Role
from wenguo.people.staff import Person, Post
from wenguo.people.tokens import ApiToken
from wenguo.people.units import Unit

__all__ = ["ApiToken", "Deputy", "Person", "Post", "Role", "Unit", "signin"]

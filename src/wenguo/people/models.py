"""The tables of this room."""

from wenguo.people.deputies import Deputy
from wenguo.people.roles import Role
from wenguo.people.staff import Person, Post
from wenguo.people.tokens import ApiToken
from wenguo.people.units import Unit

__all__ = ["ApiToken", "Deputy", "Person", "Post", "Role", "Unit"]

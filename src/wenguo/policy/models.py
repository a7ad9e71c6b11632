"""The tables of this room."""

from wenguo.policy.versions import Holiday, PolicyVersion

__all__ = ["Holiday", "PolicyVersion"]

"""The tables of the desk itself: how a person likes it, and which bulk acts are done."""

from wenguo.web.desk.bulk import Done
from wenguo.web.desk.saved import SavedView

__all__ = ["Done", "SavedView"]

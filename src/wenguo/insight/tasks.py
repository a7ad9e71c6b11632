"""Jobs of this room, where the worker looks for them."""

from wenguo.insight.soundness import check_journal

__all__ = ["check_journal"]

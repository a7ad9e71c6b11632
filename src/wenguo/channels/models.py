from wenguo.channels.outbox import Delivery

__all__ = ["Delivery"]

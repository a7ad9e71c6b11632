from wenguo.channels.language_model import ModelCall
from wenguo.channels.outbox import Delivery

__all__ = ["Delivery", "ModelCall"]

"""The tables of this room. `privacy` is named so that its events are known wherever the journal is read."""

from wenguo.customers import privacy
from wenguo.customers.customer import Customer, Identity, Order
from wenguo.customers.merge import Merge

__all__ = ["Customer", "Identity", "Merge", "Order", "privacy"]

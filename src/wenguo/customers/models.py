"""The tables of this room."""

from wenguo.customers.customer import Customer, Identity, Order
from wenguo.customers.merge import Merge

__all__ = ["Customer", "Identity", "Merge", "Order"]

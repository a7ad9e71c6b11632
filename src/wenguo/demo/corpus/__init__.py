"""The raw material of the demonstration company: people, products, customers and believable complaints, all invented.

`load()` reads the YAML beside this file once; `weave` turns one scenario into one complete story with every slot
filled, reproducibly from a seeded `random.Random`; `year` tells n of them, spread over the twelve months before a
moment.
Plain Python: no Django, no database, no clock.
"""

from wenguo.demo.corpus.crowd import customers
from wenguo.demo.corpus.reading import load
from wenguo.demo.corpus.shapes import Corpus, Customer, Order, Scenario, Woven
from wenguo.demo.corpus.weaving import weave
from wenguo.demo.corpus.year import Planted, planted, year

__all__ = [
    "Corpus",
    "Customer",
    "Order",
    "Planted",
    "Scenario",
    "Woven",
    "customers",
    "load",
    "planted",
    "weave",
    "year",
]

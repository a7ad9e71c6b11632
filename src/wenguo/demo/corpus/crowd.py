"""A crowd of customers who do not exist: names drawn from lists, invented streets, phones in blocks of zeros."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from wenguo.demo.corpus.shapes import Corpus, Customer, Order, Product

COMPANIES = 0.08
ELDERS = 0.16


def customers(corpus: Corpus, rng: random.Random, count: int, *, today: date, first: int = 0) -> tuple[Customer, ...]:
    """`count` distinct customers (names and phones never repeat), each with one to four orders before `today`.

    `first`: where to begin counting them, so that another crowd has other phones.
    """
    names: set[str] = set()
    made: list[Customer] = []
    for place in range(first, first + count):
        company = rng.random() < COMPANIES
        while (name := _company(corpus.crowd, rng) if company else _person(corpus.crowd, rng)) in names:
            pass
        names.add(name)
        made.append(_customer(corpus, rng, place, name, company, today))
    return tuple(made)


def phone_of(place: int) -> str:
    """A number that reads as one and is nobody's: a mobile prefix, four zeros, four digits; distinct below 200 000."""
    prefixes = ("130", "131", "132", "135", "136", "137", "138", "139", "150", "151", "152", "157", "158", "159",
                "176", "177", "180", "186", "188", "189")  # fmt: skip
    return f"{prefixes[place % len(prefixes)]}0000{(place // len(prefixes) * 7 + place * 131) % 10000:04d}"


def order_for(
    rng: random.Random, product: Product, bought_on: date, *, place: str, batch: str = "", quantity: int = 1
) -> Order:
    """One order of `product`; made one to four months before it was bought unless a batch is given."""
    made = bought_on - timedelta(days=rng.randint(25, 120))
    line = rng.choice(product.lines)
    batch = batch or product.batch.format(yy=made.strftime("%y"), mm=made.strftime("%m"), line=line)
    paid = round(product.price_fen * rng.choice((1, 1, 1, 0.95, 0.9, 0.88)) / 100) * 100 * quantity
    return Order(
        number=f"{'M' if place == 'mall' else 'D'}{bought_on:%y%m%d}{rng.randrange(10**6):06d}",
        model=product.model,
        batch=batch,
        serial=product.serial.format(batch=batch, n=f"{rng.randrange(10**5):05d}"),
        bought_on=bought_on,
        paid_fen=paid,
        quantity=quantity,
        place=place,
    )


def outlets(corpus: Corpus, region: str) -> list[str]:
    return [unit.code for unit in corpus.company.units if unit.kind == "outlet" and unit.region == region]


def _person(crowd: Mapping[str, Any], rng: random.Random) -> str:
    surname = rng.choice(crowd["surnames"])
    first, second = rng.choice(crowd["given"]), rng.choice(crowd["given"])
    return surname + (first if rng.random() < 0.16 or first == second else first + second)


def _company(crowd: Mapping[str, Any], rng: random.Random) -> str:
    return rng.choice(crowd["company_words"]) + rng.choice(crowd["company_kinds"])


def _customer(corpus: Corpus, rng: random.Random, place: int, name: str, company: bool, today: date) -> Customer:
    crowd: Mapping[str, Any] = corpus.crowd
    region = rng.choices(("华东", "华南", "西南"), (5, 4, 3))[0]
    city = rng.choice(crowd["cities"][region])
    street = f"{rng.choice(crowd['streets'])}{rng.randint(1, 399)}号"
    home = f"{rng.choice(crowd['estates'])}{rng.randint(1, 28)}栋{rng.randint(1, 26)}0{rng.randint(1, 6)}室"
    phone = phone_of(place)
    contact = _person(crowd, rng) if company else name
    elder = not company and rng.random() < ELDERS
    tier = rng.choices(("normal", "gold", "diamond"), (74, 20, 6))[0]
    bought: list[Order] = []
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        where = rng.choice(["mall", "mall", *outlets(corpus, region)])
        day = today - timedelta(days=rng.randint(3, 700))
        bought.append(order_for(rng, rng.choice(corpus.products), day, place=where,
                                quantity=rng.randint(2, 12) if company else 1))  # fmt: skip
    return Customer(
        code=f"C{place + 1:05d}",
        name=name,
        kind="company" if company else "person",
        contact=contact,
        honorific=_honorific(crowd, rng, contact, elder),
        elder=elder,
        age=rng.randint(66, 84) if elder else rng.randint(22, 60),
        tier=tier,
        vip=tier == "diamond" and rng.random() < 0.4,
        group=rng.choices(("first", "calm", "frequent"), (70, 22, 8))[0],
        phone=phone,
        email="" if elder else f"kehu{place + 1:05d}@example.com",
        wechat="" if elder else f"wx_demo_{rng.randrange(16**8):08x}",
        member_no=f"CG{region_digit(region)}{place + 100_001}",
        region=region,
        city=city,
        address=f"{city}{street}" + ("" if company else home),
        orders=tuple(sorted(bought, key=lambda one: one.bought_on)),
    )


def _honorific(crowd: Mapping[str, Any], rng: random.Random, name: str, elder: bool) -> str:
    """How one is called: as the name sounds, where it sounds like anything."""
    hers, his = (any(char in crowd[whose] for char in name[1:]) for whose in ("hers", "his"))
    women, men = hers or not his, not hers
    if elder:
        return rng.choice(["阿姨"] * women + ["大爷"] * men + ["老师"])
    return rng.choice(["女士"] * women + ["先生"] * men)


def region_digit(region: str) -> int:
    return {"华东": 1, "华南": 2, "西南": 3}[region]

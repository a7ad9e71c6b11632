"""Bring the bench's database to so many coherent cases: `python -m bench.load --cases 100000`.

A few stories are lived through the real acts (`stories`), and then multiplied: each copy gets ids, a number, a
customer, words and a moment of its own, and its journals are hashed anew, so that `wenguo verify`
passes. Rows go in by COPY, without looking at foreign keys, which the copies keep by themselves.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from operator import itemgetter
from typing import Any

from bench.house import bench_database, connect

MOMENTS = 8  # times that each story is lived
OPEN_SHARE = 0.35  # of the copies
ROUND = 2000  # copies written at once
FIRST_SERIAL = 100_000  # of the copies' numbers; what is received later counts from 1

# Which rows the numbers in an event's data name.
NAMED = {
    "clock": "cases_clock", "submission": "cases_submission", "followup": "cases_followup", "survey": "cases_survey",
    "grading": "cases_grading", "identity": "customers_identity", "reply": "cases_reply",
    "customer_id": "customers_customer", "delivery": "channels_delivery", "handover": "cases_handover",
}  # fmt: skip
PLACE = re.compile("\ue000(\\d+)\ue001")


@dataclass
class Template:
    """One lived case, taken apart: for each row a pattern and which of a copy's values fill it."""

    is_open: bool
    received_at: datetime
    values: list[tuple[Any, ...]]  # what the i-th place stands for, e.g. ("id", table, nth), ("moment", at)
    rows: list[tuple[str, str, Any]]  # table, pattern, getter of the values
    chains: list[list[Link]]
    counts: Counter[str]
    search: str


@dataclass
class Link:
    """An event: what is hashed, as patterns, and the places of its hashes among the values."""

    whole: tuple[str, Any]
    private: tuple[str, Any] | None
    places: dict[str, int]


class Taking:
    """Takes one case apart."""

    def __init__(self, case: Any, is_open: bool) -> None:
        from wenguo.cases.letters import local
        from wenguo.journal.canonical import moment

        self.case, self.is_open = case, is_open
        self.values: list[tuple[Any, ...]] = []
        self.known: dict[tuple[Any, ...], str] = {}
        self.moment, self.local = moment, local
        self.rows = self._gather()
        self.order = {
            (table, row["id" if "id" in row else "case_id"]): n
            for table, rows in self.rows.items()
            for n, row in enumerate(rows)
        }

    def place(self, *value: Any) -> str:
        if value not in self.known:
            self.known[value] = f"\ue000{len(self.values)}\ue001"
            self.values.append(value)
        return self.known[value]

    def id(self, table: str, pk: Any) -> str:
        """The place of the id of a row of this story; an id from elsewhere (staff, policy) stays."""
        key = (table, pk)
        return self.place("id", table, self.order[key]) if key in self.order else str(pk)

    def _gather(self) -> dict[str, list[dict[str, Any]]]:
        """Every row that belongs to the case, by table, followed along the foreign keys."""
        from django.apps import apps

        from wenguo.journal.models import Leaf, Stream

        case = self.case
        streams = [
            case.stream_id,
            *Stream.objects.filter(kind="customer", ref=str(case.customer_id)).values_list("pk", flat=True),
        ]
        found: dict[Any, list[Any]] = {Stream: streams, type(case.customer): [case.customer_id], type(case): [case.pk]}
        models = [
            m
            for a in ("journal", "customers", "cases", "channels")
            for m in apps.get_app_config(a).get_models()
            if m is not Leaf
        ]
        for model in (*models, *models):  # twice: some hang on what comes later
            if model in found:
                continue
            pks: set[Any] = set()
            for f in model._meta.concrete_fields:
                if f.remote_field and f.related_model in found and found[f.related_model]:
                    pks.update(
                        model.objects.filter(**{f"{f.name}__in": found[f.related_model]}).values_list("pk", flat=True)
                    )
            if pks:
                found[model] = sorted(pks)
        return {m._meta.db_table: _raw(m._meta.db_table, m._meta.pk.column, pks) for m, pks in found.items()}

    # ── words ──

    def marks(self) -> list[tuple[str, str]]:
        from bench import stories

        case, r = self.case, self.case.record
        moments = {v for rows in self.rows.values() for row in rows for v in row.values() if isinstance(v, datetime)}
        given = [
            (stories.TEXT, self.place("text")), (stories.SUBJECT, self.place("subject")),
            (stories.NAME, self.place("name")), (stories.ORDER, self.place("order")),
            (case.number, self.place("number")), (r.contact_phone, self.place("phone")),
        ]  # fmt: skip
        if r.contact_mail:
            given.append((r.contact_mail, self.place("mail")))
        for at in sorted(moments):
            given += [(self.moment(at), self.place("moment", at)), (self.local(at), self.place("local", at))]
            given.append((self.local(at).split(" ")[0], self.place("day", at)))
        for text in re.findall(r"/([ts])/([\w:.\-]+)/", json.dumps(self.rows["journal_event"], default=str)):
            given.append((text[1], self.place("link", text[0])))
        given += [(f'"customer:{case.customer_id}"', f'"customer:{self.id("customers_customer", case.customer_id)}"')]
        return sorted(dict(given).items(), key=lambda pair: -len(pair[0]))

    def worded(self, text: str) -> str:
        for mark, place in self._marks:
            if mark in text:
                text = text.replace(mark, place)
        return text

    def plain(self, value: Any, key: str = "") -> Any:
        """JSON in which ids are places; a number's place is told by \ue002, and loses its quotes when written."""
        if isinstance(value, dict):
            if key == "clocks":
                return {self.id("cases_clock", int(k)): self.plain(v) for k, v in value.items()}
            return {k: self.plain(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.plain(v, key) for v in value]
        if isinstance(value, int) and not isinstance(value, bool) and key in NAMED:
            return "\ue002" + self.id(NAMED[key], value)
        return value

    def written(self, value: Any) -> str:
        from wenguo.journal.canonical import canonical

        text = re.sub('"\ue002([^"]*)"', r"\1", canonical(self.plain(value)).decode())
        return self.worded(text)

    # ── rows ──

    def template(self) -> Template:
        self._marks = self.marks()
        chains = self._chains()
        rows = [self._row(table, row) for table, rows in self.rows.items() for row in rows]
        counts = Counter({table: len(rows) for table, rows in self.rows.items()})
        return Template(self.is_open, self.case.received_at, self.values, rows, chains, counts, self._said())

    def _said(self) -> str:
        """The lexemes of what the acts themselves put into the index: the words of staff, the category."""
        from bench import stories
        from wenguo.text.search import tsvector_text

        mine = tsvector_text(f"{stories.TEXT}\n{stories.SUBJECT}\n{stories.NAME}\n{stories.ORDER}\n{self.case.number}")
        all_ = re.findall(r"'(?:[^']|'')*'", self.rows["cases_case"][0]["search"])
        return " ".join(lexeme for lexeme in all_ if lexeme not in mine)

    def _row(self, table: str, row: dict[str, Any]) -> tuple[str, str, Any]:
        fields = [self._field(table, column, value, row) for column, value in row.items()]
        return (table, *_pattern("\t".join(fields) + "\n"))

    def _field(self, table: str, column: str, value: Any, row: dict[str, Any]) -> str:
        if value is None:
            return "\\N"
        if table == "journal_event" and column in {"salt", "private_digest", "previous", "hash"}:
            return "\\\\x" + self.place(column, row["stream_id"], row["seq"])
        if table == "journal_stream" and column == "head":
            return "\\\\x" + self.place("hash", row["id"], row["seq"])
        if table == "cases_case" and column == "search":
            return self.place("search")
        if table == "customers_customer" and column == "words":
            return self.place("name words")
        if column in {"id", "case_id"} or column in FOREIGN[table]:
            return self.id(FOREIGN[table].get(column, table), value)
        if isinstance(value, bool):
            return "t" if value else "f"
        if isinstance(value, datetime):
            return self.place("moment", value)
        if isinstance(value, (dict, list)) and (table, column) in JSON_COLUMNS:
            return _escaped(self.written(value))
        if isinstance(value, list):
            return _escaped(self.worded("{" + ",".join('"' + str(v) + '"' for v in value) + "}"))
        if isinstance(value, (bytes, memoryview)):
            return "\\\\x" + bytes(value).hex()
        if table == "journal_stream" and column == "ref" and row["kind"] == "customer":
            return self.id("customers_customer", int(value))
        if column in {"by", "received_by"} and str(value).startswith("customer:"):
            return "customer:" + self.id("customers_customer", int(str(value).partition(":")[2]))
        if column == "about" and ":" in str(value):
            kind, _colon, pk = str(value).partition(":")
            return f"{kind}:" + self.id(NAMED[kind], int(pk)) if kind in NAMED else str(value)
        return _escaped(self.worded(str(value)))

    def _chains(self) -> list[list[Link]]:
        names = {s["id"]: (s["kind"], s["ref"]) for s in self.rows["journal_stream"]}
        chains: dict[int, list[Link]] = defaultdict(list)
        for e in sorted(self.rows["journal_event"], key=lambda e: (e["stream_id"], e["seq"])):
            kind, ref = names[e["stream_id"]]
            stream = f"{kind}:{self.id('customers_customer', int(ref)) if kind == 'customer' else ref}"
            at = (e["stream_id"], e["seq"])
            places = {name: int(self.place(name, *at)[1:-1]) for name in ("previous", "hash")}
            private = None
            if e["private"] is not None:
                private = _pattern(self.written(e["private"]))
                places |= {name: int(self.place(name, *at)[1:-1]) for name in ("salt", "private_digest")}
            by = str(e["by"])
            if by.startswith("customer:"):
                by = "customer:" + self.id("customers_customer", int(by.partition(":")[2]))
            data = self.plain(e["data"])
            secret = self.place("private_digest", *at) if private else None
            whole = {
                "stream": stream, "seq": e["seq"], "type": e["type"], "at": self.moment(e["at"]), "by": by,
                "because": e["because"], "data": data, "private": secret,
            }  # fmt: skip
            chains[e["stream_id"]].append(Link(_pattern(self.written(whole)), private, places))
        return list(chains.values())


FOREIGN: dict[str, dict[str, str]] = {}  # table → column → the table it points to
JSON_COLUMNS: set[tuple[str, str]] = set()


def _learn_tables() -> None:
    from django.apps import apps
    from django.db.models import JSONField

    for model in apps.get_models():
        table = model._meta.db_table
        fields = model._meta.concrete_fields
        FOREIGN[table] = {f.column: f.related_model._meta.db_table for f in fields if f.remote_field}
        JSON_COLUMNS.update((table, f.column) for f in fields if isinstance(f, JSONField))


def _raw(table: str, key: str, pks: Sequence[Any]) -> list[dict[str, Any]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}" WHERE "{key}" = ANY(%s) ORDER BY "{key}"', [list(pks)])
        columns = [c.name for c in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        for column in row:
            if (table, column) in JSON_COLUMNS and isinstance(row[column], str):
                row[column] = json.loads(row[column])
    return rows


def _escaped(text: str) -> str:
    """For COPY's text format."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _pattern(text: str) -> tuple[str, Any]:
    """A %-pattern, and the getter of what fills it. At least two places, so that the getter gives a tuple."""
    places = [int(n) for n in PLACE.findall(text)]
    pattern = PLACE.sub("%s", text.replace("%", "%%"))
    while len(places) < 2:
        pattern, places = pattern + "%.0s", [*places, 0]
    return pattern, itemgetter(*places)


# ── words for the copies ─────────────────────────────────────────────────────────────────────────────────────────────

_STREETS = (
    "青石桐荫杏林望江听雨梧桐枫桥柳浪云溪松涛竹影兰亭荷塘菊圃梅岭桂香槐序榆关桑梓棠梨枣园杉湖樟树银杏丹桂玉兰海棠芙蓉蔷薇紫藤茉莉"
    "临水沧浪潇湘洞庭鄱阳太行燕山祁连贺兰昆仑峨眉武夷雁荡天目莫干普陀九华黄山庐岳衡岱嵩华恒泰岷峡渝黔滇琼粤闽赣皖鄂豫晋冀鲁陕陇"
)
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡"
    "余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石"
)
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建文辉力萍鑫波宇浩凯健俊帆雪荣爱倩玲桐安然思雨子轩晨曦"


class Words:
    """Complaints as the demonstration company receives them, with an address and an order of their own in each."""

    def __init__(self, seed: int, pool: int = 3000) -> None:
        from wenguo.demo.corpus.year import year
        from wenguo.text.search import tsvector_text

        self.rng = random.Random(seed)
        self.vector = tsvector_text
        clean = str.maketrans({c: " " for c in '\n\r\t\\"'})
        told = [(w.text.translate(clean), w.title.translate(clean)) for w in year(pool, datetime.now(UTC), seed=seed)]
        self.pool = [(text, title, tsvector_text(f"{text}\n{title}")) for text, title in told]

    def next(self, n: int) -> dict[str, str]:
        rng = self.rng
        text, title, lexemes = self.pool[int(rng.random() * len(self.pool))]
        street = rng.choice(_STREETS) + rng.choice(_STREETS) + "路"
        order = f"M{n:012d}"
        name = rng.choice(_SURNAMES) + "".join(rng.choice(_GIVEN) for _ in range(1 + (rng.random() < 0.7)))
        added = f"收货地址{street}{n % 900 + 1}号,取件码{order}。"
        return {
            "text": f"{text} {added}", "subject": title[:60], "name": name, "order": order, "phone": f"199{n:08d}",
            "mail": f"k{n}@example.com", "lexemes": f"{lexemes} {self.vector(added)} {self.vector(name)}",
        }  # fmt: skip


# ── copying ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Press:
    """Makes copies of templates. `start`: the id before the first, by table."""

    def __init__(self, templates: list[Template], start: Counter[str], seed: int) -> None:
        from wenguo.cases.letters import local
        from wenguo.journal.canonical import moment

        self.templates, self.next, self.words = templates, Counter(start), Words(seed)
        self.rng = random.Random(seed)
        self.moment, self.local = moment, local
        self.lines: dict[str, list[str]] = defaultdict(list)

    def copy(self, n: int, template: Template) -> None:
        from wenguo.cases.number import spell
        from wenguo.customers.words import words_of

        back = (
            self.rng.random() * 600
            if template.is_open
            else self.rng.randrange(150) * 604_800 + self.rng.random() * 9_000
        )
        delta, said = -timedelta(seconds=back), self.words.next(n)
        number = spell(f"{template.received_at + delta:%y%m}", FIRST_SERIAL + n)
        said["number"] = number
        said["search"] = _escaped(f"{said.pop('lexemes')} {self.words.vector(number)} {template.search}")
        said["name words"] = _escaped(" ".join(f"'{w}'" for w in words_of(said["name"])))
        values: list[str] = []
        for kind, *what in template.values:
            if kind == "id":
                values.append(str(self.next[what[0]] + what[1] + 1))
            elif kind == "moment":
                values.append(self.moment(what[0] + delta))
            elif kind == "local":
                values.append(self.local(what[0] + delta))
            elif kind == "day":
                values.append(self.local(what[0] + delta).split(" ")[0])
            elif kind == "link":
                values.append(self._link(what[0], template.received_at + delta))
            else:
                values.append(said.get(kind, ""))
        for chain in template.chains:
            self._hash(chain, values)
        for table, pattern, getter in template.rows:
            self.lines[table].append(pattern % getter(values))
        self.next.update(template.counts)

    def _link(self, letter: str, at: datetime) -> str:
        from django.core import signing

        pk, purpose = self.next["cases_case"] + 1, "track" if letter == "t" else "survey"
        return signing.dumps([pk, purpose, int(at.timestamp()) + 730 * 86_400], salt="wenguo.link", compress=True)

    def _hash(self, chain: list[Link], values: list[str]) -> None:
        head = bytes(32)
        for link in chain:
            if link.private is not None:
                pattern, getter = link.private
                salt = self.rng.randbytes(16)
                values[link.places["salt"]] = salt.hex()
                values[link.places["private_digest"]] = sha256(salt + (pattern % getter(values)).encode()).hexdigest()
            pattern, getter = link.whole
            values[link.places["previous"]] = head.hex()
            head = sha256(head + (pattern % getter(values)).encode()).digest()
            values[link.places["hash"]] = head.hex()


def _order(templates: list[Template]) -> list[int]:
    """A hundred turns with the wanted share of open cases, then the same again."""
    rng = random.Random(7)
    open_, over = ([n for n, t in enumerate(templates) if t.is_open is wanted] for wanted in (True, False))
    turns = [rng.choice(open_) for _ in range(round(OPEN_SHARE * 1000))]
    turns += [rng.choice(over) for _ in range(1000 - len(turns))]
    rng.shuffle(turns)
    return turns


def _press_and_write(url: str, given: tuple[list[Template], Counter[str], range, int]) -> Counter[str]:
    """In a process of its own: the copies of `range`."""
    templates, start, mine, seed = given
    turns = _order(templates)
    press = Press(templates, start, seed)
    with connect(url, autocommit=True) as server:
        server.execute("SET session_replication_role = replica")
        server.execute("SET synchronous_commit = off")
        columns = {t: [c[0] for c in server.execute(f'SELECT * FROM "{t}" LIMIT 0').description] for t in start}
        for n in mine:
            press.copy(n, templates[turns[n % len(turns)]])
            if (n + 1) % ROUND == 0 or n == mine[-1]:
                for table, lines in press.lines.items():
                    named = ", ".join(f'"{c}"' for c in columns[table])
                    with server.cursor().copy(f'COPY "{table}" ({named}) FROM STDIN') as copy:
                        copy.write("".join(lines))
                press.lines.clear()
    return press.next


def _process(url: str, given: Any) -> None:
    from wenguo.config.database import set_up

    set_up()
    _press_and_write(url, given)


def taken(now: datetime, moments: int) -> list[Template]:
    """The lived stories, taken apart; nothing of them stays in the database."""
    from django.db import transaction

    from bench import stories

    _learn_tables()
    with transaction.atomic():
        told = list(stories.lived(now, moments))
        templates = [Taking(case, is_open).template() for case, is_open in told]
        transaction.set_rollback(True)
    return templates


def load(url: str, cases: int, *, processes: int = 2) -> dict[str, float]:
    """Add copies until there are `cases`. Returns {cases, events, seconds}."""
    from django.db import connection

    from wenguo.cases.case import Case

    present = Case.objects.count()
    if present >= cases:
        return {"cases": 0, "events": 0, "seconds": 0.0}
    began = time.perf_counter()
    templates = taken(datetime.now(UTC), MOMENTS)
    tables = {table for t in templates for table in t.counts}
    with connection.cursor() as cursor:
        start: Counter[str] = Counter()
        for table in tables - {"cases_record"}:
            cursor.execute(f'SELECT COALESCE(max(id), 0) FROM "{table}"')
            start[table] = cursor.fetchone()[0]
    start["cases_record"] = start["cases_case"]
    turns, wanted = _order(templates), cases - present
    edges = [present + wanted * p // processes for p in range(processes + 1)]
    work = []
    at = Counter(start)
    for p in range(processes):
        mine = range(edges[p], edges[p + 1])
        work.append((templates, Counter(at), mine, 2026 + p))
        for turn, times in Counter(n % len(turns) for n in mine).items():
            at.update({t: c * times for t, c in templates[turns[turn]].counts.items()})
    context = multiprocessing.get_context("fork")
    connection.close()
    connection.close_pool()
    with _indexes_later(url, tables if wanted > present else set()):
        crew = [context.Process(target=_process, args=(url, one)) for one in work]
        for one in crew:
            one.start()
        for one in crew:
            one.join()
            if one.exitcode:
                raise SystemExit("loading failed")
    _settle(tables, at)
    return {
        "cases": wanted,
        "events": at["journal_event"] - start["journal_event"],
        "seconds": time.perf_counter() - began,
    }


@contextmanager
def _indexes_later(url: str, tables: set[str]) -> Iterator[None]:
    """What is loaded at once is indexed at once: the indexes of these tables that keep no constraint go, and are built
    when all rows are there. They are written down in the database: the load after one that was killed builds them.
    """
    with connect(url, autocommit=True) as server:
        server.execute("CREATE TABLE IF NOT EXISTS bench_index (name text PRIMARY KEY, made_by text NOT NULL)")
        server.execute("INSERT INTO bench_index " + _FREE, [sorted(tables)])
        for (name,) in server.execute("SELECT name FROM bench_index").fetchall():
            server.execute(f'DROP INDEX IF EXISTS "{name}"')
    yield
    with connect(url, autocommit=True) as server:
        server.execute("SET maintenance_work_mem = '1GB'")
        for name, made_by in server.execute("SELECT name, made_by FROM bench_index ORDER BY name").fetchall():
            server.execute(made_by)
            server.execute("DELETE FROM bench_index WHERE name = %s", [name])


_FREE = """
    SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
    WHERE i.indrelid::regclass::text = ANY(%s)
        AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
    ON CONFLICT DO NOTHING
"""


def _settle(tables: set[str], last: Counter[str]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for table in tables - {"cases_record"}:
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, max(1, last[table])])
        cursor.execute("VACUUM (ANALYZE)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    wanted = parser.parse_args().cases
    with bench_database() as url:
        done = load(url, wanted)
        if done["cases"]:
            print(f"{done['cases']:,} cases, {done['events']:,} events in {done['seconds']:.0f} s")


if __name__ == "__main__":
    main()

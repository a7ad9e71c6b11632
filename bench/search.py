"""Two Chinese characters, looked for among everything that was said: are all found (against LIKE), and how fast."""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from datetime import UTC, datetime
from urllib.parse import quote

from bench import client
from bench.figures import Figure, table
from bench.house import bench_database, machine, serving, session_of

WORDS = 60


def words(number: int, seed: int = 5) -> list[str]:
    """Two-character pieces of what was said: a third frequent, a third rare (in a handful), a third in between."""
    from wenguo.cases.case import Record

    rng, seen = random.Random(seed), Counter[str]()
    texts = Record.objects.order_by("pk").values_list("description", flat=True)[:4000]
    for text in texts:
        seen.update(
            {text[i : i + 2] for i in range(len(text) - 1) if all("\u4e00" <= c <= "\u9fff" for c in text[i : i + 2])}
        )
    ranked = [word for word, _n in seen.most_common()]
    rare, third = [w for w in ranked if seen[w] == 1], number // 3
    middle = ranked[len(ranked) // 20 : len(ranked) // 2]
    return [*rng.sample(ranked[:100], third), *rng.sample(middle, third), *rng.sample(rare, third)]


def recall(asked: list[str]) -> tuple[float, int]:
    """The share of the cases whose description has the word (by LIKE) that are found, and how many there were."""
    from django.db import connection

    from wenguo.cases.case import Case

    wanted = found = 0
    with connection.cursor() as cursor:
        for word in asked:
            cursor.execute("SELECT case_id FROM cases_record WHERE description LIKE %s", [f"%{word}%"])
            by_like = {row[0] for row in cursor.fetchall()}
            by_search = set(Case.objects.matching(word).order_by().values_list("pk", flat=True))
            wanted, found = wanted + len(by_like), found + len(by_like & by_search)
    return (found / wanted if wanted else 0.0), wanted


def newest(word: str) -> float:
    """Milliseconds for the newest fifty cases in which the word was said."""
    from wenguo.cases.case import Case

    began = time.perf_counter()
    list(Case.objects.matching(word).order_by("-received_at", "-pk").values_list("pk", "number")[:50])
    return (time.perf_counter() - began) * 1000


def measure(number: int = 300) -> list[Figure]:
    from django.urls import reverse

    from wenguo.cases.case import Case

    asked = words(WORDS)
    share, wanted = recall(asked[:: max(1, len(asked) // 15)])
    for word in asked:
        newest(word)
    took = sorted(newest(word) for word in asked for _ in range(3))
    most = 200 if Case.objects.count() > 500_000 else 100
    with serving() as where:
        cookie = session_of("zhouhang")
        gets = [client.get(f"{reverse('desk:queue')}?view=all&q={quote(word)}", Cookie=cookie) for word in asked]
        client.drive(where, iter(gets[:20]), at_once=2)
        page = client.drive(where, iter([gets[n % len(gets)] for n in range(number)]), at_once=2)
    told = f"{len(asked)} words: frequent, middling, rare; {datetime.now(UTC):%H:%M}"
    return [
        Figure("search: recall against LIKE", share, "", 1.0, most=False, settings=f"{wanted:,} hits by LIKE"),
        Figure(
            "search, newest 50: p95",
            took[int(len(took) * 0.95)],
            "ms",
            most,
            settings=f"{told}; p50 {took[len(took) // 2]:.1f} ms",
        ),
        Figure(
            "search as a page, 2 at once: p95",
            page.ms(0.95),
            "ms",
            settings=f"p50 {page.median:.0f} ms, counts and all",
        ),
    ]


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with bench_database():
        heading = machine()
        print(table(measure(), heading))


if __name__ == "__main__":
    main()

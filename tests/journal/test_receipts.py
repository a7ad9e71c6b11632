"""Roots, and what a customer holds in hand."""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import sys
import threading
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from wenguo import journal
from wenguo.errors import Invalid, NotNow
from wenguo.journal import merkle

from .conftest import NOON, told

DOC = Path(__file__).parents[2] / "docs/receipt.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)


def rfc6962(leaves: list[bytes]) -> bytes:
    """The tree hash as RFC 6962, 2.1 writes it, recursively."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + rfc6962(leaves[:k]) + rfc6962(leaves[k:])).digest()


@given(st.integers(1, 300), st.data())
def test_the_tree_is_that_of_rfc_6962_and_every_path_leads_to_its_root(n, data):
    leaves = [merkle.leaf(str(i)) for i in range(n)]
    position = data.draw(st.integers(0, n - 1))
    path = merkle.path_of(leaves, position)
    assert merkle.root_of(leaves) == rfc6962(leaves)
    assert merkle.climb(leaves[position], path) == merkle.root_of(leaves)
    assert len(path) <= (n - 1).bit_length()
    assert merkle.climb(merkle.leaf("forged"), path) != merkle.root_of(leaves)


def test_folding_covers_what_grew_and_nothing_twice(tell):
    assert journal.fold(NOON) is None
    first, second = tell("TS-1"), tell("TS-2")
    root = journal.fold(NOON)
    assert root.leaves == 2 and bytes(root.previous_root) == bytes(32)
    assert root.upto == second.events.last().pk
    assert journal.fold(NOON) is None
    first = tell("TS-1", n=1)
    after = journal.fold(NOON + timedelta(minutes=5))
    assert after.leaves == 1 and bytes(after.previous_root) == bytes(root.root)
    assert list(first.leaf_set.order_by("seq").values_list("seq", flat=True)) == [5, 6]
    assert journal.verify_all().ok


def test_a_large_harvest_is_folded_in_parts(tell):
    for n in range(5):
        tell(f"TS-{n}", n=1)
    sizes = []
    while root := journal.fold(NOON, most=2):
        sizes.append(root.leaves)
    assert sizes == [2, 2, 1]
    assert journal.verify_all().ok


@pytest.mark.django_db(transaction=True)
def test_who_is_being_written_to_is_left_for_the_next_time_and_the_root_is_logged(caplog):
    with transaction.atomic():
        for number in ("TS-1", "TS-2"):
            journal.append(journal.open_stream("case", number), [told()])
    folded = []

    def fold() -> None:
        try:
            folded.append(journal.fold(NOON))
        finally:
            connections.close_all()

    caplog.set_level(logging.INFO, logger="wenguo.journal")
    with transaction.atomic():
        journal.append(journal.open_stream("case", "TS-2"), [told(2)])
        thread = threading.Thread(target=fold)
        thread.start()
        thread.join(30)
    assert folded[0].leaves == 1
    line = f"journal.root id={folded[0].pk} root={bytes(folded[0].root).hex()} at=2026-11-20T04:00:00.000000Z leaves=1"
    assert line in caplog.messages
    assert journal.fold(NOON).leaves == 1
    assert journal.receipt(journal.open_stream("case", "TS-2"))["seq"] == 2
    assert journal.verify_all().ok


@pytest.mark.django_db(transaction=True)
def test_while_one_folds_another_does_not():
    with transaction.atomic():
        journal.append(journal.open_stream("case", "TS-1"), [told()])
    connection.ensure_connection()
    other = connection.get_new_connection({**connection.get_connection_params(), "autocommit": True})
    try:
        other.execute("SELECT pg_advisory_lock(%s)", [merkle.FOLDING])
        assert journal.fold(NOON) is None
        other.execute("SELECT pg_advisory_unlock(%s)", [merkle.FOLDING])
    finally:
        other.close()
    assert journal.fold(NOON).leaves == 1


def test_the_job_folds_all(tell):
    from wenguo.journal.tasks import fold_heads

    stream = tell()
    fold_heads(timestamp=0)
    assert journal.receipt(stream)["seq"] == 5


def test_a_receipt_holds_and_says_how_the_record_grew(tell):
    stream = tell()
    with pytest.raises(NotNow, match="回执稍后生成"):
        journal.receipt(stream)
    for number in range(6):
        tell(f"TS-{number}", n=1)
    journal.fold(NOON)
    receipt = json.loads(json.dumps(journal.receipt(stream)))
    assert set(receipt) == {"kind", "number", "seq", "head", "root", "root_at", "path"}
    assert (receipt["kind"], receipt["number"], receipt["seq"]) == ("case", "TS-0042", 5)
    assert receipt["root_at"] == "2026-11-20T04:00:00.000000Z"
    assert journal.check_receipt(receipt) == journal.Verdict(True, 5, None, "回执有效，记录未被改动")
    tell(n=2)
    grown = journal.check_receipt(receipt)
    assert grown == journal.Verdict(True, 7, None, "回执有效，记录未被改动，其后新增 2 条", 2)
    journal.fold(NOON)
    assert journal.check_receipt(receipt) == grown
    assert journal.check_receipt(journal.receipt(journal.open_stream("case", "TS-0042"))).grown == 0


@pytest.mark.parametrize(
    "forgery",
    [
        {"number": "TS-0043"},
        {"kind": "customer"},
        {"seq": 4},
        {"head": "00" * 32},
        {"root": "00" * 32},
        {"root_at": "2026-11-19T04:00:00.000000Z"},
        {"path": []},
    ],
)
def test_a_forged_receipt_does_not_hold(tell, forgery):
    stream = tell()
    journal.fold(NOON)
    verdict = journal.check_receipt(journal.receipt(stream) | forgery)
    assert not verdict.ok and verdict.why


def test_a_receipt_from_elsewhere_does_not_hold(db):
    head = bytes(32)
    root = merkle.leaf(merkle.stream_text("case:TS-9", 1, head)).hex()
    made_up = {"kind": "case", "number": "TS-9", "seq": 1, "head": head.hex(), "root": root, "root_at": "x", "path": []}
    verdict = journal.check_receipt(made_up)
    assert not verdict.ok and "没有这样的存证根" in verdict.why


@pytest.mark.parametrize(
    "broken",
    [
        {"seq": "5"},
        {"seq": True},
        {"seq": -1},
        {"head": "xy"},
        {"head": "é" * 64},
        {"path": "LR"},
        {"path": [["U", "00" * 32]]},
        {"path": [["L"]]},
        {"path": [["L", "00" * 32]] * 65},
        {"path": [[["L"], "00" * 32]]},
        {"number": "x" * 101},
        {"number": "TS\x00"},
        {"root_at": None},
    ],
)
def test_what_is_no_receipt_is_refused_in_words(tell, broken):
    stream = tell()
    journal.fold(NOON)
    with pytest.raises(Invalid, match="不是一份完整的回执"):
        journal.check_receipt(journal.receipt(stream) | broken)
    with pytest.raises(Invalid):
        journal.check_receipt({})


def test_a_record_changed_after_the_receipt_is_noticed(tell, forge):
    stream = tell()
    journal.fold(NOON)
    receipt = journal.receipt(stream)
    forge("UPDATE journal_event SET by = 'staff:18' WHERE seq = 2")
    verdict = journal.check_receipt(receipt)
    assert not verdict.ok and verdict.first_broken == 2 and "出具回执后记录被改动" in verdict.why


def test_even_a_record_rewritten_with_all_its_roots_contradicts_the_receipt(tell, forge):
    stream = tell()
    journal.fold(NOON)
    receipt = journal.receipt(stream)
    for table in ("leaf", "root", "event", "stream"):
        forge(f"DELETE FROM journal_{table}")
    stream = tell(n=6)
    journal.fold(NOON)
    assert journal.verify_all().ok
    assert not journal.check_receipt(receipt).ok


def test_the_documented_python_checks_a_receipt(tell, tmp_path):
    stream = tell()
    for number in range(6):
        tell(f"TS-{number}", n=1)
    journal.fold(NOON)
    receipt = journal.receipt(stream)
    script, paper = tmp_path / "check.py", tmp_path / "receipt.json"
    script.write_text(blocks("python")[0], encoding="utf-8")
    paper.write_text(json.dumps(receipt), encoding="utf-8")
    run = [sys.executable, "-I", str(script), str(paper)]
    assert subprocess.run(run, capture_output=True).returncode == 0
    paper.write_text(json.dumps(receipt | {"seq": 4}), encoding="utf-8")
    assert subprocess.run(run, capture_output=True).returncode == 1


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("sha256sum")), reason="needs bash and sha256sum")
def test_the_documented_shell_words_check_a_receipt(tell):
    stream = tell()
    for number in range(6):
        tell(f"TS-{number}", n=1)
    journal.fold(NOON)
    receipt = journal.receipt(stream)
    script = blocks("bash")[0] + 'n=$(leaf "{kind}:{number} {seq} {head}")\n'.format(**receipt)
    for side, other in receipt["path"]:
        script += f"n=$(node {other} $n)\n" if side == "L" else f"n=$(node $n {other})\n"
    done = subprocess.run(["bash", "-c", script + "echo $n"], capture_output=True, text=True)
    assert done.stdout.strip() == receipt["root"]


def test_the_documented_export_recomputes_the_whole_record(tell, tmp_path):
    stream = tell()
    journal.erase(stream, "staff:3", NOON, "客户要求", only=lambda event: event.seq < 3)
    with connection.cursor() as cursor:
        cursor.execute(blocks("sql")[0].replace(":name", "%s"), [stream.name])
        lines = [row[0] if isinstance(row[0], str) else json.dumps(row[0]) for row in cursor.fetchall()]
    script, export = tmp_path / "record.py", tmp_path / "record.jsonl"
    script.write_text(blocks("python")[1], encoding="utf-8")
    export.write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", str(script), str(export)], capture_output=True, text=True, check=True)
    stream.refresh_from_db()
    assert done.stdout.strip() == bytes(stream.head).hex()

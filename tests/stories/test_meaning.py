"""Similar cases in other words: where sentence vectors are kept they add to what the words say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wenguo.cases import alike, group
from wenguo.cases.alike import Trace
from wenguo.text import vectors

LATE = "快递三天了还没到，客服一直说在路上。"
ALSO_LATE = "包裹迟迟没有送达，物流信息好几天不更新，问就是再等等。"
WET = "空调装好第一天就滴水，地板都泡坏了。"

needs_the_extra = pytest.mark.skipif(
    not vectors.installed(), reason="NOT TESTED: the extra wenguo[vectors] is not installed"
)


@pytest.fixture(autouse=True)
def fresh() -> Any:
    alike.forget_meant()
    yield
    alike.forget_meant()


@pytest.fixture
def three(desk: Any) -> list[Any]:
    cases = [desk.receives(text, phone=f"1390000{n:04}") for n, text in enumerate((LATE, ALSO_LATE, WET))]
    for case in cases:
        group.meet(case.pk, at=desk.now)
    return cases


def pointing(*places: int) -> bytes:
    """A vector that lies between these directions."""
    made = np.zeros(vectors.WIDTH)
    made[list(places)] = vectors.STEPS / np.sqrt(len(places))
    return np.clip(made, -127, 127).astype(np.int8).tobytes()


def test_what_means_the_same_comes_nearer_and_nothing_is_lost_without(desk: Any, three: list[Any]) -> None:
    late, also_late, wet = three
    bare = {s.case: s.score for s in alike.similar(late, by=desk.agent, at=desk.now)}
    assert also_late not in bare
    for case, vector in ((late, pointing(1, 2, 3)), (also_late, pointing(1, 2, 3)), (wet, pointing(7, 8, 9))):
        Trace.objects.filter(pk=case.pk).update(meant=vector, meant_by=vectors.NAME)
    alike.forget_meant()
    found = {s.case: s for s in alike.similar(late, by=desk.agent, at=desk.now)}
    assert also_late in found and wet not in found and found[also_late].why[0] == "意思相近"
    assert alike.similar(late, by=desk.east_agent, at=desk.now) == []  # alike or not: only what one may see
    Trace.objects.filter(pk=also_late.pk).update(meant_by="another-1.0")  # of another model: not compared
    alike.forget_meant()
    assert also_late not in {s.case for s in alike.similar(late, by=desk.agent, at=desk.now)}


def test_a_vector_leaves_with_the_trace(desk: Any, three: list[Any]) -> None:
    Trace.objects.filter(pk=three[0].pk).update(meant=pointing(1), meant_by=vectors.NAME)
    alike.forget_traces([three[0].pk])
    assert not Trace.objects.exclude(meant_by="").exists()


@needs_the_extra
def test_the_model_knows_that_a_parcel_is_a_delivery(desk: Any, three: list[Any]) -> None:
    assert alike.keep_meaning([case.pk for case in three]) == 3
    assert alike.catch_up_meaning() == 0
    near = alike._meant_alike(three[0])
    assert near.get(three[1].pk, 0.0) > 0.3 > near.get(three[2].pk, 0.0)


@needs_the_extra
def test_any_text_has_a_vector() -> None:
    made = vectors.of(["", "。", "🙂" * 50, "a" * 100_000, LATE, LATE])
    assert made.shape == (6, vectors.WIDTH) and made.dtype == np.int8
    assert vectors.nearness(made[4], made[5:])[0] > 0.99

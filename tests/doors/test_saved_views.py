"""Views of one's own: kept, opened, renamed, deleted; columns that stay; nobody else sees them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from tests.doors.visitor import at_desk

from wenguo.web.desk import saved
from wenguo.web.desk.saved import SavedView


def test_a_view_is_kept_with_its_filters_and_opened_again(now: Any) -> None:
    leak, refund = now.receives("空调漏电"), now.receives("退款两周未到账", phone="13900000002")
    client = at_desk(now.agent)
    kept = client.post(
        "/desk/queue/views/", {"name": "漏电的", "query": "view=unassigned&q=漏电&channel=phone&evil=1&after=x"}
    )
    view = SavedView.objects.get()
    assert kept["Location"].endswith(f"own={view.pk}")
    assert view.asked == {"view": "unassigned", "q": "漏电", "channel": "phone"}
    body = client.get(view.href).content.decode()
    assert "漏电的" in body and leak.number in body and refund.number not in body
    assert "漏电的" in client.get("/desk/queue/").content.decode()
    # nobody else sees it, opens it or changes it
    other = at_desk(now.other_agent)
    assert "漏电的" not in other.get("/desk/queue/").content.decode()
    assert "漏电的" not in other.get(view.href).content.decode()
    for do in ("rename", "update", "delete"):
        answer = other.post(f"/desk/queue/views/{view.pk}/", {"do": do, "name": "我的了", "query": "view=all"})
        assert answer.status_code == 404, do
    view.refresh_from_db()
    assert view.name == "漏电的"


def test_a_view_is_renamed_brought_up_to_date_and_deleted(now: Any) -> None:
    client = at_desk(now.agent)
    client.post("/desk/queue/views/", {"name": "一", "query": "view=late"})
    client.post("/desk/queue/views/", {"name": "二", "query": "view=open"})
    one = SavedView.objects.get(name="一")
    address = f"/desk/queue/views/{one.pk}/"
    taken = client.post(address, {"do": "rename", "name": "二"})
    assert taken.status_code == 422 and "二" in taken.content.decode()
    assert client.post("/desk/queue/views/", {"name": "二", "query": ""}).status_code == 422
    assert client.post(address, {"do": "rename", "name": "长" * 41}).status_code == 422
    assert client.post(address, {"do": "nonsense"}).status_code == 422
    client.post(address, {"do": "rename", "name": "三" * 40})
    client.post(address, {"do": "update", "query": "view=late&level=2"})
    one.refresh_from_db()
    assert (one.name, one.asked) == ("三" * 40, {"view": "late", "level": "2"})
    client.post(address, {"do": "delete"})
    assert not SavedView.objects.filter(pk=one.pk).exists()
    assert client.post(address, {"do": "delete"}).status_code == 404
    assert client.get(f"/desk/queue/?own={one.pk}").status_code == 200  # an old address still leads to a list


def test_columns_and_order_stay_for_the_person_and_for_each_view(now: Any) -> None:
    now.receives("空调漏电", product="云柜空调")
    client = at_desk(now.agent)
    plain = client.get("/desk/queue/").content.decode()
    assert "云柜空调" not in plain
    layout = {"columns": ["product", "channel", "due"], "order": "new", "query": "view=open"}
    assert client.post("/desk/queue/layout/", layout)["Location"] == "/desk/queue/?view=open"
    again = client.get("/desk/queue/").content.decode()
    assert "云柜空调" in again and 'class="cell-level"' not in again
    assert "云柜空调" in client.get("/desk/queue/?view=unassigned").content.decode()
    assert "云柜空调" not in at_desk(now.other_agent).get("/desk/queue/").content.decode()
    # a view begins with the columns of the list and then goes its own way
    client.post("/desk/queue/views/", {"name": "一", "query": "view=open"})
    view = SavedView.objects.get(name="一")
    assert view.columns == ["product", "channel", "due"] and view.order == "new"
    client.post("/desk/queue/layout/", {"columns": ["level"], "order": "", "query": "view=open", "own": view.pk})
    assert "云柜空调" not in client.get(view.href).content.decode()
    assert "云柜空调" in client.get("/desk/queue/").content.decode()
    assert client.post("/desk/queue/layout/", {"columns": ["password"], "query": ""}).status_code == 422
    # none at all is the usual ones
    client.post("/desk/queue/layout/", {"query": "view=open"})
    assert 'class="cell-level"' in client.get("/desk/queue/").content.decode()


def test_there_is_an_end_to_views(now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "MOST", 2)
    client = at_desk(now.agent)
    answers = [client.post("/desk/queue/views/", {"name": str(n), "query": "view=open"}) for n in range(4)]
    assert answers[-1].status_code == 409 and "最多保存 2 个视图" in answers[-1].content.decode()


def test_only_who_sees_cases_keeps_views(now: Any) -> None:
    for address in ("/desk/queue/views/", "/desk/queue/layout/", "/desk/queue/acts/"):
        assert at_desk(now.admin).post(address, {"name": "x"}).status_code == 403, address
        assert Client().post(address).status_code == 302, address

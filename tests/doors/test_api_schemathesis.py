"""Requests nobody thought of: generated from the API's own description, against cases in every stage.

Whatever is sent, the answer is one the description names, in the shape it names, and never a failure of ours. A domain
refusal (409, 422) of a request that fits the schema is an answer too.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation

from wenguo import journal
from wenguo.people import tokens

ANSWERS = ["2xx", "401", "403", "404", "409", "413", "422"]
# Where a value of this name comes from in the cases that are there: the rows whose ids it takes.
ROWS = {
    "handover": "handovers", "task": "joint_tasks", "supervision": "supervisions", "clock": "clocks",
    "evidence": "evidence", "fact": "facts", "request": "requests", "cause": "causes", "parent": "causes",
    "report": "reports", "option": "options", "step": "approvals", "override": "overrides", "measure": "measures",
    "reply": "replies", "review": "reviews", "followup": "followups", "survey": "surveys", "submission": "submissions",
    "clock_id": "clocks", "evidence_id": "evidence",
}  # fmt: skip


class World:
    """The company with a case in each stage, and one person who may do everything."""

    def __init__(self, desk: Any, remedy: Any) -> None:
        desk.now = timezone.now() - timedelta(hours=1)
        self.desk = desk
        self.cases = list(_cases(desk, remedy))
        person = _everything(desk)
        self.token = tokens.issue(
            person, "fuzz", ["write"], timezone.now() + timedelta(hours=2), by=person, at=timezone.now()
        )
        self.units = [u.pk for u in desk.units.values()]
        self.people = [p.pk for p in desk.by_name.values()]
        self.ids = {c.number: {name: sorted(_ids(c, kind)) for name, kind in ROWS.items()} for c in self.cases}
        self.customers = [c.customer_id for c in self.cases]
        self.tray = [_unsorted(desk.now)]
        journal.fold(timezone.now())
        self.codes = _codes(self.cases[0].pack)


def _cases(desk: Any, remedy: Any) -> Any:
    from wenguo.cases import (
        acceptance,
        approval,
        causes,
        evidence,
        followup,
        handover,
        inquiry,
        investigation,
        override,
        reply,
        report,
    )

    def anew(n: int) -> dict[str, str]:
        return {"phone": f"1390000{n:04}", "text": f"第{n}件:净化器坏了{'响' * n}", "mail": f"w{n}@example.com"}

    numbers = itertools.count(1)
    desk.receives(**anew(next(numbers)))
    accepted = desk.receives(**anew(next(numbers)))
    acceptance.accept(accepted, by=desk.agent, at=desk.now)
    yield accepted
    sent = desk.triages(desk.receives(**anew(next(numbers))), to="sh")
    handover.dispatch(sent, desk.units["zl"], "请检测", by=desk.agent, at=desk.now)
    handover.supervise(sent, "限期办结", by=desk.supervisor, at=desk.now)
    yield sent
    asked = desk.triages(desk.receives(**anew(next(numbers))))
    handover.ask_help(asked, desk.units["zl"], "检测", by=desk.agent, at=desk.now)
    inquiry.ask(asked, "何时发货?", to=desk.units["wl"], by=desk.agent, at=desk.now)
    frame = asked.pack.checklists.frame
    fact = investigation.add_fact(asked, frame[0].code, "漏水", by=desk.agent, at=desk.now, key=True)
    causes.add_cause(asked, "密封圈老化", by=desk.agent, at=desk.now, fact=fact)
    stored = evidence.store("现场.txt", iter(["漏水".encode()]))
    evidence.attach(asked, stored, by=desk.agent, at=desk.now)
    report.draft_report(asked, by=desk.agent, at=desk.now)
    yield asked
    choosing = remedy.case(**anew(next(numbers)))
    remedy.drafts(choosing)
    approval.propose(remedy.drafts(choosing, title="另一方案"), by=desk.agent, at=desk.now)
    yield choosing
    offered = remedy.case(**anew(next(numbers)))
    from wenguo.cases import acceptance, resolution

    resolution.offer(remedy.signed(remedy.drafts(offered)), by=desk.agent, at=desk.now)
    yield offered
    yield remedy.settled(20_000, **anew(next(numbers)))[0]
    urgent = remedy.case(**anew(next(numbers)))
    waiting = remedy.drafts(urgent)
    approval.propose(waiting, by=desk.agent, at=desk.now)
    override.override(waiting, "客户住院急需", by=desk.manager, at=desk.now)
    yield urgent
    slight = desk.triages(desk.receives(**anew(next(numbers))), level=4)
    refused = desk.receives(**anew(next(numbers)))
    acceptance.refuse(refused, refused.pack.refusal_reasons[0].code, "不是我们的", by=desk.agent, at=desk.now)
    yield from (slight, refused)
    from wenguo.cases.case import record
    from wenguo.people.actor import SYSTEM

    for stage in ("reply", "followup", "closed"):
        case = desk.triages(desk.receives(**anew(next(numbers))))
        record(case, "case.executed", by=SYSTEM, at=desk.now, set={"stage": "reply", "executed_at": desk.now})
        draft = reply.draft_reply(case, dict.fromkeys(reply.PARTS, "已说明。"), by=desk.agent, at=desk.now)
        reply.submit_reply(draft, by=desk.agent, at=desk.now)
        if stage != "reply":
            reply.answer(case, by=desk.agent, at=desk.now)
            followup.invite_survey(case.pk, 1, at=desk.now)
            case.refresh_from_db()
        if stage == "closed":
            acceptance.withdraw(case, "已解决", by=desk.agent, at=desk.now)
        yield case


def _everything(desk: Any) -> Any:
    """A person with every post at head office, of whom no single role may be missing."""
    from wenguo.people.actor import SYSTEM
    from wenguo.people.roles import Role
    from wenguo.people.staff import Person, give_post, hire

    hire("fuzz", "测试员", by=SYSTEM, at=desk.now, password="Chengguang-2026", must_change_password=False)
    person = Person.objects.get(username="fuzz")
    for role in Role.objects.exclude(code="admin"):
        give_post(
            person, desk.units["zb"], role, by=SYSTEM, at=desk.now - timedelta(days=1), primary=role.code == "agent"
        )
    return Person.objects.get(pk=person.pk)


def _unsorted(at: Any) -> int:
    from wenguo.cases.intake import Submission

    claims = {"channel": "web", "text": "灯坏了"}
    return Submission.objects.create(
        channel="web", claims=claims, received_at=at, received_by="complainant", state="unsorted"
    ).pk


def _ids(case: Any, kind: str) -> set[int]:
    from wenguo.cases.approval import Approval
    from wenguo.cases.override import Override
    from wenguo.cases.reply import ReplyReview

    rows = {
        "approvals": Approval.objects.filter(option__case=case),
        "overrides": Override.objects.filter(option__case=case),
        "reviews": ReplyReview.objects.filter(reply__case=case), "requests": case.info_requests.all(),
    }.get(kind)  # fmt: skip
    return set((getattr(case, kind).all() if rows is None else rows).values_list("pk", flat=True))


def _codes(pack: Any) -> dict[str, list[str]]:
    """Codes of the pack, so that what is generated gets further than "unknown code"."""
    return {
        "category": [s.code for s in pack.subs], "aspect": [a.code for a in pack.checklists.frame],
        "source": [s.code for s in pack.sources],
        "reason": [r.code for r in (*pack.pause_reasons, *pack.return_reasons, *pack.refusal_reasons)],
        "template": [t.id for t in pack.templates_for("reply")],
    }  # fmt: skip


@pytest.fixture
def world(desk: Any) -> Iterator[World]:
    import importlib.util
    from pathlib import Path

    path = Path(__file__).parents[1] / "stories/conftest.py"
    spec = importlib.util.spec_from_file_location("wenguo_stories", path)
    assert spec and spec.loader
    stories = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stories)
    signals = (request_started, request_finished)
    for signal in signals:  # as Django's own test client does: the test's transaction outlives a request
        signal.disconnect(close_old_connections)
    yield World(desk, stories.Remedy(desk))
    for signal in signals:
        signal.connect(close_old_connections)


def described(token: str) -> Any:
    from django.core.wsgi import get_wsgi_application

    config = SchemathesisConfig.from_dict(
        {
            "headers": {"Authorization": f"Bearer {token}"},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ANSWERS},
                "ignored_auth": {"enabled": False},  # it misreads our header; see the test without a token below
            },
        }
    )
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application(), config=config)


def run(world: World, most: int) -> list[str]:
    """Send `most` requests to each operation; what was wrong, each with how to repeat it."""
    return [
        wrong for result in described(world.token).get_all_operations() for wrong in _tried(world, result.ok(), most)
    ]


def _tried(world: World, operation: Any, most: int) -> list[str]:
    """Requests that fit the description, and requests that do not; a GET without parameters cannot be wrong, and in a
    form, where everything is text, next to nothing can."""
    found: list[str] = []
    kinds = [GenerationMode.POSITIVE]
    if "add_evidence" in operation.path:
        pass
    elif operation.method == "post" or any(p.definition["in"] == "query" for p in operation.iter_parameters()):
        kinds.append(GenerationMode.NEGATIVE)
    requests = st.one_of([operation.as_strategy(generation_mode=kind) for kind in kinds])

    @seed(20261122)
    @settings(
        max_examples=most, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=requests, luck=st.randoms(use_true_random=False))
    def one(case: Any, luck: Any) -> None:
        _aim(world, case, luck)
        point = transaction.savepoint()
        try:
            answer = case.call()
            case.validate_response(answer)
            assert case.method != "POST" or '"unsorted"' not in answer.text, "a submission was not understood"
        except (Exception, BaseExceptionGroup) as failure:
            found.append(f"{operation.label}: {type(failure).__name__} {_told(failure)}")
        finally:
            transaction.savepoint_rollback(point)

    one()
    return found


def _told(failure: BaseException) -> str:
    inner = getattr(failure, "exceptions", ())
    return str(failure)[:1200] + "".join(f"\n  {type(e).__name__}: {str(e)[:600]}" for e in inner)


def _aim(world: World, case: Any, luck: Any) -> None:
    """Point what fits the description at cases, rows and codes that are there; what does not stays as it is."""
    wrong = {place for place in ParameterLocation if case.meta and case.meta.is_negative_at(place)}
    named = [name for name in (case.body if isinstance(case.body, dict) else {}) if name in ROWS]
    fitting = [c for c in world.cases if all(world.ids[c.number][name] for name in named)]
    about = luck.choice(fitting or world.cases).number
    pools = {**world.ids[about], **world.codes, "unit": world.units, "owner": world.people, "person": world.people}
    pools |= {"proposed": world.units, "into": [c.number for c in world.cases], "customer_id": world.customers}
    if ParameterLocation.PATH not in wrong and case.path_parameters:
        tray = {"submission": world.tray} if "number" not in case.path_parameters else {}
        _fill(pools | tray | {"number": [about]}, case.path_parameters, luck)
    if ParameterLocation.BODY not in wrong and isinstance(case.body, dict):
        _fill(pools, case.body, luck)
    if ParameterLocation.QUERY not in wrong and isinstance(case.query, dict) and luck.random() < 0.8:
        case.query.pop("version", None)


def _fill(pools: dict[str, list[Any]], given_: dict[str, Any], luck: Any) -> None:
    for name, value in given_.items():
        if isinstance(value, dict):
            _fill(pools, value, luck)
        elif pools.get(name) and not isinstance(value, list) and luck.random() < 0.9:
            given_[name] = luck.choice(pools[name])


@pytest.mark.django_db
def test_whatever_is_sent_is_answered_as_described(world):
    found = run(world, 5)
    assert not found, "\n\n".join(found[:20])


@pytest.mark.nightly
@pytest.mark.django_db
def test_for_longer(world):
    found = run(world, 40)
    assert not found, "\n\n".join(found[:40])


def test_without_a_token_no_operation_answers(world):
    from django.test import Client

    client, sent = Client(), 0
    for path, operations in Client().get("/api/v1/openapi.json").json()["paths"].items():
        for method in operations:
            real = path.replace("{number}", world.cases[0].number)
            answer = getattr(client, method)(real.translate({ord("{"): None, ord("}"): None}))
            assert answer.status_code == 401, (method, path, answer.status_code)
            assert answer["Content-Type"] == "application/problem+json"
            sent += 1
    assert sent > 100


def test_the_description_is_a_valid_openapi_document(db):
    from django.test import Client

    document = Client().get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    text = json.dumps(document)
    names = set(document["components"]["schemas"])
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in names

"""A case on its way to a solution, for the stories of resolution and execution."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction


class Remedy:
    """Short words for what the stories do again and again; every one of them is the real act."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.paid = 0

    def case(self, *, level: int = 3, category: str = "product.function", to: str | None = None, **claims: Any) -> Any:
        """A case whose investigation is over."""
        given = {"order_fen": 199_900, "order_number": "DD20261101", "mail": "wang@example.com", **claims}
        text = given.pop("text", "净化器用了三天就不出风,要求退款并补偿。")
        case = self.desk.triages(self.desk.receives(text, **given), category=category, level=level, to=to)
        with transaction.atomic():
            self._concluded(case)
        return case

    def _concluded(self, case: Any) -> None:
        from wenguo.cases.case import record
        from wenguo.people.actor import SYSTEM

        record(case, "case.concluded", by=SYSTEM, at=self.desk.now, set={"stage": "resolution", "liability": "ours"})

    def anew(self, option: Any) -> Any:
        """Read the option again, for the same case in hand."""
        case = option.case
        option.refresh_from_db()
        option.case = case
        return option

    def drafts(self, case: Any, fen: int | None = 20_000, *, by: Any = None, **more: Any) -> Any:
        """An option that gives `fen` for a proven loss of that much (None: no money, an apology)."""
        from wenguo.cases import resolution
        from wenguo.cases.quote import Item

        items = [Item("economic", {"price_fen": fen})] if fen else []
        given = {"kinds": [] if fen else ["apology"], "items": items, **more}
        draft = resolution.Draft(given.pop("title", "补偿并道歉"), "向客户道歉并按标准补偿。", **given)
        return resolution.draft_option(case, draft, by=by or self.desk.agent, at=self.desk.now)

    def signed(self, option: Any, *by: Any) -> Any:
        """Proposed by who drafted it, signed by `by` in turn (the supervisor)."""
        from wenguo.cases import approval

        steps = approval.propose(option, by=option.drafted_by, at=self.desk.now)
        for step, person in zip(steps, by or (self.desk.supervisor,), strict=True):
            approval.approve(step, "同意", by=person, at=self.desk.now)
        return self.anew(option)

    def agreed(self, option: Any, verdict: str = "accept", words: str = "") -> Any:
        """Offered, and answered by the customer."""
        from wenguo.cases import resolution

        resolution.offer(option, by=self.desk.agent, at=self.desk.now)
        resolution.answer(option, verdict, words, by=option.case.customer, at=self.desk.now)
        return self.anew(option)

    def plans(self, option: Any, fen: int = 0, kind: str = "compensation", *, by: Any = None, **more: Any) -> Any:
        from wenguo.cases import execution

        given = {"what": "按方案办理", "due_at": self.desk.now + timedelta(days=2), "owner": self.desk.agent, **more}
        planned = execution.Plan(kind=kind, amount_fen=fen, **given)
        return execution.plan(option, planned, by=by or self.desk.agent, at=self.desk.now)

    def settled(self, fen: int | None = 20_000, **claims: Any) -> tuple[Any, Any, Any]:
        """(case, option, measure) of a case whose solution is being carried out."""
        from wenguo.cases import resolution

        case = self.case(**claims)
        option = self.agreed(self.signed(self.drafts(case, fen)))
        measure = self.plans(option, fen or 0, "compensation" if fen else "apology")
        resolution.settle(case, by=self.desk.agent, at=self.desk.now)
        return case, option, measure

    def pays(self, measure: Any, *, by: Any = None, **more: Any) -> Any:
        from wenguo.cases import payment

        self.paid += 1
        given = {
            "payee": "王小明", "amount_fen": measure.amount_fen, "method": "bank",
            "reference": f"HK{self.paid:06}", "key": f"key-{self.paid}", **more,
        }  # fmt: skip
        return payment.pay(measure, by=by or self.desk.senior, at=self.desk.now, **given)


@pytest.fixture
def remedy(desk: Any) -> Iterator[Remedy]:
    yield Remedy(desk)

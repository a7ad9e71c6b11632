"""Addresses of the stages of a case and of the two lists that belong to them; `urls.py` takes them in."""

from __future__ import annotations

from django.urls import URLPattern, path

from wenguo.web.desk import approvals, execute, followup, investigate, reply, resolve

C = "cases/<str:number>/"

urlpatterns: list[URLPattern] = [
    # 调查
    path(C + "facts/", investigate.add_fact, name="facts"),
    path(C + "facts/<int:pk>/", investigate.change_fact, name="fact"),
    path(C + "ticks/", investigate.tick, name="tick"),
    path(C + "requests/", investigate.ask, name="ask"),
    path(C + "requests/customer/", investigate.ask_customer, name="ask_customer"),
    path(C + "requests/<int:pk>/answer/", investigate.supply, name="supply"),
    path(C + "requests/<int:pk>/cancel/", investigate.cancel_request, name="cancel_request"),
    path(C + "causes/", investigate.add_cause, name="causes"),
    path(C + "causes/print/", investigate.print_causes, name="print_causes"),
    path(C + "causes/code/", investigate.code_cause, name="code_cause"),
    path(C + "causes/<int:pk>/", investigate.change_cause, name="cause"),
    path(C + "causes/<int:pk>/remove/", investigate.remove_cause, name="remove_cause"),
    path(C + "findings/", investigate.find, name="find"),
    path(C + "reports/", investigate.draft_report, name="reports"),
    path(C + "reports/<int:pk>/", investigate.edit_report, name="report"),
    path(C + "reports/<int:pk>/submit/", investigate.submit_report, name="submit_report"),
    path(C + "reports/<int:pk>/review/", investigate.review_report, name="review_report"),
    path(C + "reports/<int:pk>/print/", investigate.print_report, name="print_report"),
    # 方案
    path(C + "options/new/", resolve.new_option, name="new_option"),
    path(C + "options/sums/", resolve.calculate, name="calculate"),
    path(C + "options/<int:pk>/", resolve.change_option, name="option"),
    path(C + "options/<int:pk>/choice/", resolve.choose, name="choose"),
    path(C + "options/<int:pk>/withdrawal/", resolve.withdraw, name="withdraw_option"),
    path(C + "options/<int:pk>/approval/", resolve.propose, name="propose"),
    path(C + "options/<int:pk>/override/", resolve.override_option, name="override"),
    path(C + "options/<int:pk>/offer/", resolve.offer, name="offer"),
    path(C + "options/<int:pk>/answer/", resolve.record_answer, name="option_answer"),
    path(C + "overrides/<int:pk>/", resolve.justify, name="justify"),
    # 执行
    path(C + "options/<int:pk>/measures/", execute.plan, name="measures"),
    path(C + "measures/<int:pk>/", execute.change, name="change_measure"),
    path(C + "measures/<int:pk>/cancel/", execute.cancel, name="cancel_measure"),
    path(C + "measures/<int:pk>/done/", execute.complete, name="complete"),
    path(C + "measures/<int:pk>/payment/", execute.pay, name="pay"),
    path(C + "plan/", execute.print_plan, name="print_plan"),
    # 回复
    path(C + "reply/", reply.compose, name="reply"),
    path(C + "reply/draft/", reply.keep, name="reply_draft"),
    path(C + "reply/remarks/", reply.remarks, name="reply_remarks"),
    path(C + "reply/reviews/<int:pk>/", reply.review, name="review_reply"),
    # 回访
    path(C + "followups/<int:pk>/", followup.call, name="call_back"),
    path("followups/", followup.show, name="followups"),
    # 待审批
    path("approvals/", approvals.show, name="approvals"),
    path("approvals/<int:pk>/", approvals.step, name="approval"),
    path("approvals/<int:pk>/decision/", approvals.decide, name="decide"),
    path("approvals/<int:pk>/explanation/", approvals.explain, name="explain"),
    path("approvals/replies/<int:pk>/", reply.review_page, name="reply_review"),
    path("approvals/overrides/<int:pk>/", approvals.owed, name="owed"),
]

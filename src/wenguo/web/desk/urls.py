"""Addresses of the desk. Modules of the stages are imported here so that their panels and forms are known."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from wenguo.web.desk import (
    admin_urls,
    bulk,
    case,
    clocks,
    entry,
    evidence,
    handover,
    notices,
    papers,
    peek,
    queue,
    risk,
    saved,
    stage_urls,
    take_out,
    talk,
    today,
    triage,
)

app_name = "desk"
forms = (triage, handover, clocks)  # declare forms of acts at import

urlpatterns: list[URLPattern | URLResolver] = [
    path("", today.show, name="today"),
    path("news/", today.news, name="today_news"),
    path("queue/", queue.show, name="queue"),
    path("queue/news/", queue.news, name="queue_news"),
    path("queue/acts/", bulk.act, name="bulk"),
    path("queue/export/", take_out.take, name="queue_export"),
    path("queue/layout/", saved.layout, name="queue_layout"),
    path("queue/views/", saved.keep, name="view_keep"),
    path("queue/views/<int:pk>/", saved.change, name="view_change"),
    path("mine/", queue.mine, name="mine"),
    path("search/", queue.search, name="search"),
    path("tray/", queue.tray, name="tray"),
    path("tray/<int:pk>/", queue.submission, name="submission"),
    path("tray/<int:pk>/discard/", queue.discard, name="discard"),
    path("register/", entry.show, name="register"),
    path("register/", entry.show, name="entry"),
    path("register/customer/", entry.customer, name="entry_customer"),
    path("register/hints/", entry.hints, name="entry_hints"),
    path("notices/", notices.show, name="notices"),
    path("notices/count/", notices.count, name="notices_count"),
    path("notices/read/", notices.read, name="notices_read"),
    path("cases/<str:number>/", case.show, name="case"),
    path("cases/<str:number>/peek/", peek.show, name="peek"),
    path("cases/<str:number>/risk/", risk.hint, name="case_risk"),
    path("cases/<str:number>/story/", case.story, name="story"),
    path("cases/<str:number>/watching/", case.watching, name="watching"),
    path("cases/<str:number>/parts/<slug:stage>/", case.part, name="part"),
    path("cases/<str:number>/acts/<slug:name>/", case.act, name="act"),
    path("cases/<str:number>/clocks/<int:pk>/", case.clock, name="clock"),
    path("cases/<str:number>/reveal/", case.reveal, name="reveal"),
    path("cases/<str:number>/messages/", talk.say, name="say"),
    path("cases/<str:number>/messages/remarks/", talk.remarks, name="say_remarks"),
    path("cases/<str:number>/messages/templates/", talk.templates, name="say_templates"),
    path("cases/<str:number>/notes/", talk.note, name="note"),
    path("cases/<str:number>/calls/", talk.call, name="call"),
    path("cases/<str:number>/evidence/", evidence.add, name="evidence_add"),
    path("cases/<str:number>/evidence/<int:pk>/", evidence.fetch, name="evidence"),
    path("cases/<str:number>/evidence/<int:pk>/small/", evidence.small, name="evidence_small"),
    path("cases/<str:number>/evidence/<int:pk>/check/", evidence.check, name="evidence_check"),
    path("cases/<str:number>/papers/<slug:paper>/", papers.show, name="paper"),
    *stage_urls.urlpatterns,
    *admin_urls.urlpatterns,
]

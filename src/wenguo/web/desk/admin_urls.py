"""Addresses of customers, policy, calendar, analysis and administration."""

from __future__ import annotations

from django.urls import URLPattern, path

from wenguo.web.desk import calendar, customer_import, customers, insight, policy

urlpatterns: list[URLPattern] = [
    path("customers/", customers.show, name="customers"),
    path("customers/new/", customers.new, name="customer_new"),
    path("customers/import/", customer_import.show, name="customer_import"),
    path("customers/import/do/", customer_import.do, name="customer_import_do"),
    path("customers/import/errors/", customer_import.errors, name="customer_import_errors"),
    path("customers/import/template/", customer_import.template, name="customer_import_template"),
    path("customers/<int:pk>/", customers.customer, name="customer"),
    path("customers/<int:pk>/edit/", customers.edit, name="customer_edit"),
    path("customers/<int:pk>/reveal/", customers.reveal, name="customer_reveal"),
    path("customers/<int:pk>/identities/", customers.add_identity, name="identity_add"),
    path("customers/<int:pk>/identities/<int:identity>/retire/", customers.retire_identity, name="identity_retire"),
    path("customers/<int:pk>/orders/", customers.add_order, name="order_add"),
    path("customers/<int:pk>/merge/", customers.merge_with, name="customer_merge_with"),
    path("customers/<int:pk>/merge/<int:other>/", customers.merge, name="customer_merge"),
    path("customers/<int:pk>/export/", customers.export, name="customer_export"),
    path("customers/<int:pk>/erase/", customers.erase, name="customer_erase"),
    path("customers/merges/<int:pk>/undo/", customers.unmerge, name="customer_unmerge"),
    path("policy/", policy.show, name="policy"),
    path("policy/versions/", policy.listed, name="policy_versions"),
    path("policy/versions/<int:number>/", policy.version, name="policy_version"),
    path("policy/versions/<int:number>/publish/", policy.publish, name="policy_publish"),
    path("policy/versions/<int:number>/discard/", policy.discard, name="policy_discard"),
    path("policy/versions/<int:number>/download/", policy.download, name="policy_download"),
    path("policy/compare/", policy.compare, name="policy_compare"),
    path("policy/draft/", policy.draft, name="policy_draft"),
    path("policy/calendar/", calendar.show, name="calendar"),
    path("policy/calendar/notice/", calendar.notice, name="calendar_notice"),
    path("insight/", insight.show, name="insight"),
    path("insight/cases/", insight.cases, name="insight_cases"),
]

"""The operator sees everything that matters and no secret, in a constant number of queries."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.admin.base import ReadOnlyAdmin  # with its package, which registers everything
from bookings.models import Account, AuditEntry, TenantModel
from tests import factories
from tests.admin.conftest import make_world

REGISTERED = sorted((model for model in admin.site._registry), key=lambda model: model._meta.label)
OURS = [model for model in REGISTERED if issubclass(model, TenantModel)]
LOOKED_AT = [model for model in OURS if isinstance(admin.site._registry[model], ReadOnlyAdmin)]


def named(model: type) -> str:
    return model._meta.label_lower


def list_url(model: type) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def change_url(thing: object) -> str:
    return reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_change", args=[thing.pk])


def rows(model: type) -> list:
    return list((model.everywhere if issubclass(model, TenantModel) else model._default_manager).all())


def test_everything_the_operator_asks_for_has_a_page():
    shown = {model._meta.model_name for model in REGISTERED}
    assert shown >= {
        *("account", "calendar", "booking", "schedulerrequest", "mirror", "pushattempt", "message", "event", "host"),
        *("eventtype", "grouprule", "contact", "apikey", "auditentry", "organisation", "membership", "claim", "busy"),
        *("schedule", "user"),
    }


@pytest.mark.parametrize("model", REGISTERED, ids=named)
def test_a_list_answers_and_shows_no_secret(model, operator, world):
    page = operator.get(list_url(model), {"q": "a"} if admin.site._registry[model].search_fields else {})
    assert page.status_code == 200
    assert_silent(operator.get(list_url(model)).content.decode(), world)


@pytest.mark.parametrize("model", REGISTERED, ids=named)
def test_an_object_s_page_and_its_history_show_no_secret(model, operator, world):
    factories.staff_user(world.organisation)
    things = rows(model)
    assert things or model._meta.app_label == "django_tasks_database"
    for thing in things[:2]:
        for url in (change_url(thing), change_url(thing).replace("/change/", "/history/")):
            page = operator.get(url)
            assert page.status_code == 200, url
            assert_silent(page.content.decode(), world)


def test_the_first_page_names_what_is_failing_and_why(operator, world):
    html = operator.get(reverse("admin:index")).content.decode()
    assert "The server did not answer." in html
    assert "The calendar refused it." in html
    assert_silent(html, world)


def test_accounts_are_counted_that_somebody_connected(operator, world):
    factories.host(world.organisation)  # has a local account, as every host does
    assert Account.everywhere.count() > 1
    html = operator.get(reverse("admin:index")).content.decode()
    assert "of 1 connected" in html
    hosts = operator.get(reverse("admin:bookings_host_changelist")).content.decode()
    assert sorted(re.findall(r'data-label="Connected accounts">(\d+)<', hosts)) == ["0", "1"]


def test_a_mirror_is_called_one_everywhere(operator, world):
    for page in ("index", "bookings_mirror_changelist", "bookings_event_changelist"):
        html = operator.get(reverse(f"admin:{page}")).content.decode()
        assert "Mirrors" in html
        assert "outbox" not in re.sub(r"<span class=.material-symbols-outlined.*?</span>", "", html, flags=re.S).lower()


def assert_silent(html: str, world) -> None:
    leaked = [secret for secret in world.secrets if secret in html]
    assert not leaked


def test_no_page_has_a_field_for_a_secret():
    """Excluded by name, so that a field added to a list or a form later is noticed."""
    secret = {"sealed_credentials", "digest", "token_digest", "manage_digest", "create_body", "payload", "token_seed"}
    for model, pages in admin.site._registry.items():
        told = {*pages.list_display, *(pages.fields or ()), *pages.search_fields, *pages.get_list_filter(None)}
        for _, options in pages.fieldsets or ():
            told |= {name for line in options["fields"] for name in ([line] if isinstance(line, str) else line)}
        assert not secret & {name for name in told if isinstance(name, str)}, model


@pytest.mark.parametrize("model", OURS, ids=named)
def test_a_list_needs_the_same_number_of_queries_however_long_it_is(model, operator, world):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert operator.get(list_url(model)).status_code == 200
        return len(captured)

    operator.get(list_url(model))
    few = queries()
    for _ in range(3):
        make_world()
    assert queries() == few
    assert few < 20


@pytest.mark.parametrize("model", LOOKED_AT, ids=named)
def test_what_verbs_own_can_be_looked_at_only(model, operator, world):
    thing = rows(model)[0]
    assert operator.post(change_url(thing), {"organisation": world.organisation.pk}).status_code == 403
    assert operator.post(change_url(thing).replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403
    assert type(thing).everywhere.filter(pk=thing.pk).exists()


def test_looking_changes_nothing(operator, world):
    operator.get(list_url(REGISTERED[0]))
    before = AuditEntry.everywhere.count(), LogEntry.objects.count()
    with CaptureQueriesContext(connection) as captured:
        for model in OURS:
            operator.get(list_url(model))
            for thing in rows(model)[:1]:
                operator.get(change_url(thing))
    written = [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert not written
    assert (AuditEntry.everywhere.count(), LogEntry.objects.count()) == before

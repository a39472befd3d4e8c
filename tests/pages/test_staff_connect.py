"""A member says whose calendar an application means by a name of its own."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils.timezone import now

from bookings.domain import connections
from bookings.domain.audit import SYSTEM
from bookings.models import AuditEntry, Membership
from tests import factories

pytestmark = pytest.mark.django_db

BACK = "https://app.example.org/connected?user=42"


def asked(org, owner="user_42", back=BACK) -> str:
    """The path of the link that the application got."""
    made, _ = connections.save(org, "morph", "calendly", owner, actor=SYSTEM)
    return connections.grant_url(made, application="CRM & Co", back=back).removeprefix("http://127.0.0.1:8000")


def connected(org, owner="user_42"):
    return connections.find(org, "morph", "calendly", owner).host


@pytest.fixture
def owner(org) -> Client:
    client = Client()
    user = factories.staff_user(org, role=Membership.Role.OWNER)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_the_page_says_who_asks_for_whom_and_where_it_leads(owner, org, host):
    page = owner.get(asked(org)).content.decode()
    for words in ("CRM &amp; Co", "user_42", "Greta Hoffmann", "app.example.org"):
        assert words in page


def test_connecting_leads_back_to_the_application(owner, org, host):
    path = asked(org)
    answer = owner.post(path, {"host": str(host.pk)})
    assert (answer.status_code, answer["Location"]) == (302, BACK)
    assert connected(org) == host
    assert AuditEntry.everywhere.filter(action="connection.granted").count() == 1


def test_without_a_way_back_the_page_says_that_it_is_done(owner, org, host):
    answer = owner.post(asked(org, back=""), {"host": str(host.pk)})
    assert answer.status_code == 200
    assert "Greta Hoffmann" in answer.content.decode()


def test_the_policy_lets_the_form_lead_to_the_application_and_nowhere_else(owner, org, host):
    policy = owner.get(asked(org))["Content-Security-Policy"]
    assert re.search(r"form-action 'self' https://app\.example\.org(;|$)", policy)
    policy = owner.get(asked(org, back=""))["Content-Security-Policy"]
    assert re.search(r"form-action 'self'(;|$)", policy)


def test_what_is_connected_is_told_and_cannot_be_taken_over(owner, org, host):
    path = asked(org)
    owner.post(path, {"host": str(host.pk)})
    other = factories.host(org)
    answer = owner.post(path, {"host": str(other.pk)})
    assert "Greta Hoffmann" in answer.content.decode()
    assert connected(org) == host


def test_looking_changes_nothing(owner, org, host):
    owner.get(asked(org))
    assert connected(org) is None


def test_staff_decide_for_themselves_only(staff, org, host):
    path = asked(org)
    assert "Ask an owner or admin" in staff.get(path).content.decode()
    assert staff.post(path, {"host": str(host.pk)}).status_code == 422
    assert connected(org) is None
    host.user_id = staff.session["_auth_user_id"]
    host.save()
    assert staff.post(path, {"host": str(host.pk)}).status_code == 302
    assert connected(org) == host


def test_a_host_of_another_organisation_cannot_be_chosen(owner, org, host):
    foreign = factories.host()
    assert owner.post(asked(org), {"host": str(foreign.pk)}).status_code == 422
    assert connected(org) is None


def test_a_link_of_another_organisation_an_old_and_a_made_up_one_lead_nowhere(owner, org, host):
    foreign = asked(factories.organisation())
    for path in (foreign, "/connect/nonsense", "/connect/a:b:c"):
        assert owner.get(path).status_code == 404
    path = asked(org)
    connections.remove(connections.find(org, "morph", "calendly", "user_42"), actor=SYSTEM)
    assert owner.get(path).status_code == 404
    path = asked(org)
    with time_machine.travel(now() + timedelta(days=2)):
        assert connections_gone(org, path)


def connections_gone(org, path) -> bool:
    client = Client()
    user = factories.staff_user(org, role=Membership.Role.OWNER)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client.get(path).status_code == 404


def test_whoever_is_not_signed_in_signs_in_first(org, host):
    answer = Client().get(asked(org))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=/connect/")

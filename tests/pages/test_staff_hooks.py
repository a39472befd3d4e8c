"""Owners say which programs are told what happens, and see whether they answer."""

from __future__ import annotations

import pytest
from django.test import Client

from bookings.domain import hooks
from bookings.domain.audit import SYSTEM
from bookings.models import Hook, Membership, Message
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(org) -> Client:
    client = Client()
    user = factories.staff_user(org, role=Membership.Role.OWNER)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def hook(org) -> Hook:
    return hooks.make(org, name="CRM", url="https://crm.example.org/in", events=[], actor=SYSTEM)


def test_an_empty_list_teaches_what_webhooks_are(owner):
    assert "No program is told anything" in owner.get("/webhooks").content.decode()


def test_one_is_made_and_shows_its_secret(owner):
    answer = owner.post(
        "/webhooks/new", {"name": "CRM", "url": "https://crm.example.org/in", "events": ["booking.moved"]}, follow=True
    )
    made = Hook.everywhere.get()
    assert made.events == ["booking.moved"]
    assert hooks.secret(made) in answer.content.decode()


def test_what_is_wrong_is_told_beside_its_field_and_nothing_typed_is_lost(owner):
    answer = owner.post("/webhooks/new", {"name": "CRM", "url": "gopher://x"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "begins with https://" in page
    assert "gopher://x" in page


def test_it_is_tried_paused_resumed_replayed_and_removed(owner, hook):
    def act(name: str, **more: str) -> None:
        assert owner.post(f"/webhooks/{hook.pk}/act", {"act": name, **more}).status_code == 302
        Hook.everywhere.filter(pk=hook.pk).exists() and hook.refresh_from_db()

    act("try")
    row = Message.everywhere.get(hook=hook)
    Message.everywhere.update(state="sent")
    act("replay", message=str(row.pk))
    assert Message.everywhere.get().state == "waiting"
    act("pause")
    assert hook.paused_at
    assert "Paused" in owner.get(f"/webhooks/{hook.pk}").content.decode()
    act("resume")
    assert not hook.paused_at
    act("remove")
    assert not Hook.everywhere.exists()
    assert owner.post(f"/webhooks/{hook.pk}/act", {"act": "try"}).status_code == 404


def test_staff_and_strangers_are_kept_out(staff, client, hook):
    assert staff.get("/webhooks").status_code == 403
    other = factories.staff_user(factories.organisation(), role=Membership.Role.OWNER)
    client.force_login(other, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get(f"/webhooks/{hook.pk}").status_code == 404
    assert client.post(f"/webhooks/{hook.pk}/act", {"act": "remove"}).status_code == 404


def test_the_pages_cost_the_same_number_of_queries_however_long(owner, org, hook, django_assert_num_queries):
    owner.get("/webhooks")
    for index in range(2):
        with django_assert_num_queries(4):
            owner.get("/webhooks")
        with django_assert_num_queries(6 if index else 5):
            owner.get(f"/webhooks/{hook.pk}")
        hooks.make(org, name=f"CRM {index}", url="https://crm.example.org/in", events=[], actor=SYSTEM)
        hooks.try_out(hook, actor=SYSTEM)

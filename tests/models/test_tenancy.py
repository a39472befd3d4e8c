"""Rows of one organisation are reached only by naming it, and secrets open only where they belong."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db.models import Model

from bookings.models import Account, Booking, Host, TenantModel, TenantRequired
from bookings.models.crypto import Undecryptable
from tests import factories

pytestmark = pytest.mark.django_db

TENANT_TABLES = [model for model in apps.get_app_config("bookings").get_models() if issubclass(model, TenantModel)]


@pytest.mark.parametrize("model", TENANT_TABLES, ids=lambda model: model.__name__)
def test_a_tenants_table_cannot_be_read_without_naming_the_tenant(model: type[Model]):
    for read in ("all", "first", "count"):
        with pytest.raises(TenantRequired):
            getattr(model.objects, read)()
    assert list(model.objects.for_tenant(factories.organisation())) == []


def test_naming_one_organisation_never_shows_the_rows_of_another():
    ours, theirs = factories.host(), factories.host()
    assert list(Host.objects.for_tenant(ours.organisation)) == [ours]
    assert list(Host.objects.for_tenant(theirs.organisation_id)) == [theirs]


def account(secret: str = "hunter2") -> Account:
    calendar = factories.caldav_calendar(factories.host())
    calendar.account.set_credentials({"password": secret})
    calendar.account.save()
    return Account.everywhere.get(pk=calendar.account.pk)


def test_credentials_are_kept_encrypted_and_open_in_their_own_row():
    kept = account()
    assert b"hunter2" not in bytes(kept.sealed_credentials)
    assert kept.credentials() == {"password": "hunter2"}


def test_the_same_secret_is_never_written_the_same_way_twice():
    assert bytes(account().sealed_credentials) != bytes(account().sealed_credentials)


def test_a_secret_copied_into_another_row_does_not_open():
    one, other = account("mine"), account("yours")
    other.sealed_credentials = one.sealed_credentials
    with pytest.raises(Undecryptable):
        other.credentials()


def test_a_damaged_secret_or_one_of_an_unknown_key_does_not_open():
    kept = account()
    sealed = bytes(kept.sealed_credentials)
    for damaged in (sealed[:-1] + bytes([sealed[-1] ^ 1]), bytes([99]) + sealed[1:], sealed[:5]):
        kept.sealed_credentials = damaged
        with pytest.raises(Undecryptable):
            kept.credentials()


def test_an_older_key_still_opens_what_it_sealed(settings):
    kept = account()
    settings.DATA_KEYS = settings.DATA_KEYS | {max(settings.DATA_KEYS) + 1: bytes(range(32))}
    assert kept.credentials() == {"password": "hunter2"}
    kept.set_credentials({"password": "new"})
    assert bytes(kept.sealed_credentials)[0] == max(settings.DATA_KEYS)


def test_the_lifecycle_names_every_state_and_leads_only_to_known_ones():
    states = set(Booking.State.values)
    assert set(Booking.MOVES) == states
    assert set().union(*Booking.MOVES.values()) <= states


@pytest.mark.parametrize("ended", ["declined", "rescheduled"])
def test_some_ends_are_final(ended):
    assert not Booking.MOVES[ended]

"""Customers, found again by their address or their number."""

from __future__ import annotations

import uuid

import pytest

from bookings.domain import contacts
from bookings.domain.errors import Invalid, NotFound
from bookings.models import Contact
from tests import factories

pytestmark = pytest.mark.django_db

ANNA = {"email": "anna@example.org", "name": "Anna Berg", "phone": "+46 70 1", "timezone": "Europe/Stockholm"}


def test_a_customer_is_found_again_by_address_in_any_case():
    organisation = factories.organisation()
    anna = contacts.get_or_create(organisation, **ANNA, locale="sv")
    assert contacts.get_or_create(organisation, email="Anna@Example.org").pk == anna.pk
    assert Contact.everywhere.count() == 1
    assert contacts.find(organisation, anna.pk) == anna


def test_what_is_said_replaces_and_what_is_left_out_stays():
    organisation = factories.organisation()
    contacts.get_or_create(organisation, **ANNA, locale="sv")
    contacts.get_or_create(organisation, email=ANNA["email"], name=" Anna\tBerg-Olsen ", timezone="Europe/Oslo")
    told = Contact.everywhere.get()
    assert (told.name, told.timezone) == ("Anna Berg-Olsen", "Europe/Oslo")
    assert (told.email, told.phone, told.locale) == (ANNA["email"], ANNA["phone"], "sv")


def test_without_an_address_the_number_tells_and_a_bare_name_is_always_somebody_new():
    organisation = factories.organisation()
    caller = contacts.get_or_create(organisation, name="Bo", phone="+46 70 2")
    assert contacts.get_or_create(organisation, phone="+46 70 2").pk == caller.pk
    contacts.get_or_create(organisation, **ANNA | {"phone": "+46 70 2"})
    assert contacts.get_or_create(organisation, phone="+46 70 2").pk == caller.pk
    assert len({contacts.get_or_create(organisation, name="Bo").pk for _ in range(2)}) == 2


def test_another_organisations_customers_are_nobodys():
    anna = contacts.get_or_create(factories.organisation(), **ANNA)
    other = factories.organisation()
    assert contacts.get_or_create(other, **ANNA).pk != anna.pk
    for key in (anna.pk, uuid.uuid4(), None):
        with pytest.raises(NotFound) as refused:
            contacts.find(other, key)
        assert str(refused.value) == "There is no such contact."


def test_who_is_known_and_says_nothing_new_costs_one_query(django_assert_num_queries):
    organisation = factories.organisation()
    contacts.get_or_create(organisation, **ANNA)
    with django_assert_num_queries(1):
        contacts.get_or_create(organisation, **ANNA)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "email"),
        ({"email": " \x00"}, "email"),
        ({"email": "anna"}, "email"),
        ({"email": "anna@example.org", "name": "x" * 201}, "name"),
        ({"phone": "1" * 51}, "phone"),
        ({"name": "Anna", "timezone": "Mars/Base"}, "timezone"),
        ({"name": "Anna", "locale": "x" * 17}, "locale"),
    ],
)
def test_what_cannot_be_a_customer_is_refused_with_its_field(said, field):
    with pytest.raises(Invalid) as refused:
        contacts.get_or_create(factories.organisation(), **said)
    assert refused.value.field == field
    assert not Contact.everywhere.exists()


def test_control_characters_are_left_out():
    told = contacts.get_or_create(factories.organisation(), name="An\x00na\x07", phone="1\n2", email="a\x00@b.example")
    assert (told.name, told.phone, told.email) == ("Anna", "1 2", "a@b.example")

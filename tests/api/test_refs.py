"""Ids on each surface: in its own form, given once, and only the tenant's own are found."""

from __future__ import annotations

import base64
import json
import re

import pytest

from bookings.domain import refs
from bookings.models import ExternalRef, GroupRule
from tests import factories

pytestmark = pytest.mark.django_db

FORMS = {
    ("cronofy", "host"): r"acc_[0-9a-f]{24}",
    ("cronofy", "group_rule"): r"sgr_[0-9a-f]{24}",
    ("cronofy", "request"): r"srq_[0-9a-f]{24}",
    ("cronofy", "calendar"): r"cal_[0-9a-f]{24}",
    ("cronofy", "event"): r"evt_external_[0-9a-f]{24}",
    ("morgen", "account"): r"[0-9a-f]{24}",
    ("leadconnector", "contact"): r"[A-Za-z0-9]{20}",
    ("timekit", "calendar"): r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ("morph", "event_type"): r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}


@pytest.mark.parametrize(("surface", "kind"), FORMS)
def test_an_id_has_the_surfaces_form(surface: str, kind: str):
    assert re.fullmatch(FORMS[surface, kind], refs.ref(surface, kind, factories.host()))


def test_a_morgen_calendar_id_is_an_array_that_names_its_account():
    calendar = factories.local_calendar(factories.host())
    packed = refs.ref("morgen", "calendar", calendar)
    assert packed.startswith(("WyI", "WyJ"))
    assert "=" not in packed
    parts = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    assert parts[0] == refs.ref("morgen", "account", calendar.account)


def test_an_id_stays_the_same():
    host = factories.host()
    assert len({refs.ref("cronofy", "host", host) for _ in range(3)}) == 1
    assert ExternalRef.everywhere.count() == 1


def test_an_organisation_has_an_id_too():
    organisation = factories.organisation()
    location = refs.ref("leadconnector", "organisation", organisation)
    assert refs.resolve(organisation, "leadconnector", "organisation", location) == organisation.pk


def test_only_the_tenants_own_things_are_found_and_only_as_what_they_are():
    host = factories.host()
    sub = refs.ref("cronofy", "host", host)
    assert refs.resolve(host.organisation, "cronofy", "host", sub) == host.pk
    assert refs.resolve(factories.organisation(), "cronofy", "host", sub) is None
    assert refs.resolve(host.organisation, "cronofy", "group_rule", sub) is None
    assert refs.resolve(host.organisation, "timekit", "host", sub) is None


@pytest.mark.parametrize("external_id", ["", "acc_0", "\x00", "x" * 10_000, "7f2f1a52-9f5c-4f0e-8d43-0c6a5b1f0e11"])
def test_what_names_nothing_is_not_found(external_id: str):
    assert refs.resolve(factories.organisation(), "cronofy", "host", external_id) is None


def test_many_are_found_in_one_query(django_assert_num_queries):
    organisation = factories.organisation()
    rules = [GroupRule.everywhere.create(organisation=organisation, name=str(number)) for number in range(5)]
    known = {refs.ref("cronofy", "group_rule", rule): rule.pk for rule in rules}
    with django_assert_num_queries(1):
        assert refs.resolve_all(organisation, "cronofy", "group_rule", [*known, "sgr_0", "\x00"]) == known

"""Contacts: made, found again, read."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.models import Contact
from tests.api.leadconnector.worlds import Location, later

CONTACTS = "/contacts/"


def made(here: Location, path: str = CONTACTS, **said: Any) -> Any:
    return here.post(path, {"locationId": here.id} | said)


def test_a_contact_is_told_as_it_was_made(here: Location) -> None:
    said = {
        "firstName": "Marty",
        "lastName": "McFly",
        "email": "marty@example.org",
        "phone": "+1 555 0123",
        "timezone": "America/Los_Angeles",
        "tags": ["band"],
        "city": "Hill Valley",
        "customFields": [{"id": "x", "value": 7}],
    }
    answer = made(here, **said)
    assert answer.status_code == 201
    contact = answer.json()["contact"]
    assert len(contact["id"]) == 20
    assert contact | said == contact
    assert (contact["locationId"], contact["name"], contact["emailLowerCase"]) == (
        here.id,
        "Marty McFly",
        "marty@example.org",
    )
    assert here.get(f"{CONTACTS}{contact['id']}").json() == {"contact": contact}


def test_a_contact_can_be_booked_for_at_once(here: Location) -> None:
    contact = made(here, name="Marty McFly", email="marty@example.org").json()["contact"]
    assert here.book(f"{later(60)}T09:00:00Z", contactId=contact["id"])["title"] == "Marty McFly"
    assert here.bookings()[0].contact == Contact.everywhere.get(email="marty@example.org")


def test_the_same_address_is_the_same_contact(here: Location) -> None:
    first = made(here, email="marty@example.org", name="Marty").json()["contact"]
    again = made(here, email="MARTY@example.org", name="Marty McFly").json()["contact"]
    assert (again["id"], again["name"]) == (first["id"], "Marty McFly")


def test_an_upsert_says_whether_it_was_new(here: Location) -> None:
    for status, new in ((201, True), (200, False)):
        answer = made(here, "/contacts/upsert", email="marty@example.org")
        assert (answer.status_code, answer.json()["new"]) == (status, new)
    assert made(here, "/contacts/upsert", email=here.contact.email).json()["new"] is False


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"email": "nobody"},
        {"email": 7},
        {"name": "x" * 201},
        {"name": "x", "phone": "1" * 51},
        {"name": "x", "timezone": "Nowhere/Land"},
        {"name": "x", "tags": "one"},
        {"name": "x", "dnd": "no"},
        {"name": "x", "city": 1},
        {"name": "x", "dndSettings": []},
    ],
)
def test_a_contact_says_what_is_wrong_with_it(here: Location, wrong: dict[str, Any]) -> None:
    assert made(here, **wrong).status_code == 422
    assert Contact.objects.for_tenant(here.organisation).count() == 1


def test_a_contact_belongs_to_its_location(here: Location, elsewhere: Location) -> None:
    assert here.post(CONTACTS, {"locationId": elsewhere.id, "name": "x"}).status_code == 403
    answers = [here.get(f"{CONTACTS}{name}") for name in (elsewhere.contact_id, "abcdefghij0123456789", "x")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}

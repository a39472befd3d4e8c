"""Contacts: enough of them that an appointment can name one."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.timezone import now
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import refusals
from bookings.api.leadconnector import finding, schema, wire
from bookings.api.leadconnector.dialect import LeadConnectorView
from bookings.api.leadconnector.wire import SURFACE
from bookings.api.reader import Reader
from bookings.domain import contacts, refs
from bookings.models import Contact as Person

_TEXTS = (
    *("firstName", "lastName", "gender", "address1", "city", "state", "postalCode", "website", "source", "country"),
    *("companyName", "assignedTo"),
)
_LISTS = ("tags", "customFields")
_OBJECTS = ("dndSettings", "inboundDndSettings")


class ContactView(LeadConnectorView):
    def make(self) -> tuple[Person, bool]:
        """The contact that the body describes, and whether it is new. A known address or phone number is a known
        contact, of whom news are noted. Raises Refusal."""
        reader, body = Reader(), self.body
        location_id = reader.text(body, "locationId", "locationId", required=True)
        said = {
            "email": reader.text(body, "email", "email", longest=320).strip(),
            "phone": reader.text(body, "phone", "phone", longest=50).strip(),
            "timezone": reader.text(body, "timezone", "timezone", longest=64),
            "name": _name(body, reader),
        }
        raw = _raw(body, reader)
        if not (said["email"] or said["phone"] or said["name"]):
            reader.wrong("email", "required", "Either of email, phone or name is required.")
        reader.finish()
        self.check_location(location_id)
        started = now()
        with transaction.atomic():
            made = contacts.get_or_create(self.principal.organisation, **said)
            refs.keep(SURFACE, "contact", made, raw)
        return made, made.created_at >= started

    def shown(self, contact: Person) -> dict[str, Any]:
        kept = refs.kept(SURFACE, "contact", [contact])[contact.pk]
        first, _, last = contact.name.partition(" ")
        added = wire.stamp(contact.created_at)
        return {
            "id": refs.ref(SURFACE, "contact", contact),
            "locationId": self.location_id,
            "firstName": first,
            "lastName": last,
            "tags": [],
            "customFields": [],
            **kept,
            "name": contact.name,
            "contactName": contact.name,
            "fullNameLowerCase": contact.name.lower(),
            "email": contact.email,
            "emailLowerCase": contact.email.lower(),
            "phone": contact.phone,
            "timezone": contact.timezone,
            "type": "lead",
            "dateAdded": added,
            "dateUpdated": added,
        }


def _name(body: dict[str, Any], reader: Reader) -> str:
    first = reader.text(body, "firstName", "firstName", longest=100)
    last = reader.text(body, "lastName", "lastName", longest=99)
    return (reader.text(body, "name", "name", longest=200) or f"{first} {last}").strip()


def _raw(body: dict[str, Any], reader: Reader) -> dict[str, Any]:
    for key in _TEXTS:
        reader.text(body, key, key)
    for key in _LISTS:
        reader.array(body, key, key)
    for key in _OBJECTS:
        reader.object(body, key, key)
    wire.flag(body, "dnd", reader)
    kept = (*_TEXTS, *_LISTS, *_OBJECTS, "dnd")
    return {key: body[key] for key in kept if body.get(key) is not None}


class Contacts(ContactView):
    scopes = {"POST": "bookings:write"}

    @schema.told("Create a contact", takes=schema.NEW_CONTACT, answers={201: schema.CONTACT})
    def post(self, request: Request) -> Response:
        made, _ = self.make()
        return Response({"contact": self.shown(made)}, status=201)


class ContactUpsert(ContactView):
    scopes = {"POST": "bookings:write"}

    @schema.told(
        "Create or update a contact", takes=schema.NEW_CONTACT, answers=dict.fromkeys((200, 201), schema.UPSERTED)
    )
    def post(self, request: Request) -> Response:
        made, new = self.make()
        return Response({"new": new, "contact": self.shown(made)}, status=201 if new else 200)


class Contact(ContactView):
    scopes = {"GET": "bookings:read"}

    @schema.told("Get a contact", answers={200: schema.CONTACT})
    def get(self, request: Request, contact_id: str) -> Response:
        found = finding.contact(self.principal, contact_id)
        if found is None:
            raise refusals.not_found()
        return Response({"contact": self.shown(found)})

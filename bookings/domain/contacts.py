"""Customers: one row an address, found and made by every entrance alike."""

from __future__ import annotations

import uuid

from django.db import connection, transaction
from django.db.models import QuerySet

from bookings.engine.zones import canonical
from bookings.formats.lines import clean
from bookings.models import Contact, Organisation

from .errors import Invalid, NotFound
from .event_rows import is_address

_LONGEST = {"email": 320, "name": 200, "phone": 50, "locale": 16}


def find(organisation: Organisation, key: uuid.UUID | None) -> Contact:
    """The organisation's contact with this id of ours.

    :raises NotFound: for a missing, a foreign and no id alike.
    """
    found: Contact | None = Contact.objects.for_tenant(organisation).filter(pk=key).first()
    if found is None:
        raise NotFound("There is no such contact.")
    return found


def get_or_create(
    organisation: Organisation,
    *,
    email: str = "",
    name: str = "",
    phone: str = "",
    timezone: str = "",
    locale: str = "",
) -> Contact:
    """The contact with this address (whatever its case), or without one with this phone number; made when there is
    none, or when only a name is given. What is said replaces what was known, what is left out stays.

    Safe when several processes ask for the same new contact at once: there is one.

    :param timezone: IANA name.
    :raises Invalid: with the field's name here; `email` when nothing at all tells who it is.
    """
    said = _checked({"email": email, "name": name, "phone": phone, "timezone": timezone, "locale": locale})
    if not (said.get("email") or said.get("name") or said.get("phone")):
        raise Invalid("A mail address, a name or a phone number is needed.", field="email")
    # Without a savepoint, which every booking would pay for; nothing in there is refused.
    with transaction.atomic(savepoint=False):
        known = _known(organisation, said)
        if known is None:
            _queue(organisation, said)
            known = _known(organisation, said)
        return _told(known, said) if known else _new(organisation, said)


def _new(organisation: Organisation, said: dict[str, str]) -> Contact:
    created: Contact = Contact.everywhere.create(organisation=organisation, **said)
    return created


def _told(known: Contact, said: dict[str, str]) -> Contact:
    news = [field for field, value in said.items() if field != "email" and getattr(known, field) != value]
    for field in news:
        setattr(known, field, said[field])
    if news:
        known.save(update_fields=news)
    return known


def _known(organisation: Organisation, said: dict[str, str]) -> Contact | None:
    rows: QuerySet[Contact] = Contact.objects.for_tenant(organisation).order_by("created_at", "pk")
    if email := said.get("email"):
        return rows.filter(email__iexact=email).first()
    if phone := said.get("phone"):
        return rows.filter(phone=phone, email="").first()
    return None


def _queue(organisation: Organisation, said: dict[str, str]) -> None:
    """Wait for whoever is making the same contact. On SQLite the transaction is the queue."""
    name = (said.get("email") or said.get("phone", "")).casefold()
    if name and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"contact|{organisation.pk}|{name}"]
            )


def _checked(values: dict[str, str]) -> dict[str, str]:
    """What was said, tidied, without what was left out."""
    said = {field: " ".join(clean(value).split()) for field, value in values.items()}
    for field, longest in _LONGEST.items():
        if len(said[field]) > longest:
            raise Invalid(f"At most {longest} characters are possible here.", field=field)
    if said["email"] and not is_address(said["email"]):
        raise Invalid("This is not a mail address.", field="email")
    if said["timezone"]:
        said["timezone"] = canonical(said["timezone"]) or ""
        if not said["timezone"]:
            raise Invalid("This is not a time zone we know.", field="timezone")
    return {field: value for field, value in said.items() if value}

"""The demo organisation: something to look at, to click through and to call, made again as often as asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction

from bookings.models import (
    ApiKey,
    Calendar,
    Contact,
    EventType,
    GroupMember,
    GroupRule,
    Host,
    Membership,
    Organisation,
    Question,
    Schedule,
)

from . import demo_week, keys, refs
from .accounts import ensure_local
from .audit import Actor

SLUG = "demo"
STAFF, ADMIN = "demo-staff", "demo-admin"
KEY_NAME = "Demo"
KEYS_KEPT = 5
"""So many runs back, demo keys still work: what one terminal printed must not end what another one uses."""

ACTOR = Actor("demo")

_OFFICE = [[[540, 1020]]] * 5 + [[], []]
_EVERY_DAY = [[[480, 1080]]] * 7


@dataclass(frozen=True)
class _Person:
    slug: str
    name: str
    timezone: str
    weekly: list[list[list[int]]]


_API_HOST = _Person("robin", "Robin Lindqvist", "UTC", _EVERY_DAY)
_TEAM = [
    _API_HOST,
    _Person("greta", "Greta Hoffmann", "Europe/Berlin", _OFFICE),
    _Person("marcus", "Marcus Reed", "America/New_York", _OFFICE),
    _Person("anjali", "Anjali Rao", "Asia/Kolkata", _OFFICE),
]

_KEYS = [
    ("cronofy", "client_secret"),
    ("cronofy", "access_token"),
    ("timekit", "app_key"),
    ("timekit", "widget_key"),
    ("morgen", "api_key"),
    ("morgen", "bearer"),
    ("leadconnector", "token"),
    ("morph", "public_key"),
    ("morph", "secret_key"),
]
_OF_ONE_HOST = {("cronofy", "access_token"), ("morgen", "api_key"), ("morgen", "bearer")}
"""Keys that speak for a person rather than for the organisation."""


@dataclass(frozen=True)
class Cast:
    """Everybody and everything the demo sheet names."""

    organisation: Organisation
    hosts: dict[str, Host]
    calendar: Calendar
    rule: GroupRule
    event_type: EventType
    contact: Contact

    @property
    def api_host(self) -> Host:
        return self.hosts[_API_HOST.slug]


def is_loaded() -> bool:
    """Whether the demo logins exist here."""
    return bool(get_user_model().objects.filter(username__in=(STAFF, ADMIN), is_active=True).exists())


def load(base_url: str) -> dict[str, Any]:
    """Make sure the demo is there, issue fresh keys, and say everything needed to use it.

    The host behind the ids is bookable 08:00-18:00 UTC on every day of the week. Running it again changes nothing but
    the keys, and a later week gets its own events.
    """
    with transaction.atomic():
        cast = _cast()
        staff = _user(cast.organisation, STAFF, "staff", Membership.Role.STAFF)
        _user(cast.organisation, ADMIN, "admin", Membership.Role.OWNER)
        Host.everywhere.filter(pk=cast.api_host.pk, user=None).update(user=staff)
        demo_week.fill(cast.organisation, cast.hosts, actor=ACTOR)
        secrets = _fresh_keys(cast)
        return {"base_url": base_url, **_logins(), **_dialects(cast, secrets)}


def _cast() -> Cast:
    organisation, _ = Organisation.objects.get_or_create(
        slug=SLUG, defaults={"name": "Harbour Studio", "timezone": "Europe/Berlin"}
    )
    hosts = {person.slug: _host(organisation, person) for person in _TEAM}
    calendar = ensure_local(hosts[_API_HOST.slug])
    rule = _rule(organisation, list(hosts.values()))
    _offer_more(organisation, hosts, rule)
    return Cast(organisation, hosts, calendar, rule, _event_type(organisation, hosts), _contact(organisation))


def _host(organisation: Organisation, person: _Person) -> Host:
    known: Host | None = Host.objects.for_tenant(organisation).filter(slug=person.slug).first()
    if known is not None:
        return known
    schedule = Schedule.everywhere.create(organisation=organisation, name=person.name, weekly=person.weekly)
    host: Host = Host.everywhere.create(
        organisation=organisation,
        slug=person.slug,
        name=person.name,
        email=f"{person.slug}@example.com",
        timezone=person.timezone,
        schedule=schedule,
    )
    ensure_local(host)
    return host


def _rule(organisation: Organisation, hosts: list[Host]) -> GroupRule:
    rule: GroupRule
    rule, _ = GroupRule.everywhere.get_or_create(organisation=organisation, name="Whoever is free first")
    for host in hosts:
        GroupMember.everywhere.get_or_create(organisation=organisation, rule=rule, host=host)
    return rule


def _event_type(organisation: Organisation, hosts: dict[str, Host]) -> EventType:
    event_type: EventType
    event_type, created = EventType.everywhere.get_or_create(
        organisation=organisation,
        slug="first-meeting",
        defaults={
            "name": "First meeting",
            "description": "Half an hour to get to know each other.",
            "window": EventType.Window.OPEN,
            "minimum_notice": 0,
        },
    )
    if created:
        event_type.hosts.add(hosts[_API_HOST.slug])
        Question.everywhere.create(
            organisation=organisation, event_type=event_type, key="topic", label="What would you like to talk about?"
        )
    return event_type


@dataclass(frozen=True)
class _Offer:
    """Something more that strangers can book on the public pages. No hosts: whoever of the group rule is free."""

    slug: str
    name: str
    hosts: tuple[str, ...]
    settings: dict[str, Any]
    questions: tuple[dict[str, Any], ...] = ()


_OFFERS = (
    _Offer(
        "consultation",
        "Consultation",
        (),
        {
            "description": "Tell us what you have in mind. Whoever of us is free first will be there.",
            "durations": [30, 60],
            "place": EventType.Place.JITSI,
            "change_notice": 120,
        },
        (
            {
                "key": "kind",
                "label": "What is it for?",
                "kind": Question.Kind.SELECT,
                "required": True,
                "options": ["A new project", "Something we made for you", "Something else"],
            },
            {"key": "people", "label": "How many of you are there?", "kind": Question.Kind.NUMBER},
        ),
    ),
    _Offer(
        "open-studio",
        "Open studio",
        ("greta",),
        {
            "description": "An hour in the studio with a handful of others: look, ask, try.",
            "durations": [60],
            "capacity": 6,
            "place": EventType.Place.IN_PERSON,
            "place_detail": "Hafenstraße 12, Hamburg",
            "window_days": 30,
        },
    ),
)


def _offer_more(organisation: Organisation, hosts: dict[str, Host], rule: GroupRule) -> None:
    for offer in _OFFERS:
        event_type, created = EventType.everywhere.get_or_create(
            organisation=organisation,
            slug=offer.slug,
            defaults={"name": offer.name, "group_rule": None if offer.hosts else rule, **offer.settings},
        )
        if created:
            event_type.hosts.set([hosts[slug] for slug in offer.hosts])
            for position, question in enumerate(offer.questions):
                Question.everywhere.create(
                    organisation=organisation, event_type=event_type, position=position, **question
                )


def _contact(organisation: Organisation) -> Contact:
    contact: Contact
    contact, _ = Contact.everywhere.get_or_create(
        organisation=organisation,
        email="emma.larsson@example.com",
        defaults={"name": "Emma Larsson", "timezone": "Europe/Stockholm"},
    )
    return contact


def _user(organisation: Organisation, username: str, which: str, role: str) -> User:
    """The login, with the password of the key file: what the sheet says always works."""
    user, created = get_user_model().objects.get_or_create(
        username=username, defaults={"email": f"{username}@example.com"}
    )
    password = settings.DEMO_PASSWORDS[which]
    if created or not user.check_password(password):
        user.set_password(password)
    user.is_staff = user.is_superuser = role == Membership.Role.OWNER
    user.save()
    Membership.everywhere.get_or_create(organisation=organisation, user=user, defaults={"role": role})
    return user


def _fresh_keys(cast: Cast) -> dict[tuple[str, str], str]:
    """New secrets by (dialect, kind); those of long ago are revoked."""
    secrets = {}
    for dialect, kind in _KEYS:
        host = cast.api_host if (dialect, kind) in _OF_ONE_HOST else None
        # These stand in the source of web pages: they get what such keys usually may.
        public = kind in (ApiKey.Kind.WIDGET_KEY, ApiKey.Kind.PUBLIC_KEY)
        scopes = [] if public else [keys.EVERYTHING]
        _, secrets[dialect, kind] = keys.issue(
            cast.organisation, dialect=dialect, kind=kind, name=KEY_NAME, scopes=scopes, host=host, actor=ACTOR
        )
        earlier = ApiKey.objects.for_tenant(cast.organisation).filter(
            name=KEY_NAME, dialect=dialect, kind=kind, revoked_at=None
        )
        for key in earlier.order_by("-created_at")[KEYS_KEPT:]:
            keys.revoke(key, actor=ACTOR)
    return secrets


def _logins() -> dict[str, Any]:
    return {
        "staff": {"username": STAFF, "password": settings.DEMO_PASSWORDS["staff"]},
        "admin": {"username": ADMIN, "password": settings.DEMO_PASSWORDS["admin"]},
    }


def _dialects(cast: Cast, secrets: dict[tuple[str, str], str]) -> dict[str, Any]:
    """Per dialect its keys and the ids it calls the demo's things by."""
    host, calendar, account = cast.api_host, cast.calendar, cast.calendar.account
    ids = {
        "cronofy": {
            "sub": refs.ref("cronofy", "host", host),
            "calendar_id": refs.ref("cronofy", "calendar", calendar),
            "group_rule_id": refs.ref("cronofy", "group_rule", cast.rule),
        },
        "timekit": {
            "calendar_id": refs.ref("timekit", "calendar", calendar),
            "resource_id": refs.ref("timekit", "host", host),
            "project_id": refs.ref("timekit", "event_type", cast.event_type),
        },
        "morgen": {
            "account_id": refs.ref("morgen", "account", account),
            "calendar_id": refs.ref("morgen", "calendar", calendar),
        },
        "leadconnector": {
            "location_id": refs.ref("leadconnector", "organisation", cast.organisation),
            "calendar_id": refs.ref("leadconnector", "event_type", cast.event_type),
            "contact_id": refs.ref("leadconnector", "contact", cast.contact),
            "user_id": refs.ref("leadconnector", "host", host),
        },
        "morph": {"connector_id": "calendly", "owner_id": refs.ref("morph", "account", account)},
    }
    issued: dict[str, dict[str, str]] = {dialect: {} for dialect in ids}
    for (dialect, kind), secret in secrets.items():
        issued[dialect][kind] = secret
    return {dialect: issued[dialect] | ids[dialect] for dialect in ids}

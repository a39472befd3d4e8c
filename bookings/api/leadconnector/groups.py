"""Groups of calendars: folders under which a location sorts them. We have no noun for them: they are kept with the
organisation, and which group a calendar is in is kept with the calendar."""

from __future__ import annotations

import re
from typing import Any

from django.db import transaction
from django.utils.crypto import get_random_string
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import refusals
from bookings.api.base import Refusal
from bookings.api.leadconnector import schema, wire
from bookings.api.leadconnector.dialect import LeadConnectorView
from bookings.api.leadconnector.wire import SURFACE
from bookings.api.reader import Reader
from bookings.domain import refs
from bookings.models import EventType, Organisation

_KIND = "groups"
_MOST = 500
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)
_LONGEST = 200


def groups_of(organisation: Organisation) -> dict[str, dict[str, Any]]:
    """{id: name, description, slug, isActive} of an organisation, as they were made."""
    kept = refs.kept(SURFACE, _KIND, [organisation])[organisation.pk]
    return {group_id: group for group_id, group in kept.items() if group}


def members(organisation: Organisation, group_id: str) -> list[tuple[EventType, str]]:
    """The calendars of a group with their ids."""
    every = list(EventType.objects.for_tenant(organisation).only("id", "organisation_id"))
    kept = refs.kept(SURFACE, "event_type", every)
    chosen = [each for each in every if kept[each.pk].get("groupId") == group_id]
    named = refs.refs(SURFACE, "event_type", chosen)
    return [(each, named[each.pk]) for each in chosen]


class GroupView(LeadConnectorView):
    def group(self, group_id: str) -> dict[str, Any]:
        found = groups_of(self.principal.organisation).get(group_id)
        if found is None:
            raise refusals.not_found()
        return found

    def keep(self, group_id: str, group: dict[str, Any] | None) -> None:
        if self.principal.host is not None:
            raise refusals.forbidden("A token of one user cannot change the location's groups.")
        refs.keep(SURFACE, _KIND, self.principal.organisation, {group_id: group})

    def shown(self, group_id: str, group: dict[str, Any]) -> dict[str, Any]:
        return {"id": group_id, "locationId": self.location_id, **group}

    def said(self, reader: Reader, *, creating: bool) -> dict[str, Any]:
        """Name, description and slug of the body; those that are left out are left out. Raises Refusal."""
        texts = {
            "name": reader.text(self.body, "name", "name", required=True, longest=_LONGEST),
            "description": reader.text(self.body, "description", "description", longest=1024, one_line=False),
            "slug": reader.text(self.body, "slug", "slug", required=creating, longest=100),
        }
        if texts["slug"] and not _SLUG.fullmatch(texts["slug"]):
            reader.wrong("slug", "invalid", "slug may hold letters, digits, - and _.")
        reader.finish()
        return {key: text for key, text in texts.items() if key in self.body}

    def check_slug(self, slug: str | None, but: str = "") -> None:
        if slug and not is_free(self.principal.organisation, slug, but):
            raise Refusal(400, "slug", "The slug is taken.")


def is_free(organisation: Organisation, slug: str, but: str = "") -> bool:
    """Whether no other group than `but` has this slug."""
    every = groups_of(organisation)
    return not any(group["slug"] == slug and group_id != but for group_id, group in every.items())


class Groups(GroupView):
    scopes = {"GET": "calendars:read", "POST": "calendars:write"}

    @schema.told("List groups", answers={200: schema.GROUPS}, parameters=[schema.LOCATION])
    def get(self, request: Request) -> Response:
        self.asked_location(Reader())
        every = groups_of(self.principal.organisation)
        return Response({"groups": [self.shown(group_id, group) for group_id, group in every.items()]})

    @schema.told("Create a group", takes=schema.NEW_GROUP, answers={201: schema.ONE_GROUP})
    @transaction.atomic
    def post(self, request: Request) -> Response:
        reader = Reader()
        location_id = reader.text(self.body, "locationId", "locationId", required=True)
        active = wire.flag(self.body, "isActive", reader)
        said = self.said(reader, creating=True)
        self.check_location(location_id)
        self.check_slug(said["slug"])
        if len(groups_of(self.principal.organisation)) >= _MOST:
            raise Refusal(400, "too_many", f"A location has at most {_MOST} groups.")
        group_id = get_random_string(20)
        group = {"name": "", "description": "", "slug": "", **said, "isActive": active is not False}
        self.keep(group_id, group)
        return Response({"group": self.shown(group_id, group)}, status=201)


class Group(GroupView):
    scopes = {"PUT": "calendars:write", "DELETE": "calendars:write"}

    @schema.told("Update a group", takes=schema.CHANGED_GROUP, answers={200: schema.ONE_GROUP})
    @transaction.atomic
    def put(self, request: Request, group_id: str) -> Response:
        group = self.group(group_id)
        said = self.said(Reader(), creating=False)
        self.check_slug(said.get("slug"), group_id)
        self.keep(group_id, group | said)
        return Response({"group": self.shown(group_id, group | said)})

    @schema.told("Delete a group", answers={200: schema.SUCCESS})
    @transaction.atomic
    def delete(self, request: Request, group_id: str) -> Response:
        """Its calendars stay, in no group."""
        self.group(group_id)
        for calendar, _ in members(self.principal.organisation, group_id):
            refs.keep(SURFACE, "event_type", calendar, {"groupId": ""})
        self.keep(group_id, None)
        return Response({"success": True})


class GroupStatus(GroupView):
    scopes = {"PUT": "calendars:write"}

    @schema.told("Enable or disable a group", takes=schema.STATUS, answers={200: schema.SUCCESS})
    def put(self, request: Request, group_id: str) -> Response:
        reader = Reader()
        active = wire.flag(self.body, "isActive", reader)
        if active is None and not reader.problems:
            reader.wrong("isActive", "required", "isActive is required.")
        reader.finish()
        self.keep(group_id, self.group(group_id) | {"isActive": active})
        return Response({"success": True})


class GroupSlug(GroupView):
    scopes = {"POST": "calendars:read"}

    @schema.told("Ask whether a slug is free", takes=schema.SLUG, answers={200: schema.AVAILABLE})
    def post(self, request: Request) -> Response:
        reader = Reader()
        location_id = reader.text(self.body, "locationId", "locationId", required=True)
        slug = reader.text(self.body, "slug", "slug", required=True, longest=100)
        reader.finish()
        self.check_location(location_id)
        return Response({"available": is_free(self.principal.organisation, slug)})

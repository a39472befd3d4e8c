"""Projects: what customers can book, with whom and when. Each is an event type."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.reader import Reader
from bookings.api.refusals import forbidden
from bookings.api.timekit import constraints, finding, paging, project_wire, schema, wire
from bookings.api.timekit.constraints import Rules
from bookings.api.timekit.views import TimekitView, credentials
from bookings.domain import offers, refs
from bookings.domain.errors import NotFound
from bookings.models import EventType, Question

_ORDER = {"created_at": "created_at", "name": "name", "slug": "slug", "id": "pk"}


class ProjectView(TimekitView):
    """What the paths of projects share."""

    model = "Project"
    fields = wire.PROJECT_FIELDS

    def visible(self) -> QuerySet[EventType]:
        found = EventType.objects.for_tenant(self.principal.organisation).select_related("schedule", "group_rule")
        return found if self.own is None else found.filter(hosts=self.own)

    def find(self, external_id: str) -> EventType:
        known = refs.resolve(self.principal.organisation, wire.SURFACE, "event_type", external_id)
        found = self.visible().filter(pk=known).first() if known is not None else None
        if found is None:
            raise NotFound("There is no such project.")
        return found

    def body_of(self, found: Sequence[EventType]) -> list[dict[str, Any]]:
        teams = offers.teams_of(found)
        questions: dict[Any, list[Question]] = defaultdict(list)
        for each in Question.everywhere.filter(event_type__in=found).order_by("position", "key"):
            questions[each.event_type_id].append(each)
        names = self.named(("event_type", found))
        kept = refs.kept(wire.SURFACE, "event_type", found)
        shown = [
            project_wire.project(each, teams[each.pk], questions[each.pk], kept[each.pk], names, self.clock)
            for each in found
        ]
        if "resources" in self.asked_for:
            hosts = {member.host.pk: member.host for team in teams.values() for member in team.members}
            named = self.named(("host", list(hosts.values())))
            for each, body in zip(found, shown, strict=True):
                body["resources"] = [wire.bookable(member.host, named) for member in teams[each.pk].members]
        return shown

    def write(self, event_type: EventType | None) -> EventType:
        """Make a project, or change one, as the body says."""
        if self.own is not None:
            raise forbidden("A resource's own key makes no projects.")
        reader = Reader()
        named = self.body.get("resources") is not None
        hosts = finding.resources(self.principal, self.body, reader) if named else None
        if event_type is not None and hosts is None and isinstance(self.body.get("availability"), dict):
            hosts = [member.host for member in offers.teams_of([event_type])[event_type.pk].members]
        asked = project_wire.Asked(self.body, reader, self.clock, hosts, int(time.time()))
        if event_type is None and asked.name is None:
            reader.wrong("name", "required", "name is required.")
        rules = self._rules(reader)
        reader.finish()
        if rules is not None:
            week = project_wire.week_of(rules)
            asked.kept |= {"constraints": self.body["availability_constraints"], "week": _stored(week)}
            asked.settings["weekly"] = week
        said = {"name": asked.name, "slug": asked.slug, "team": asked.team}
        told: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
        if event_type is None:
            made = offers.create(self.principal.organisation, actor=self.principal.actor, **told, **asked.settings)
        else:
            made = offers.change(event_type, actor=self.principal.actor, **told, **asked.settings)
        refs.keep(wire.SURFACE, "event_type", made, asked.kept)
        return made

    def _rules(self, reader: Reader) -> Rules | None:
        """Constraints of a project are weekly hours; periods belong to its resources."""
        given = self.body.get("availability_constraints")
        if given is None:
            return None
        rules = constraints.read(given, "availability_constraints", reader, self.clock)
        if rules.allowed or rules.blocked:
            words = "Periods are possible for resources, and in questions for availability."
            reader.wrong("availability_constraints", "invalid", words)
        return rules


def _stored(week: list[list[tuple[int, int]]]) -> list[list[list[int]]] | None:
    return [[list(block) for block in day] for day in week] if week else None


class Projects(ProjectView):
    scopes = {"GET": "calendars:read", "POST": "calendars:write"}

    @schema.told(
        "List projects",
        answers={200: schema.page(schema.PROJECT)},
        parameters=[*schema.PAGING, *schema.ORDER, *schema.SEARCH, *schema.INCLUDE],
    )
    def get(self, request: Request) -> Response:
        found = self.visible()
        for name, value in paging.searched(request):
            if name in ("name", "slug"):
                found = found.filter(**{f"{name}__iexact": value})
        found = found.order_by(*paging.ordered(request, _ORDER, "created_at"))
        return Response(paging.page(request, found.count(), found, self.body_of))

    @schema.told("Create a project", takes=schema.NEW_PROJECT, answers={201: schema.data(schema.PROJECT)})
    def post(self, request: Request) -> Response:
        with transaction.atomic():
            made = self.write(None)
            return self.done(self.body_of([self.visible().get(pk=made.pk)])[0], 201)


class OneProject(ProjectView):
    scopes = {"GET": "calendars:read", "PUT": "calendars:write", "DELETE": "calendars:write"}

    @schema.told("Retrieve a project", answers={200: schema.data(schema.PROJECT)}, parameters=schema.INCLUDE)
    def get(self, request: Request, project_id: str) -> Response:
        return self.done(self.body_of([self.find(project_id)])[0])

    @schema.told("Change a project", takes=schema.CHANGED_PROJECT, answers={200: schema.data(schema.PROJECT)})
    def put(self, request: Request, project_id: str) -> Response:
        with transaction.atomic():
            changed = self.write(self.find(project_id))
            return self.done(self.body_of([self.visible().get(pk=changed.pk)])[0])

    @schema.told("Delete a project", answers={204: None})
    def delete(self, request: Request, project_id: str) -> Response:
        if self.own is not None:
            raise forbidden("A resource's own key deletes no projects.")
        with transaction.atomic():
            offers.delete(self.find(project_id), actor=self.principal.actor)
        return Response(status=204)


class ForWidget(ProjectView):
    """A project as the widget loads it, by its id or its slug: only what is offered to the public."""

    public = True
    scopes = {"GET": "availability:read"}

    def visible(self) -> QuerySet[EventType]:
        return super().visible().filter(is_active=True, is_public=True)

    @schema.told("Load a project into a widget", answers={200: schema.data(schema.PROJECT)})
    def get(self, request: Request, project_id: str = "", slug: str = "") -> Response:
        found = self.find(project_id) if project_id else self.visible().filter(slug=slug).first()
        if found is None:
            raise NotFound("There is no such project.")
        body = self.body_of([found])[0]
        # The widget goes on with the key that it was given; that of a server is never repeated.
        key = credentials(request)[1] if finding.is_widget(self.principal) else None
        return self.done({**body, "app_key": key})


class TeamView(ProjectView):
    def _set(self, project: EventType, team: offers.Team) -> None:
        if self.own is not None:
            raise forbidden("A resource's own key changes no projects.")
        offers.change(project, team=team, actor=self.principal.actor)


class Team(TeamView):
    """The resources of a project."""

    scopes = {"GET": "calendars:read", "POST": "calendars:write", "PUT": "calendars:write"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The vendor's client sends the ids alone, as an array."""
        sent = request._request.body
        if sent.lstrip().startswith(b"["):
            request._request._body = b'{"resources":' + sent + b"}"
        super().initial(request, *args, **kwargs)

    @schema.told("List the resources of a project", answers={200: schema.data(schema.listed(schema.BOOKABLE))})
    def get(self, request: Request, project_id: str) -> Response:
        return self._shown(self.find(project_id))

    @schema.told(
        "Add a resource to a project", takes=schema.MEMBER, answers={201: schema.data(schema.listed(schema.BOOKABLE))}
    )
    def post(self, request: Request, project_id: str) -> Response:
        """Add one."""
        reader = Reader()
        external_id = reader.text(self.body, "resource_id", "resource_id", required=True)
        host = finding.hosts_called(self.principal, [external_id]).get(external_id)
        if external_id and host is None:
            reader.wrong("resource_id", "invalid", "resource_id is not the id of a resource.")
        reader.finish()
        assert host is not None
        with transaction.atomic():
            project = self.find(project_id)
            team = offers.teams_of([project])[project.pk]
            if all(member.host.pk != host.pk for member in team.members):
                self._set(project, offers.Team((*team.members, offers.Member(host)), team.everybody))
            return self._shown(project, 201)

    @schema.told(
        "Set the resources of a project",
        takes=schema.MEMBERS,
        answers={200: schema.data(schema.listed(schema.BOOKABLE))},
    )
    def put(self, request: Request, project_id: str) -> Response:
        """Set all of them."""
        reader = Reader()
        hosts = finding.resources(self.principal, self.body, reader)
        reader.finish()
        with transaction.atomic():
            project = self.find(project_id)
            team = offers.teams_of([project])[project.pk]
            members = tuple(offers.Member(host) for host in hosts)
            self._set(project, offers.Team(members, team.everybody))
            return self._shown(project)

    def _shown(self, project: EventType, status: int = 200) -> Response:
        team = offers.teams_of([self.visible().get(pk=project.pk)])[project.pk]
        hosts = [member.host for member in team.members]
        names = self.named(("host", hosts))
        return self.done([wire.bookable(host, names) | {"email": host.email} for host in hosts], status)


class TeamMember(TeamView):
    scopes = {"DELETE": "calendars:write"}

    @schema.told("Remove a resource from a project", answers={204: None})
    def delete(self, request: Request, project_id: str, resource_id: str) -> Response:
        with transaction.atomic():
            project = self.find(project_id)
            known = refs.resolve(self.principal.organisation, wire.SURFACE, "host", resource_id)
            team = offers.teams_of([project])[project.pk]
            left = tuple(member for member in team.members if member.host.pk != known)
            if len(left) == len(team.members):
                raise NotFound("The project has no such resource.")
            self._set(project, offers.Team(left, team.everybody))
        return Response(status=204)

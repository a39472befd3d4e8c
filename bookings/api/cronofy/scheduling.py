"""Scheduler requests as Cronofy offers them: POST /v1/scheduler_requests, and the names it has had since."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import refusals
from bookings.api.cronofy import schema, wire
from bookings.api.cronofy.dialect import CronofyView, host_called
from bookings.api.reader import Reader
from bookings.domain import refs, requests
from bookings.domain.errors import Invalid, NotAllowed
from bookings.models import Booking, GroupRule, Host, SchedulerRequest

_MOST_IDS = 100


class SchedulerRequests(CronofyView):
    """Create a request. `wrapper` says under which of its two names."""

    wrapper = wire.SCHEDULER
    scopes = {"POST": "requests:write"}
    fields = wire.FIELDS

    @schema.told("Send a request", schema.made_request("scheduler_request"), takes=schema.NEW_REQUEST)
    def post(self, request: Request) -> Response:
        reader = Reader()
        asked = wire.read(self.body, reader)
        chosen = self._hosts(asked, reader)
        reader.finish()
        with transaction.atomic():
            made = requests.send(
                self.principal.organisation,
                **chosen,
                **asked.details,
                surface=wire.SURFACE,
                key=self.principal.key,
                actor=self.principal.actor,
                notify=False,  # the program has the link, and hands it out
            )
            return Response(wire.created(made, self.wrapper))

    def _hosts(self, asked: wire.Asked, reader: Reader) -> dict[str, Any]:
        """Who hosts is said in one of three ways: host, group rule, or whom the call is made as."""
        if asked.sub is not None and asked.rule_id is not None:
            reader.wrong("scheduler_group_rule", "invalid", "Give either host or scheduler_group_rule, not both.")
        elif self.principal.acting_as and (asked.sub is not None or asked.rule_id is not None):
            named = "host" if asked.sub is not None else "scheduler_group_rule"
            reader.wrong(named, "invalid", f"Cronofy-Impersonate already decides the host; leave out {named}.")
        elif asked.rule_id is not None:
            return {"group_rule": self._rule(asked.rule_id, reader)}
        elif asked.sub is not None:
            return {"host": self._host(asked.sub, reader)}
        elif self.principal.host is None:
            reader.wrong("host", "required", "host or scheduler_group_rule is required.")
        return {"host": self.principal.host}

    def _host(self, sub: str, reader: Reader) -> Host | None:
        host = host_called(self.principal.organisation, sub)
        if host is None:
            if sub:
                reader.wrong("host.sub", "invalid", "host.sub is not the sub of an account of this organisation.")
        elif self.principal.key.host_id not in (None, host.pk):
            self.principal.require("impersonate")
        return host

    def _rule(self, rule_id: str, reader: Reader) -> GroupRule | None:
        known = refs.resolve(self.principal.organisation, wire.SURFACE, "group_rule", rule_id)
        rule: GroupRule | None = GroupRule.objects.for_tenant(self.principal.organisation).filter(pk=known).first()
        if rule is None and rule_id:
            path = "scheduler_group_rule.id"
            reader.wrong(path, "invalid", f"{path} is not the id of a group rule of this organisation.")
        return rule


class SchedulingRequests(SchedulerRequests):
    wrapper = wire.SCHEDULING

    @schema.told("Send a request", schema.made_request("scheduling_request"), takes=schema.NEW_REQUEST)
    def post(self, request: Request) -> Response:
        return super().post(request)


class Readings(CronofyView):
    """What reads and the cancelling of requests share."""

    def visible(self, external_ids: list[str]) -> dict[str, SchedulerRequest]:
        """{id: request} of those that this caller may see: a host's own token sees the requests of that host."""
        organisation = self.principal.organisation
        ids = refs.resolve_all(organisation, wire.SURFACE, "request", external_ids)
        rows = SchedulerRequest.objects.for_tenant(organisation).filter(pk__in=ids.values())
        if self.principal.key.host_id is not None:
            rows = rows.filter(host=self.principal.key.host_id)
        by_id: dict[uuid.UUID, SchedulerRequest] = rows.in_bulk()
        return {external_id: by_id[pk] for external_id, pk in ids.items() if pk in by_id}

    def shown(self, found: dict[str, SchedulerRequest]) -> dict[str, dict[str, Any]]:
        """What is told of each of these requests, with the time that was chosen; one query."""
        live = [*Booking.LIVE, Booking.State.COMPLETED, Booking.State.NO_SHOW]
        rows = Booking.objects.for_tenant(self.principal.organisation).filter(
            scheduler_request__in=[request.pk for request in found.values()], state__in=live
        )
        taken = {pk: (start, end) for pk, start, end in rows.values_list("scheduler_request", "start_s", "end_s")}
        return {
            name: wire.shown(request, name, request.state == SchedulerRequest.State.BOOKED, taken.get(request.pk))
            for name, request in found.items()
        }


class SchedulingRequestQuery(Readings):
    """Several requests by id; unknown ids are left out of the answer."""

    scopes = {"POST": "requests:read"}

    @schema.told("Several requests by their ids", schema.REQUESTS, takes=schema.REQUEST_IDS)
    def post(self, request: Request) -> Response:
        reader = Reader()
        name = "scheduling_request_ids"
        ids = reader.array(self.body, name, name, required=True)
        if len(ids) > _MOST_IDS or not all(isinstance(each, str) for each in ids):
            reader.wrong(name, "invalid", f"{name} must be an array of at most {_MOST_IDS} strings.")
        reader.finish()
        found = self.shown(self.visible(ids))
        return Response({"scheduling_requests": [found[each] for each in ids if each in found]})


class SchedulingRequestCancel(Readings):
    """Withdraw a request, so that its link no longer leads to a choice."""

    scopes = {"POST": "requests:write"}

    @schema.told("Withdraw a request", None, status=202, takes=schema.REQUEST_ID)
    def post(self, request: Request) -> Response:
        reader = Reader()
        field = "scheduling_request_id"
        external_id = reader.text(self.body, field, field, required=True)
        found = self.visible([external_id]).get(external_id)
        if external_id and found is None:
            reader.wrong(field, "invalid", f"{field} is not the id of a scheduling request.")
        reader.finish()
        assert found is not None
        try:
            requests.withdraw(found, actor=self.principal.actor)
        except NotAllowed as error:
            # 403 would speak of the credential; it is the request's own state that stands in the way.
            raise Invalid(error.message, code=error.code, field=field) from error
        return Response(status=202)


class SchedulingRequest(Readings):
    """One request. The vendor has no such call; it is ours."""

    scopes = {"GET": "requests:read"}

    @schema.told("One request", schema.REQUEST)
    def get(self, request: Request, request_id: str) -> Response:
        found = self.shown(self.visible([request_id]))
        if not found:
            raise refusals.not_found()
        return Response(found[request_id])

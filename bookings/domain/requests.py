"""Scheduler requests: send a link, let its recipient choose one time, withdraw it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.timezone import now as utc_now

from bookings.domain import availability, links, messages, reserve
from bookings.domain.audit import CUSTOMER, Actor, record
from bookings.domain.availability import Terms
from bookings.domain.errors import Invalid, LinkClosed, NotAllowed
from bookings.models import ApiKey, Booking, EventType, GroupRule, Host, Organisation, SchedulerRequest

SUMMARY_LIMIT = 1024
OPEN_FOR = timedelta(days=30)
WINDOW = "convene_window"
"""Key in `raw` of the window of a request: {"earliest": UTC second, "latest": UTC second}, each if there is one."""
LONGEST = 24 * 60


def send(
    organisation: Organisation,
    *,
    recipient_email: str,
    summary: str,
    actor: Actor,
    host: Host | None = None,
    group_rule: GroupRule | None = None,
    event_type: EventType | None = None,
    recipient_name: str = "",
    duration: int = 30,
    description: str = "",
    location: str = "",
    buffer_before: int = 0,
    buffer_after: int = 0,
    locale: str = "",
    expires_at: datetime | None = None,
    surface: str = "staff",
    raw: dict[str, Any] | None = None,
    key: ApiKey | None = None,
    notify: bool = True,
    earliest_s: int | None = None,
    latest_s: int | None = None,
) -> SchedulerRequest:
    """Make a request; its link is `links.select_url(request.pk)`, which the recipient is sent unless `notify` is
    False. Minutes throughout, but for the window: `earliest_s` and `latest_s` are UTC seconds between which the
    meeting lies.

    Raises Invalid with the field: host (neither or both of host and group rule, or not of this organisation),
    recipient_email, summary (empty, or over 1024 characters), duration, buffer_before, buffer_after, latest_s.
    """
    _check_hosts(organisation, host, group_rule)
    _check_text(recipient_email, summary)
    _check_minutes(duration, buffer_before, buffer_after)
    _check_window(earliest_s, latest_s, duration)
    request_id = uuid.uuid4()
    with transaction.atomic():
        request: SchedulerRequest = SchedulerRequest.everywhere.create(
            pk=request_id,
            organisation=organisation,
            token_digest=links.digest(links.token("request", request_id)),
            host=host,
            group_rule=group_rule,
            event_type=event_type,
            recipient_email=recipient_email,
            recipient_name=recipient_name[:200],
            summary=summary,
            description=description,
            location=location[:1024],
            duration=duration,
            buffer_before=buffer_before,
            buffer_after=buffer_after,
            locale=locale[:16],
            expires_at=expires_at or utc_now() + OPEN_FOR,
            surface=surface,
            raw=(raw or {}) | _window(earliest_s, latest_s),
            created_by_id=actor.user_id,
            created_with=key,
        )
        record(actor, "request.sent", request, after={"summary": summary[:100]})
        messages.tell_request(request, notify=notify)
    return request


def find(token: str) -> SchedulerRequest:
    """The request behind a link, while it can be used or has been booked.

    Raises LinkClosed, one and the same for unknown, expired, withdrawn and declined. Changes nothing.
    """
    request: SchedulerRequest | None = (
        SchedulerRequest.everywhere.select_related("organisation", "host__schedule", "group_rule", "event_type")
        .filter(token_digest=links.digest(token))
        .first()
    )
    usable = (SchedulerRequest.State.OPEN, SchedulerRequest.State.BOOKED)
    if request is None or request.state not in usable or request.is_expired:
        raise LinkClosed("This link is no longer open.")
    return request


def terms(request: SchedulerRequest) -> Terms:
    """Under which rules its recipient may choose: the hosts' own, the event type's notice and steps if it has one, and
    the window of the request."""
    lengths = {
        "minutes": request.duration,
        "before": request.buffer_before,
        "after": request.buffer_after,
    }
    if request.event_type is not None:
        lengths["notice"] = request.event_type.minimum_notice
    if request.group_rule is not None:
        found = availability.of_group(request.group_rule, **lengths)
    else:
        assert request.host is not None  # the table's check constraint
        found = availability.of_host(request.host, **lengths)
    if request.event_type is not None and request.event_type.slot_interval:
        found = replace(found, step=request.event_type.slot_interval * 60)
    window = request.raw.get(WINDOW, {})
    return replace(
        found, earliest=max(found.earliest, window.get("earliest", 0)), latest=window.get("latest", found.latest)
    )


def booking_of(request: SchedulerRequest) -> Booking | None:
    """The live booking made with the link, or None."""
    booking: Booking | None = (
        Booking.everywhere.select_related("event", "contact")
        .filter(scheduler_request=request, state__in=[*Booking.LIVE, Booking.State.COMPLETED, Booking.State.NO_SHOW])
        .first()
    )
    return booking


def select(
    request: SchedulerRequest,
    start: int,
    *,
    name: str,
    timezone: str,
    answers: dict[str, Any] | None = None,
    actor: Actor = CUSTOMER,
) -> Booking:
    """The recipient chooses a start (UTC seconds), in their IANA zone.

    The same start chosen again returns the same booking. Raises SlotTaken (with next free starts), Invalid, LinkClosed,
    or NotAllowed when another time was chosen before.
    """
    if request.is_expired or request.state in (SchedulerRequest.State.WITHDRAWN, SchedulerRequest.State.DECLINED):
        raise LinkClosed("This link is no longer open.")
    wish = reserve.Wish(
        title=request.summary,
        timezone=timezone,
        name=(name or request.recipient_name)[:200],
        email=request.recipient_email,
        description=request.description,
        location=request.location,
        locale=request.locale,
        answers=answers,
        surface=request.surface,
        event_type=request.event_type,
        group_rule=request.group_rule,
        scheduler_request=request,
    )
    return reserve.book(request.organisation, terms(request), start, wish, actor=actor)


def resend(request: SchedulerRequest, *, actor: Actor) -> SchedulerRequest:
    """Send the recipient the link once more, and let it work for the usual time from now on if that is longer.

    Raises NotAllowed for a request that was booked, withdrawn or declined.
    """
    with transaction.atomic():
        fresh: SchedulerRequest = SchedulerRequest.everywhere.select_for_update().get(pk=request.pk)
        if fresh.state != SchedulerRequest.State.OPEN:
            raise NotAllowed("This link is no longer open. Send a new request instead.")
        fresh.expires_at = max(fresh.expires_at, utc_now() + OPEN_FOR)
        fresh.save(update_fields=["expires_at", "updated_at"])
        record(actor, "request.resent", fresh)
        messages.tell_request_again(fresh)
    return fresh


def note_opened(request: SchedulerRequest) -> None:
    """The recipient has seen the link's page. Only the first time counts."""
    SchedulerRequest.everywhere.filter(pk=request.pk, opened_at=None).update(opened_at=utc_now())


def withdraw(request: SchedulerRequest, *, actor: Actor, notify: bool = True) -> SchedulerRequest:
    """Close the link. A booking made with it stays; raises NotAllowed then. Withdrawing twice changes nothing."""
    with transaction.atomic():
        fresh: SchedulerRequest = SchedulerRequest.everywhere.select_for_update().get(pk=request.pk)
        if fresh.state == SchedulerRequest.State.BOOKED:
            raise NotAllowed("A time has been booked with this link. Cancel the booking instead.")
        if fresh.state == SchedulerRequest.State.OPEN:
            fresh.state = SchedulerRequest.State.WITHDRAWN
            fresh.save(update_fields=["state", "updated_at"])
            record(actor, "request.withdrawn", fresh)
            messages.tell_withdrawn(fresh, notify=notify)
    return fresh


def _check_hosts(organisation: Organisation, host: Host | None, group_rule: GroupRule | None) -> None:
    if (host is None) == (group_rule is None):
        raise Invalid("Choose one host or one group rule.", field="host")
    chosen = host or group_rule
    if chosen is not None and chosen.organisation_id != organisation.pk:
        raise Invalid("This host is not known here.", field="host")


def _check_text(email: str, summary: str) -> None:
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid("This is not an e-mail address.", field="recipient_email") from None
    if not summary.strip():
        raise Invalid("A summary is needed.", field="summary")
    if len(summary) > SUMMARY_LIMIT:
        raise Invalid(f"The summary may have {SUMMARY_LIMIT} characters at most.", field="summary")


def _check_minutes(duration: int, before: int, after: int) -> None:
    if not 1 <= duration <= LONGEST:
        raise Invalid("The length must be between 1 minute and 24 hours.", field="duration")
    for field, minutes in (("buffer_before", before), ("buffer_after", after)):
        if not 0 <= minutes <= LONGEST:
            raise Invalid("A buffer lasts 24 hours at most.", field=field)


def _check_window(earliest_s: int | None, latest_s: int | None, duration: int) -> None:
    if latest_s is not None and latest_s < max(earliest_s or 0, int(utc_now().timestamp())) + duration * 60:
        raise Invalid("The window is over before such a meeting can take place.", field="latest_s")


def _window(earliest_s: int | None, latest_s: int | None) -> dict[str, Any]:
    found = {"earliest": earliest_s, "latest": latest_s}
    kept = {name: second for name, second in found.items() if second is not None}
    return {WINDOW: kept} if kept else {}

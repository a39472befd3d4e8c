"""Stating what should be true elsewhere. Nothing is sent from here."""

from __future__ import annotations

import django.dispatch

from bookings.models import Calendar, Event, Mirror

outbox_written = django.dispatch.Signal()
"""Sent inside the transaction that wrote to the outbox; whoever delivers wakes its worker. Arguments: none."""


def show(event: Event, calendar: Calendar) -> None:
    """The target calendar should show this event as it is now. Call in the transaction that changed the event."""
    _desire(event, calendar, Mirror.Desired.PRESENT)


def hide(event: Event) -> None:
    """No target calendar should show this event any more."""
    for mirror in Mirror.everywhere.select_related("calendar").filter(event=event):
        _desire(event, mirror.calendar, Mirror.Desired.ABSENT)


def _desire(event: Event, calendar: Calendar, desired: str) -> None:
    changed = {"desired": desired, "desired_revision": event.revision, "next_attempt_s": 0, "attempt": 0}
    mirror, created = Mirror.everywhere.get_or_create(
        event=event, calendar=calendar, defaults={"organisation_id": event.organisation_id, **changed}
    )
    if not created:
        # A refused or doubtful row deserves a new try with new content; one waiting for sign-in keeps waiting.
        if mirror.state in (Mirror.State.FAILED, Mirror.State.NEEDS_CHECK):
            changed["state"] = Mirror.State.IDLE
        Mirror.everywhere.filter(pk=mirror.pk).update(**changed)
    outbox_written.send(sender=Mirror)

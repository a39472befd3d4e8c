"""Timekit's paths that we answer. Its clients end some of them with a slash, and a redirect would lose the body: every
path is there with and without."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import availability, bookings, events, views

dialect = views.DIALECT


def _both(route: str, view: type[views.TimekitView]) -> list[URLPattern]:
    return [path(f"v2/{route}{end}", view.as_view()) for end in ("", "/")]


urlpatterns: list[URLPattern] = [
    *_both("availability", availability.Availability),
    *_both("availability/dates", availability.Dates),
    *_both("findtime", availability.FindTime),
    *_both("bookings", bookings.Bookings),
    *_both("bookings/bulk", bookings.Bulk),
    *_both("bookings/groups", bookings.Groups),
    *_both("bookings/<str:booking_id>", bookings.OneBooking),
    *_both("bookings/<str:booking_id>/reschedule", bookings.Reschedule),
    *_both("bookings/<str:booking_id>/<str:action>", bookings.Action),
    *_both("events", events.Events),
    *_both("events/<str:event_id>", events.OneEvent),
]

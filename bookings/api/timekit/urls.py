"""Timekit's paths that we answer. Its clients end some of them with a slash, and a redirect would lose the body: every
path is there with and without."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import app, availability, bookings, calendars, events, projects, resources, views

dialect = views.DIALECT


def _both(route: str, view: type[views.TimekitView]) -> list[URLPattern]:
    """The one with a slash is not another operation of the schema."""
    return [path(f"v2/{route}", view.as_view()), path(f"v2/{route}/", view.as_view(schema=None))]


urlpatterns: list[URLPattern] = [
    *_both("app", app.App),
    *_both("availability", availability.Availability),
    *_both("availability/dates", availability.Dates),
    *_both("findtime", availability.FindTime),
    *_both("bookings", bookings.Bookings),
    *_both("bookings/bulk", bookings.Bulk),
    *_both("bookings/groups", bookings.Groups),
    *_both("bookings/<str:booking_id>", bookings.OneBooking),
    *_both("bookings/<str:booking_id>/reschedule", bookings.Reschedule),
    *_both("bookings/<str:booking_id>/<str:action>", bookings.Action),
    *_both("calendars", calendars.Calendars),
    *_both("calendars/<str:calendar_id>", calendars.OneCalendar),
    *_both("resources", resources.Resources),
    *_both("resources/timezone/<str:email>", resources.TimezoneOf),
    *_both("resources/<str:resource_id>", resources.OneResource),
    *_both("projects", projects.Projects),
    *_both("projects/embed/<str:project_id>", projects.ForWidget),
    *_both("projects/hosted/<str:slug>", projects.ForWidget),
    *_both("projects/<str:project_id>", projects.OneProject),
    *_both("projects/<str:project_id>/resources", projects.Team),
    *_both("projects/<str:project_id>/resources/<str:resource_id>", projects.TeamMember),
    *_both("events", events.Events),
    *_both("events/<str:event_id>", events.OneEvent),
]

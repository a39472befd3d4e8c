"""Addresses of the staff pages."""

from __future__ import annotations

from django.urls import path

from bookings.pages.staff import bookings, connect, events, keys, requests, week, why

urlpatterns = [
    path("", week.week, name="week"),
    path("events/new", events.new, name="event-new"),
    path("events/<uuid:event_id>", events.detail, name="event"),
    path("events/<uuid:event_id>/state", events.state, name="event-state"),
    path("events/<uuid:event_id>/edit", events.edit, name="event-edit"),
    path("events/<uuid:event_id>/delete", events.delete, name="event-delete"),
    path("events/<uuid:event_id>/restore", events.restore, name="event-restore"),
    path("requests", requests.listing, name="requests"),
    path("requests/new", requests.new, name="request-new"),
    path("requests/<uuid:request_id>/withdraw", requests.withdraw, name="request-withdraw"),
    path("bookings", bookings.listing, name="bookings"),
    path("bookings/<uuid:booking_id>", bookings.detail, name="booking"),
    path("bookings/<uuid:booking_id>/cancel", bookings.cancel, name="booking-cancel"),
    path("keys", keys.listing, name="keys"),
    path("keys/new", keys.new, name="key-new"),
    path("keys/<uuid:key_id>", keys.detail, name="key"),
    path("keys/<uuid:key_id>/revoke", keys.revoke, name="key-revoke"),
    path("keys/grants/<uuid:grant_id>/end", keys.end_grant, name="key-grant-end"),
    path("connect/<str:token>", connect.grant, name="connect"),
    path("why", why.why, name="why"),
]

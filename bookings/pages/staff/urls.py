"""Addresses of the staff pages."""

from __future__ import annotations

from django.urls import path

from bookings.pages.staff import bookings, connect, events, hooks, keys, moving, outbox, requests, search, week, why

urlpatterns = [
    path("", week.week, name="week"),
    path("search", search.search, name="search"),
    path("events.csv", search.events_csv, name="events-csv"),
    path("events/new", events.new, name="event-new"),
    path("events/quick", moving.quick, name="event-quick"),
    path("events/words", events.words, name="event-words"),
    path("events/<uuid:event_id>", events.detail, name="event"),
    path("events/<uuid:event_id>/state", events.state, name="event-state"),
    path("events/<uuid:event_id>/edit", events.edit, name="event-edit"),
    path("events/<uuid:event_id>/move", moving.move, name="event-move"),
    path("events/<uuid:event_id>/answer", events.answer, name="event-answer"),
    path("events/<uuid:event_id>/delete", events.delete, name="event-delete"),
    path("events/<uuid:event_id>/include", events.include, name="event-include"),
    path("events/<uuid:event_id>/restore", events.restore, name="event-restore"),
    path("requests", requests.listing, name="requests"),
    path("requests/new", requests.new, name="request-new"),
    path("requests/bulk", requests.bulk, name="request-bulk"),
    path("requests/batches/<uuid:batch_id>", requests.batch, name="request-batch"),
    path("requests/<uuid:request_id>/resend", requests.resend, name="request-resend"),
    path("requests/<uuid:request_id>/withdraw", requests.withdraw, name="request-withdraw"),
    path("bookings", bookings.listing, name="bookings"),
    path("bookings/<uuid:booking_id>", bookings.detail, name="booking"),
    path("outbox", outbox.listing, name="outbox"),
    path("outbox/test", outbox.test, name="outbox-test"),
    path("outbox/<uuid:message_id>", outbox.detail, name="outbox-message"),
    path("outbox/<uuid:message_id>/mail", outbox.frame, name="outbox-frame"),
    path("outbox/<uuid:message_id>/again", outbox.again, name="outbox-again"),
    path("webhooks", hooks.listing, name="hooks"),
    path("webhooks/new", hooks.new, name="hook-new"),
    path("webhooks/<uuid:hook_id>", hooks.detail, name="hook"),
    path("webhooks/<uuid:hook_id>/act", hooks.act, name="hook-act"),
    path("keys", keys.listing, name="keys"),
    path("keys/new", keys.new, name="key-new"),
    path("keys/<uuid:key_id>", keys.detail, name="key"),
    path("keys/<uuid:key_id>/revoke", keys.revoke, name="key-revoke"),
    path("keys/grants/<uuid:grant_id>/end", keys.end_grant, name="key-grant-end"),
    path("connect/<str:token>", connect.grant, name="connect"),
    path("why", why.why, name="why"),
]

"""Addresses of the staff pages."""

from __future__ import annotations

from django.urls import path

from bookings.pages.staff import bookings, requests, why

urlpatterns = [
    path("requests", requests.listing, name="requests"),
    path("requests/new", requests.new, name="request-new"),
    path("requests/<uuid:request_id>/withdraw", requests.withdraw, name="request-withdraw"),
    path("bookings", bookings.listing, name="bookings"),
    path("bookings/<uuid:booking_id>", bookings.detail, name="booking"),
    path("bookings/<uuid:booking_id>/cancel", bookings.cancel, name="booking-cancel"),
    path("why", why.why, name="why"),
]

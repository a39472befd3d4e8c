"""Addresses of the customer's pages. /rts/ is the other path that clients know for the same page."""

from __future__ import annotations

from django.urls import path

from bookings.pages.customer import views

urlpatterns = [
    path("r/<str:token>", views.select, name="select"),
    path("r/<str:token>/booked", views.booked, name="booked"),
    path("r/<str:token>/event.ics", views.ics, name="booking-ics"),
    path("rts/<str:token>", views.select),
]

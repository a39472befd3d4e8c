"""Addresses of the customer's pages. /rts/ is the other path that clients know for the page of a request."""

from __future__ import annotations

from django.urls import path, register_converter

from bookings.domain.public import RESERVED
from bookings.pages.customer import manage, public, views


class OrganisationConverter:
    """An organisation's slug. Words that begin other paths are none, so that their own 404 answers for those."""

    regex = rf"(?!(?:{'|'.join(sorted(RESERVED))})(?:/|$))[-a-zA-Z0-9_]{{1,60}}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(OrganisationConverter, "organisation")

urlpatterns = [
    path("r/<str:token>", views.select, name="select"),
    path("r/<str:token>/booked", views.booked, name="booked"),
    path("r/<str:token>/event.ics", views.ics, name="booking-ics"),
    path("rts/<str:token>", views.select),
    path("m/<str:token>", manage.view, name="manage"),
    path("m/<str:token>/move", manage.move, name="manage-move"),
    path("m/<str:token>/cancel", manage.cancel, name="manage-cancel"),
    path("m/<str:token>/back", manage.take_back, name="manage-back"),
    path("m/<str:token>/guests", manage.guests, name="manage-guests"),
    path("m/<str:token>/event.ics", manage.ics, name="manage-ics"),
    path("m/<str:token>/data.json", manage.data, name="manage-data"),
    path("g/<str:token>", manage.guest, name="guest"),
]

public_patterns = [
    path("<organisation:organisation>", public.organisation_index, name="public"),
    path("<organisation:organisation>/<slug:name>", public.type_or_host, name="public-type"),
    path("<organisation:organisation>/<slug:host>/<slug:name>", public.hosts_type, name="public-hosts-type"),
]
"""Below everything else: a word that another path begins with is no organisation."""

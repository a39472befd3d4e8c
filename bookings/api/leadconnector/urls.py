"""LeadConnector's paths that we answer.

The staff pages have paths below /calendars too. They come first (config/urls.py), so a page is never shadowed; and the
ids that stand right below /calendars have to look like this dialect's, so that every other path there stays free for
pages and is answered by the site's 404, which knows browsers from programs. The collection is /calendars/, with the
slash that the vendor has; the page is /calendars.
"""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from bookings.api.leadconnector import appointments, blocks, calendars, contacts, groups
from bookings.api.leadconnector.dialect import DIALECT


class Id(StringConverter):
    regex = "[A-Za-z0-9]{20}"


register_converter(Id, "leadconnector_id")

dialect = DIALECT
urlpatterns = [
    path("calendars/", calendars.Calendars.as_view()),
    path("calendars/events", appointments.Events.as_view()),
    path("calendars/events/appointments", appointments.Appointments.as_view()),
    path("calendars/events/appointments/<str:event_id>", appointments.Appointment.as_view()),
    path("calendars/events/block-slots", blocks.Blocks.as_view()),
    path("calendars/events/block-slots/<str:event_id>", blocks.Block.as_view()),
    path("calendars/events/<str:event_id>", appointments.Event.as_view()),
    path("calendars/blocked-slots", blocks.BlockedSlots.as_view()),
    path("calendars/groups", groups.Groups.as_view()),
    path("calendars/groups/validate-slug", groups.GroupSlug.as_view()),
    path("calendars/groups/<leadconnector_id:group_id>", groups.Group.as_view()),
    path("calendars/groups/<leadconnector_id:group_id>/status", groups.GroupStatus.as_view()),
    path("calendars/<leadconnector_id:calendar_id>", calendars.Calendar.as_view()),
    path("calendars/<leadconnector_id:calendar_id>/free-slots", calendars.FreeSlots.as_view()),
    path("contacts/", contacts.Contacts.as_view()),
    path("contacts/upsert", contacts.ContactUpsert.as_view()),
    path("contacts/<str:contact_id>", contacts.Contact.as_view()),
]

"""Addresses of the pages that say what can be booked, when, and with whom."""

from __future__ import annotations

from django.urls import path

from bookings.pages.staff import availability, booking_changes, booking_new, bookings, event_types, rules, team

urlpatterns = [
    path("event-types", event_types.listing, name="types"),
    path("event-types/new", event_types.new, name="type-new"),
    path("event-types/preview", event_types.show, name="type-preview"),
    path("event-types/<uuid:type_id>", event_types.edit, name="type"),
    path("event-types/<uuid:type_id>/pause", event_types.pause, name="type-pause"),
    path("event-types/<uuid:type_id>/duplicate", event_types.duplicate, name="type-duplicate"),
    path("event-types/<uuid:type_id>/delete", event_types.delete, name="type-delete"),
    path("bookings/new", booking_new.new, name="booking-new"),
    path("bookings/export.csv", bookings.export, name="booking-export"),
    path("bookings/<uuid:booking_id>/cancel", booking_changes.cancel, name="booking-cancel"),
    path("bookings/<uuid:booking_id>/confirm", booking_changes.confirm, name="booking-confirm"),
    path("bookings/<uuid:booking_id>/decline", booking_changes.decline, name="booking-decline"),
    path("bookings/<uuid:booking_id>/move", booking_changes.move, name="booking-move"),
    path("bookings/<uuid:booking_id>/hand-over", booking_changes.hand_over, name="booking-hand-over"),
    path("bookings/<uuid:booking_id>/no-show", booking_changes.no_show, name="booking-no-show"),
    path("bookings/<uuid:booking_id>/came", booking_changes.came, name="booking-came"),
    path("bookings/<uuid:booking_id>/notes", booking_changes.note, name="booking-notes"),
    path("availability", availability.listing, name="availability"),
    path("availability/<uuid:host_id>", availability.edit, name="availability-of"),
    path("availability/<uuid:host_id>/preview", availability.show, name="availability-preview"),
    path("availability/<uuid:host_id>/days", availability.add_days, name="availability-days"),
    path("availability/<uuid:host_id>/days/<uuid:days_id>/remove", availability.remove_days, name="availability-drop"),
    path("team", team.page, name="team"),
    path("team/invite", team.invite, name="team-invite"),
    path("team/members/<uuid:member_id>/link", team.invite_again, name="team-invite-again"),
    path("team/members/<uuid:member_id>/role", team.change_role, name="team-role"),
    path("team/members/<uuid:member_id>/remove", team.remove, name="team-remove"),
    path("team/hosts", team.add_host, name="team-host-add"),
    path("team/hosts/<uuid:host_id>/deactivate", team.retire, name="team-host-retire"),
    path("team/hosts/<uuid:host_id>/activate", team.reinstate, name="team-host-reinstate"),
    path("teams", rules.listing, name="rules"),
    path("teams/new", rules.new, name="rule-new"),
    path("teams/preview", rules.show, name="rule-preview"),
    path("teams/<uuid:rule_id>", rules.edit, name="rule"),
    path("teams/<uuid:rule_id>/delete", rules.delete, name="rule-delete"),
]

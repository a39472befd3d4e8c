"""What machine words mean to people."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

register = template.Library()

_ACTIONS = {
    "booking.made": _("Booked"),
    "booking.moved": _("Moved to another time"),
    "booking.cancelled": _("Cancelled"),
    "booking.confirmed": _("Confirmed"),
    "booking.declined": _("Declined"),
    "booking.no_show": _("Marked as no-show"),
    "booking.completed": _("Took place"),
    "booking.handed_over": _("Handed over"),
    "booking.described": _("Described otherwise"),
    "booking.rescheduled": _("Rescheduled by the customer"),
    "booking.invalidated": _("Found to be no booking"),
    "key.issued": _("Made"),
    "key.revoked": _("Revoked"),
}


@register.filter
def action(name: str) -> str:
    """An audit entry's action in words; one without words is shown as it is."""
    return str(_ACTIONS.get(name, name))


@register.filter
def by_whom(actor: str) -> str:
    """Who acted, where a machine name stands for somebody."""
    return {"customer": gettext("the customer"), "system": gettext("the system")}.get(actor, actor)

"""What each kind of message says: subject, headline, opening words, and what it asks its reader to do.

Called with the reader's language active.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Words:
    """`subject` stays neutral for what invites: some calendars take it for the title of the event. `tone` colours the
    headline: good, waiting, bad or plain."""

    subject: str
    headline: str
    opening: str
    tone: str = "plain"
    action: str = ""
    closing: str = ""


def words(template: str, facts: dict[str, Any], *, is_guest: bool = False) -> Words:
    """The words for one message. Unknown templates say only their title. Guests answer, and change nothing."""
    said = _SAID.get(template)
    given = {"title": facts.get("title", ""), "customer": facts.get("customer", ""), "hosts": hosts(facts)}
    found = said(given, facts) if said else Words(given["title"], given["title"], "")
    return replace(found, action=_("Say whether you come")) if is_guest and found.action else found


def hosts(facts: dict[str, Any]) -> str:
    return ", ".join(facts.get("hosts") or ())


def _booked(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = (
        _("Your appointment with %(hosts)s is confirmed.") if given["hosts"] else _("Your appointment is confirmed.")
    )
    closing = _("The link to the video room follows as soon as it is there.") if facts.get("room_follows") else ""
    return Words(given["title"], _("It is booked"), opening % given, "good", _("Change or cancel"), closing)


def _pending(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("We have your request and will tell you as soon as it is confirmed. Until then nothing is booked.")
    return Words(
        _("Asked for: %(title)s") % given, _("Waiting for confirmation"), opening, "waiting", _("See the request")
    )


def _moved(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("Your appointment has another time.")
    return Words(_("Updated: %(title)s") % given, _("New time"), opening, "good", _("Change or cancel"))


def _changed(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("Something about your appointment is new. The time stays.")
    return Words(_("Updated: %(title)s") % given, _("Updated"), opening, "good", _("Change or cancel"))


def _cancelled(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("This appointment does not take place.")
    if facts.get("by") == "invitee":
        opening = _("You cancelled this appointment.")
    return Words(_("Cancelled: %(title)s") % given, _("Cancelled"), opening, "bad")


def _declined(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("Unfortunately the time you asked for cannot be confirmed.")
    return Words(_("Declined: %(title)s") % given, _("Not confirmed"), opening, "bad")


def _reminder(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("Your appointment is coming up.")
    return Words(_("Reminder: %(title)s") % given, _("See you soon"), opening, "good", _("Change or cancel"))


def _request(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("%(hosts)s would like to find a time with you. Choose one that suits you: it is booked at once.")
    if not given["hosts"]:
        opening = _("Choose a time that suits you: it is booked at once.")
    return Words(given["title"], _("Choose a time"), opening % given, "good", _("Choose a time"))


def _withdrawn(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("The invitation to choose a time was withdrawn. Its link no longer works.")
    return Words(_("Withdrawn: %(title)s") % given, _("No longer needed"), opening)


def _host_booked(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("%(customer)s has booked a time with you.") if given["customer"] else _("A time with you was booked.")
    return Words(_("New booking: %(title)s") % given, _("New booking"), opening % given, "good", _("Open the booking"))


def _host_pending(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("%(customer)s asks for this time. It is booked when you confirm it.")
    return Words(
        _("Please confirm: %(title)s") % given, _("Waiting for you"), opening % given, "waiting", _("Open the booking")
    )


def _host_moved(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("This booking has another time.")
    return Words(_("Moved: %(title)s") % given, _("New time"), opening, "good", _("Open the booking"))


def _host_cancelled(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("This booking was cancelled. The time is free again.")
    if facts.get("by") == "invitee" and given["customer"]:
        opening = _("%(customer)s cancelled this booking. The time is free again.") % given
    return Words(_("Cancelled: %(title)s") % given, _("Cancelled"), opening, "bad", _("Open the booking"))


def _account(given: dict[str, str], facts: dict[str, Any]) -> Words:
    said = {"account": facts.get("account", ""), "service": facts.get("service", "")}
    opening = _(
        "Convene can no longer use “%(account)s” (%(service)s). Until you sign in again, what is in that calendar is "
        "not known here, and bookings do not appear there."
    )
    subject = _("%(account)s needs you to sign in again")
    return Words(subject % said, _("Please sign in again"), opening % said, "bad", _("Sign in again"))


def _test(given: dict[str, str], facts: dict[str, Any]) -> Words:
    opening = _("If you can read this, your installation can send mail.")
    return Words(_("A test from Convene"), _("Mail works"), opening, "good")


_SAID = {
    "booked": _booked,
    "pending": _pending,
    "moved": _moved,
    "changed": _changed,
    "cancelled": _cancelled,
    "declined": _declined,
    "reminder": _reminder,
    "request": _request,
    "withdrawn": _withdrawn,
    "host_booked": _host_booked,
    "host_pending": _host_pending,
    "host_moved": _host_moved,
    "host_cancelled": _host_cancelled,
    "account": _account,
    "test": _test,
}

"""A message as the mail it is sent as: text, HTML and calendar part, in its reader's language and zone."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from bookings.domain import links, messages
from bookings.engine.zones import canonical
from bookings.mail.itip import calendar_part
from bookings.mail.lines import address_of, named, one_line
from bookings.mail.words import hosts, words
from bookings.models import Message, Organisation
from bookings.templatetags.when import clock, day, offset, zone_words

_STEPS_WITH_LINK = (
    messages.BOOKED,
    messages.PENDING,
    messages.MOVED,
    messages.CHANGED,
    messages.REMINDER,
)


@dataclass(frozen=True)
class Letter:
    """What is sent. `calendar` is iCalendar text with `method`, both "" without one."""

    message_id: str
    sender: str
    recipient: str
    reply_to: str
    subject: str
    text: str
    html: str
    calendar: str = ""
    method: str = ""

    def as_mail(self, connection: Any = None) -> EmailMultiAlternatives:
        """For Django's mail backends. The calendar part stands among the alternatives, where mail programs act on it,
        and as a file, for those that do not (RFC 6047 2.4)."""
        mail = EmailMultiAlternatives(
            self.subject,
            self.text,
            self.sender,
            [self.recipient],
            connection=connection,
            headers={"Message-ID": self.message_id, "Auto-Submitted": "auto-generated"},
            reply_to=[self.reply_to] if self.reply_to else None,
        )
        mail.attach_alternative(self.html, "text/html")
        if self.calendar:
            mail.attach_alternative(self.calendar, f"text/calendar; method={self.method}")
            mail.attach("invite.ics", self.calendar.encode(), "application/ics")
        return mail


def letter(message: Message) -> Letter:
    """Render a mail. The same message always gives the same letter, with the same Message-ID."""
    facts, organisation = message.payload, message.organisation
    with translation.override(_language(facts, organisation)):
        said = words(message.template, facts, is_guest=str(facts.get("to", "")).startswith("guest-"))
        context = _context(message, facts, organisation) | {"words": said}
        text = render_to_string("mail/letter.txt", context).strip() + "\n"
        html = render_to_string("mail/letter.html", context)
        own = address_of(settings.DEFAULT_FROM_EMAIL)
        more = ""
        if context["manage"]:
            more = f"{said.action}: {context['manage']}"
        ics = calendar_part(message, fallback_organiser=(own, organisation.name), more=more)
    return Letter(
        message_id=message_id(message),
        sender=named(hosts(facts) or organisation.name, own),
        recipient=named(facts.get("name", ""), message.recipient),
        reply_to=_reply_to(message),
        subject=one_line(said.subject) or "Convene",
        text=text,
        html=html,
        calendar=ics,
        method=facts.get("method", "") if ics else "",
    )


def message_id(message: Message) -> str:
    """Derived from what makes the message one of its kind, so that two copies can be told to be one."""
    name = f"{message.organisation_id}|{message.dedupe_key}|{message.payload.get('again', 0)}"
    domain = address_of(settings.DEFAULT_FROM_EMAIL).rpartition("@")[2] or "localhost"
    return f"<{hashlib.sha256(name.encode()).hexdigest()[:40]}@{domain}>"


def _language(facts: dict[str, Any], organisation: Organisation) -> str:
    """The reader's language if we have it, else the organisation's, else the installation's."""
    offered = {code for code, _name in settings.LANGUAGES}
    for wanted in (facts.get("locale"), organisation.locale):
        for code in (str(wanted or "").lower().replace("_", "-"), str(wanted or "").lower()[:2]):
            if code in offered:
                return code
    return str(settings.LANGUAGE_CODE)


def _reply_to(message: Message) -> str:
    """Answers go to people: the customer's to the host, the host's to the customer."""
    other = "customer_email" if message.template.startswith(messages.HOST) else "host_email"
    return str(message.payload.get(other) or "")


def _context(message: Message, facts: dict[str, Any], organisation: Organisation) -> dict[str, Any]:
    manage, rows = _manage_url(message), _rows(message, facts)
    return {
        "organisation": organisation.name,
        "name": facts.get("name", ""),
        "title": facts.get("title", ""),
        "rows": rows,
        "lines": [f"{label}: " + "\n  ".join(lines) for label, lines in rows],
        "description": facts.get("description", ""),
        "manage": manage,
        "url": manage or _url(message),
    }


def _manage_url(message: Message) -> str:
    """Where its reader manages what is theirs: the booking, their seat, whether they come along."""
    to, seat = str(message.payload.get("to", "")), message.payload.get("seat")
    if message.template not in _STEPS_WITH_LINK or not message.booking_id:
        return ""
    if seat:
        return links.seat_url(uuid.UUID(seat))
    if to.startswith("guest-"):
        return links.guest_url(message.booking_id, message.recipient)
    return links.manage_url(message.booking_id)


def _url(message: Message) -> str:
    if message.template == messages.REQUEST and message.scheduler_request_id:
        return links.select_url(message.scheduler_request_id)
    if message.template == messages.ACCOUNT:
        return settings.BASE_URL + reverse("accounts")
    if message.template.startswith(messages.HOST) and message.booking_id:
        return settings.BASE_URL + reverse("booking", args=[message.booking_id])
    return ""


# ── The facts, one row each ──


def _rows(message: Message, facts: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """(label, lines); rows without lines are left out."""
    zone = canonical(str(facts.get("zone", ""))) or "UTC"
    is_host = message.template.startswith(messages.HOST)
    before = facts.get("before") or {}
    rows = [
        (_("What"), [facts.get("title", "")]),
        (_("When"), _times(facts, zone)),
        (_("Until now"), [span(before["start_s"], before["end_s"], zone)] if "start_s" in before else []),
        (_("Customer"), [facts.get("customer", ""), facts.get("customer_email", "")] if is_host else []),
        (_("With"), [] if is_host else [hosts(facts)]),
        (_("How long"), [_("%(minutes)s minutes") % facts] if facts.get("minutes") else []),
        (_("Where"), [facts.get("location", "")]),
        (_("Video room"), [facts.get("room", "")] if facts.get("room") != facts.get("location") else []),
        (_("Reason"), [facts.get("reason", "")]),
        (_("Details"), [facts.get("words", "")]),
        (_("Open until"), [_moment(facts["expires_s"], zone)] if facts.get("expires_s") else []),
    ]
    told = [(label, [line for line in lines if line]) for label, lines in rows]
    return [(label, lines) for label, lines in told if lines]


def _times(facts: dict[str, Any], zone: str) -> list[str]:
    """On the reader's clock; what takes place somewhere also on the clock of that place, where it differs."""
    if "start_s" not in facts:
        return []
    start, end = facts["start_s"], facts["end_s"]
    lines = [span(start, end, zone), zone_words(start, zone)]
    venue = canonical(str(facts.get("venue_zone", "")))
    if facts.get("in_person") and venue and offset(start, venue) != offset(start, zone):
        there = {"time": span(start, end, venue), "zone": zone_words(start, venue)}
        lines.append(_("At the venue: %(time)s, %(zone)s") % there)
    return lines


def span(start: int, end: int, zone: str) -> str:
    """Tuesday 4 March 2027, 09:30 – 10:00; with both days when it ends on another."""
    if day(start, zone) == day(end, zone):
        return f"{day(start, zone)}, {clock(start, zone)} – {clock(end, zone)}"
    return f"{day(start, zone)}, {clock(start, zone)} – {day(end, zone)}, {clock(end, zone)}"


def _moment(second: int, zone: str) -> str:
    return f"{day(second, zone)}, {clock(second, zone)}, {zone_words(second, zone)}"

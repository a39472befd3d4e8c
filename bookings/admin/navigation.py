"""The sidebar: what an operator looks for, grouped by the question they come with."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from .dashboard import troubled_accounts, troubled_mirrors


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups of links, with the number of things that need a look."""
    return [
        _group("", [("Overview", "space_dashboard", "index", 0)]),
        _group(
            "Is everything working?",
            [
                ("Accounts", "link", "account", troubled_accounts()),
                ("Calendars", "calendar_month", "calendar", 0),
                ("Mirrors", "outbox", "mirror", troubled_mirrors()),
                ("Push attempts", "history", "pushattempt", 0),
                ("Messages", "mail", "message", 0),
            ],
        ),
        _group(
            "What is booked",
            [
                ("Bookings", "event_available", "booking", 0),
                ("Scheduler requests", "send", "schedulerrequest", 0),
                ("Events", "event", "event", 0),
                ("Claims", "lock_clock", "claim", 0),
                ("Busy times", "event_busy", "busy", 0),
            ],
        ),
        _group(
            "What can be booked",
            [
                ("Event types", "category", "eventtype", 0),
                ("Hosts", "badge", "host", 0),
                ("Working hours", "schedule", "schedule", 0),
                ("Group rules", "groups", "grouprule", 0),
                ("Contacts", "contacts", "contact", 0),
            ],
        ),
        _group(
            "Who may do what",
            [
                ("Organisations", "domain", "organisation", 0),
                ("Memberships", "card_membership", "membership", 0),
                ("People", "person", "auth_user", 0),
                ("API keys", "key", "apikey", 0),
                ("Audit trail", "policy", "auditentry", 0),
            ],
        ),
    ]


def _group(title: str, entries: list[tuple[str, str, str, int]]) -> dict[str, Any]:
    return {"title": title, "separator": bool(title), "items": [_item(*entry) for entry in entries]}


def _item(title: str, icon: str, name: str, alarms: int) -> dict[str, Any]:
    """An entry for those who may see the list behind it. `name`: a model of bookings, app_model, or “index”."""
    item: dict[str, Any] = {"title": title, "icon": icon}
    if name == "index":
        return item | {"link": reverse("admin:index")}
    app, model = name.split("_") if "_" in name else ("bookings", name)
    item["link"] = reverse(f"admin:{app}_{model}_changelist")
    item["permission"] = lambda request: request.user.has_perm(f"{app}.view_{model}")
    return item | ({"badge": alarms, "badge_variant": "danger"} if alarms else {})

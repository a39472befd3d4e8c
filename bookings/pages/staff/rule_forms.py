"""The form of a group rule: one row for each host of the organisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.domain import groups
from bookings.domain.groups import Part
from bookings.models import GroupRule, Host, Organisation
from bookings.pages.staff.refusing import Refusing

_NUMBERS = ("priority", "weight", "cap")
_ASKED = (
    ("priority", gettext_lazy("Priority"), -1000, 1000),
    ("weight", gettext_lazy("Share"), 1, 10_000),
    ("cap", gettext_lazy("Most a day"), 1, 1000),
)


@dataclass(frozen=True)
class PartRow:
    """The fields of one host's part."""

    host: Host
    takes_part: forms.BoundField
    priority: forms.BoundField
    weight: forms.BoundField
    cap: forms.BoundField


class RuleForm(Refusing):
    names = {"parts": "", "required": "required"}

    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    mode = forms.ChoiceField(label=gettext_lazy("Who is needed"), choices=GroupRule.Mode.choices)
    required = forms.IntegerField(label=gettext_lazy("How many"), min_value=1, max_value=200, required=False)
    fairness_days = forms.IntegerField(
        label=gettext_lazy("Balance bookings over … days"),
        min_value=1,
        max_value=366,
        help_text=gettext_lazy("When several are free, the one with the fewest in that time is asked first."),
    )

    def __init__(self, organisation: Organisation, data: Any = None, *, rule: GroupRule | None = None) -> None:
        parts = groups.parts_of(rule) if rule else []
        super().__init__(data, initial=_stored(rule, parts))
        self.fields["required"].depends = True  # type: ignore[attr-defined]
        people = Host.objects.for_tenant(organisation).select_related("schedule").filter(is_active=True)
        self.people = list(people.order_by("kind", "name"))
        for host in self.people:
            self._ask(host)

    def _ask(self, host: Host) -> None:
        key = str(host.pk)
        self.fields[f"in-{key}"] = forms.BooleanField(label=host.name, required=False)
        for name, label, least, most in _ASKED:
            field: Any = forms.IntegerField(label=label, min_value=least, max_value=most, required=False)
            field.depends = True
            field.widget.attrs["aria-label"] = f"{field.label}: {host.name}"
            self.fields[f"{name}-{key}"] = field

    @property
    def rows(self) -> list[PartRow]:
        found = []
        for host in self.people:
            fields = [self[f"{name}-{host.pk}"] for name in ("in", *_NUMBERS)]
            found.append(PartRow(host, *fields))
        return found

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not any(given.get(f"in-{host.pk}") for host in self.people):
            self.add_error(None, _("Choose who is in the group."))
        if given.get("mode") == GroupRule.Mode.SOME and not given.get("required") and "required" not in self.errors:
            self.add_error("required", _("Say how many are needed."))
        return given

    def said(self) -> dict[str, Any]:
        """What the domain is told."""
        given = self.cleaned_data
        return {
            "name": given["name"],
            "mode": given["mode"],
            "required": given["required"] or 1,
            "fairness_days": given["fairness_days"],
            "parts": [self._part(host) for host in self.people if given[f"in-{host.pk}"]],
        }

    def _part(self, host: Host) -> Part:
        priority, weight, cap = (self.cleaned_data[f"{name}-{host.pk}"] for name in _NUMBERS)
        return Part(host, priority or 0, weight or 100, cap)


def _stored(rule: GroupRule | None, parts: Sequence[Part]) -> dict[str, Any]:
    shown: dict[str, Any] = {"mode": GroupRule.Mode.ANY, "fairness_days": 30, "required": 2}
    if rule is not None:
        shown = {name: getattr(rule, name) for name in ("name", "mode", "required", "fairness_days")}
    for part in parts:
        key = str(part.host.pk)
        shown |= {f"in-{key}": True, f"priority-{key}": part.priority, f"weight-{key}": part.weight}
        shown[f"cap-{key}"] = part.cap_per_day
    return shown

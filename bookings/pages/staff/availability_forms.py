"""Forms of a host's availability: what holds every week, and what holds on some days."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django import forms
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from holidays.registry import COUNTRIES

from bookings.models import Host, Override
from bookings.pages.staff.refusing import Refusing
from bookings.pages.staff.weekly import BlocksField, cleaned_days, day_fields, spell, spelled_days
from bookings.pages.zones import grouped

_PERIODS = ("day", "week", "month")
_FIELDS = {"limits": "limit_day", "weekly": "day_0", "stale_after_minutes": "stale_hours"}


@lru_cache(maxsize=1)
def countries() -> list[tuple[str, str]]:
    """[(ISO code, English name)] of the countries whose public holidays are known, by name."""
    found = [(names[1], _spaced(names[0])) for names in COUNTRIES.values()]
    return sorted(found, key=lambda each: each[1])


def _spaced(name: str) -> str:
    """United Kingdom, for UnitedKingdom."""
    return "".join(f" {letter}" if letter.isupper() and index else letter for index, letter in enumerate(name)).strip()


class HostForm(Refusing):
    names = _FIELDS

    timezone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=grouped,
        help_text=gettext_lazy("The hours are on the wall clock there. Bookings keep their instants."),
    )
    limit_day = forms.IntegerField(label=gettext_lazy("a day"), min_value=1, max_value=10_000, required=False)
    limit_week = forms.IntegerField(label=gettext_lazy("a week"), min_value=1, max_value=10_000, required=False)
    limit_month = forms.IntegerField(label=gettext_lazy("a month"), min_value=1, max_value=10_000, required=False)
    holiday_country = forms.ChoiceField(label=gettext_lazy("Closed on public holidays of"), required=False)
    holiday_region = forms.CharField(
        label=gettext_lazy("Region"),
        max_length=10,
        required=False,
        help_text=gettext_lazy("Its code, such as BY for Bavaria."),
    )
    stale_hours = forms.IntegerField(
        label=gettext_lazy("Trust calendars for … hours"),
        min_value=1,
        max_value=8760,
        help_text=gettext_lazy("When one could not be read for longer, nothing is offered rather than too much."),
    )
    room_url = forms.URLField(
        label=gettext_lazy("Own video room"),
        max_length=1000,
        required=False,
        assume_scheme="https",
        help_text=gettext_lazy("For event types that meet at the host’s video link."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields |= day_fields()
        self.fields["holiday_country"].choices = [("", _("No country")), *countries()]  # type: ignore[attr-defined]
        for index in range(7):
            self.fields[f"day_{index}"].depends = True  # type: ignore[attr-defined]

    @classmethod
    def of(cls, host: Host) -> HostForm:
        """What is stored."""
        shown = {name: getattr(host, name) for name in ("timezone", "holiday_country", "holiday_region", "room_url")}
        shown |= {f"limit_{period}": host.limits.get(period) for period in _PERIODS}
        shown["stale_hours"] = max(1, host.stale_after_minutes // 60)
        form = cls(initial=shown | spelled_days(host.schedule.weekly))
        known = {name for _region, cities in grouped() for name, _city in cities}
        if host.timezone not in known:
            form.fields["timezone"].choices = [(host.timezone, host.timezone), *grouped()]  # type: ignore[attr-defined]
        return form

    def weekly(self) -> list[list[list[int]]]:
        return cleaned_days(self.cleaned_data)

    def limits(self) -> dict[str, int]:
        given = self.cleaned_data
        return {period: given[f"limit_{period}"] for period in _PERIODS if given[f"limit_{period}"]}


class DaysForm(Refusing):
    """Something said of some days."""

    KINDS = (
        (Override.Kind.LEAVE, gettext_lazy("Out of office")),
        (Override.Kind.CLOSED, gettext_lazy("Closed")),
        (Override.Kind.HOURS, gettext_lazy("Other hours")),
        (Override.Kind.TRAVEL, gettext_lazy("In another zone")),
    )

    kind = forms.ChoiceField(label=gettext_lazy("What"), choices=KINDS, widget=forms.RadioSelect)
    first_day = forms.DateField(
        label=gettext_lazy("First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Left empty: only that day."),
    )
    blocks = BlocksField(label=gettext_lazy("Hours"), help_text=gettext_lazy("Such as 10:00–12:00, 14:00–16:00."))
    zone = forms.ChoiceField(label=gettext_lazy("Zone there"), choices=grouped, required=False)
    redirect_to = forms.ChoiceField(label=gettext_lazy("Who is asked instead"), required=False)
    note = forms.CharField(label=gettext_lazy("Note for colleagues"), max_length=200, required=False)

    names = {"timezone": "zone"}

    def __init__(self, host: Host, data: Any = None) -> None:
        shown = {"kind": Override.Kind.LEAVE, "zone": host.timezone, "first_day": now().date()}
        super().__init__(data, initial=shown, auto_id="id_days_%s")
        others = Host.objects.for_tenant(host.organisation_id).filter(is_active=True, kind=host.kind)
        self.colleagues = {str(each.pk): each for each in others.exclude(pk=host.pk).order_by("name")}
        choices = [(key, each.name) for key, each in self.colleagues.items()]
        self.fields["redirect_to"].choices = [("", _("Nobody")), *choices]  # type: ignore[attr-defined]
        for depending in ("blocks", "zone", "redirect_to"):
            self.fields[depending].depends = True  # type: ignore[attr-defined]
        self.fields["blocks"].widget.attrs["placeholder"] = ""

    def told(self) -> dict[str, Any]:
        """What the domain is told."""
        given = self.cleaned_data
        return {
            "kind": given["kind"],
            "first_day": given["first_day"],
            "last_day": given["last_day"] or given["first_day"],
            "blocks": [(start, end) for start, end in given["blocks"]],
            "timezone": given["zone"],
            "redirect_to": self.colleagues.get(given["redirect_to"]),
            "note": given["note"],
        }

    @staticmethod
    def as_typed(row: Override) -> dict[str, str]:
        """The fields that say once more what a row says."""
        return {
            "kind": row.kind,
            "first_day": row.first_day.isoformat(),
            "last_day": row.last_day.isoformat(),
            "blocks": spell(row.blocks),
            "zone": row.timezone or "UTC",
            "redirect_to": str(row.redirect_to_id or ""),
            "note": row.note,
        }

"""The form of an event type, and the rows of its questions. Shapes are checked here; the domain decides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.domain.offers import Member as TeamMember
from bookings.domain.offers import Settings, Team
from bookings.domain.questions import Asked
from bookings.models import Calendar, EventType, GroupRule, Host, Organisation, Question
from bookings.models.hosts import OFFICE_HOURS
from bookings.pages.staff.refusing import Refusing
from bookings.pages.staff.weekly import cleaned_days, day_fields, spelled_days

ANY, ALL = "any", "all"
_UNITS = {"minutes": 1, "hours": 60, "days": 1440}
_PERIODS = ("day", "week", "month")
_FIELDS = {
    "minimum_notice": "notice",
    "change_notice": "change_notice",
    "limits": "limit_day",
    "customer_limits": "customer_day",
    "team": "hosts",
    "weekly": "own_hours",
}
"""Where the domain's names are found in the form."""


class LengthsField(forms.CharField):
    """“30, 45, 60”: minutes, the first is the usual one; cleans to a list of numbers."""

    def clean(self, value: Any) -> list[int]:
        parts = [part for part in re.split(r"[\s,;]+", super().clean(value)) if part]
        if not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
            raise forms.ValidationError(_("Write minutes, such as 30 or 30, 60."))
        return list(dict.fromkeys(int(part) for part in parts))


def _date(label: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, widget=widget)


def _number(label: Any, *, required: bool = True, least: int = 0, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=10_000_000, required=required, **options)


class EventTypeForm(Refusing):
    names = _FIELDS

    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    slug = forms.CharField(
        label=gettext_lazy("Last part of its address"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("Letters, digits and hyphens. Left empty, it follows the name."),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    is_public = forms.BooleanField(label=gettext_lazy("Listed on the public booking page"), required=False)

    durations = LengthsField(
        label=gettext_lazy("Lengths in minutes"),
        max_length=200,
        help_text=gettext_lazy("Several, such as 30, 60, let the customer choose; the first is the usual one."),
    )
    slot_interval = _number(
        gettext_lazy("A start every … minutes"),
        required=False,
        least=1,
        help_text=gettext_lazy("Left empty: one right after the other."),
    )
    buffer_before = _number(gettext_lazy("Minutes kept free before"))
    buffer_after = _number(gettext_lazy("Minutes kept free after"))
    notice = _number(gettext_lazy("At least this long ahead"))
    notice_unit = forms.ChoiceField(
        label=gettext_lazy("Unit"),
        choices=[
            ("minutes", gettext_lazy("minutes")),
            ("hours", gettext_lazy("hours")),
            ("days", gettext_lazy("days")),
        ],
    )
    window = forms.ChoiceField(label=gettext_lazy("How far ahead"), choices=EventType.Window.choices)
    window_days = _number(gettext_lazy("Days"))
    window_first = _date(gettext_lazy("First day"))
    window_last = _date(gettext_lazy("Last day"))
    limit_day = _number(gettext_lazy("a day"), required=False, least=1)
    limit_week = _number(gettext_lazy("a week"), required=False, least=1)
    limit_month = _number(gettext_lazy("a month"), required=False, least=1)
    customer_day = _number(gettext_lazy("a day"), required=False, least=1)
    customer_week = _number(gettext_lazy("a week"), required=False, least=1)
    customer_month = _number(gettext_lazy("a month"), required=False, least=1)
    first_slot_only = forms.BooleanField(
        label=gettext_lazy("Offer only the first free time of each day"), required=False
    )
    capacity = _number(
        gettext_lazy("Seats"), least=1, help_text=gettext_lazy("More than one: several customers share a session.")
    )

    team = forms.ChoiceField(label=gettext_lazy("Who hosts"))
    hosts = forms.MultipleChoiceField(
        label=gettext_lazy("People and resources"), required=False, widget=forms.CheckboxSelectMultiple
    )
    own_hours = forms.BooleanField(label=gettext_lazy("Hours of its own"), required=False)
    calendars = forms.MultipleChoiceField(
        label=gettext_lazy("Only these calendars block it"), required=False, widget=forms.CheckboxSelectMultiple
    )
    when_unknown = forms.ChoiceField(
        label=gettext_lazy("When a calendar could not be read lately"), choices=EventType.Unknown.choices
    )
    remote_deletion = forms.ChoiceField(
        label=gettext_lazy("When a host deletes it in their calendar"), choices=EventType.RemoteDeletion.choices
    )

    place = forms.ChoiceField(label=gettext_lazy("Where"), choices=EventType.Place.choices)
    place_detail = forms.CharField(
        label=gettext_lazy("Address, number or link"),
        max_length=1024,
        required=False,
        help_text=gettext_lazy("Rooms of Jitsi, Google Meet and Microsoft Teams are made for each booking."),
    )
    needs_confirmation = forms.BooleanField(label=gettext_lazy("I confirm each booking"), required=False)
    pending_blocks = forms.BooleanField(
        label=gettext_lazy("What waits for confirmation keeps its time"), required=False
    )
    change_notice = _number(
        gettext_lazy("Customers may change up to … minutes before"),
        help_text=gettext_lazy("Later they can neither move nor cancel by themselves."),
    )
    most_moves = _number(
        gettext_lazy("How often a customer may move it"), required=False, help_text=gettext_lazy("Empty: any number.")
    )

    def __init__(self, organisation: Organisation, data: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial or usual())
        self.fields |= day_fields()
        self.people = list(Host.objects.for_tenant(organisation).select_related("schedule").filter(is_active=True))
        self.rules = list(GroupRule.objects.for_tenant(organisation))
        self.places = list(
            Calendar.objects.for_tenant(organisation)
            .select_related("account__host")
            .filter(account__host__is_active=True)
            .order_by("account__host__name", "name")
        )
        self._choices("hosts", [(str(host.pk), host.name) for host in self.people])
        self._choices("calendars", [(str(each.pk), _calendar_name(each)) for each in self.places])
        self._choices("team", [(ANY, _("Any one of those ticked")), (ALL, _("All of those ticked together"))])
        if self.rules:
            self.fields["team"].choices += [(_("Group rules"), [(str(each.pk), each.name) for each in self.rules])]  # type: ignore[attr-defined]
        for depending in ("window_days", "window_first", "window_last", "place_detail", *day_fields()):
            self.fields[depending].depends = True  # type: ignore[attr-defined]

    def _choices(self, name: str, choices: Sequence[tuple[str, str]]) -> None:
        self.fields[name].choices = list(choices)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("own_hours") and not any(given.get(f"day_{index}") for index in range(7)):
            self.add_error("own_hours", _("Say at least one day, or let the hosts’ own hours hold."))
        if given.get("team") in (ANY, ALL) and not given.get("hosts") and "hosts" not in self.errors:
            self.add_error("hosts", _("Choose who hosts it."))
        return given

    def settings(self) -> Settings:
        """What the domain is told of columns."""
        given = self.cleaned_data
        plain = {name: given[name] for name in Settings.__annotations__ if name in given}
        told: Settings = plain | {  # type: ignore[assignment]
            "minimum_notice": given["notice"] * _UNITS[given["notice_unit"]],
            "limits": {period: given[f"limit_{period}"] for period in _PERIODS if given[f"limit_{period}"]},
            "customer_limits": {
                period: given[f"customer_{period}"] for period in _PERIODS if given[f"customer_{period}"]
            },
        }
        return told

    def weekly(self) -> list[list[list[int]]]:
        """Hours of its own; none of seven days when the hosts' hold."""
        return cleaned_days(self.cleaned_data) if self.cleaned_data["own_hours"] else [[] for _day in range(7)]

    def chosen_hosts(self) -> list[Host]:
        return [host for host in self.people if str(host.pk) in self.cleaned_data["hosts"]]

    def chosen_team(self) -> Team:
        members = tuple(TeamMember(host) for host in self.chosen_hosts())
        return Team(members, everybody=self.cleaned_data["team"] == ALL and len(members) > 1)

    def chosen_rule(self) -> GroupRule | None:
        return next((rule for rule in self.rules if str(rule.pk) == self.cleaned_data["team"]), None)

    def chosen_calendars(self) -> list[Calendar]:
        return [each for each in self.places if str(each.pk) in self.cleaned_data["calendars"]]


def usual() -> dict[str, Any]:
    """What a new event type starts from."""
    return {
        "is_public": True,
        "durations": "30",
        "buffer_before": 0,
        "buffer_after": 0,
        "notice": 4,
        "notice_unit": "hours",
        "window": EventType.Window.ROLLING,
        "window_days": 60,
        "capacity": 1,
        "team": ANY,
        "pending_blocks": True,
        "change_notice": 0,
        **spelled_days(OFFICE_HOURS),
    }


def stored(event_type: EventType) -> dict[str, Any]:
    """What the form of an existing event type shows."""
    shown: dict[str, Any] = {name: getattr(event_type, name) for name in Settings.__annotations__}
    notice = event_type.minimum_notice
    unit = next(unit for unit in reversed(_UNITS) if notice % _UNITS[unit] == 0) if notice else "hours"
    shown |= {"name": event_type.name, "slug": event_type.slug}
    shown |= {"durations": ", ".join(map(str, event_type.durations))}
    shown |= {"notice": notice // _UNITS[unit], "notice_unit": unit}
    shown |= {f"limit_{period}": count for period, count in event_type.limits.items()}
    shown |= {f"customer_{period}": count for period, count in event_type.customer_limits.items()}
    shown |= {"team": str(event_type.group_rule_id or ANY), "hosts": [str(each.pk) for each in event_type.hosts.all()]}
    shown["calendars"] = [str(each.pk) for each in event_type.calendars.all()]
    shown["own_hours"] = event_type.schedule is not None
    return shown | spelled_days(event_type.schedule.weekly if event_type.schedule else OFFICE_HOURS)


def _calendar_name(calendar: Calendar) -> str:
    host = calendar.account.host.name
    return host if calendar.name == host else f"{host} · {calendar.name}"


# ── Questions ──


class QuestionForm(Refusing):
    key = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)
    label = forms.CharField(label=gettext_lazy("Question"), max_length=300, required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Answer"), choices=Question.Kind.choices)
    required = forms.BooleanField(label=gettext_lazy("Must be answered"), required=False)
    options = forms.CharField(
        label=gettext_lazy("To choose from"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("One answer a line, for “one of” and “some of”."),
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("key") and not given.get("label", "").strip():
            self.add_error("label", _("A question needs words. Take it away if it is not asked any more."))
        choice = given.get("kind") in (Question.Kind.SELECT, Question.Kind.MULTISELECT)
        if choice and given.get("label") and not given.get("options", "").strip():
            self.add_error("options", _("Say what there is to choose from."))
        return given

    def asked(self) -> Asked | None:
        given = self.cleaned_data
        if not given["label"].strip():
            return None
        options = tuple(filter(None, (line.strip() for line in given["options"].splitlines())))
        return Asked(given["label"], given["kind"], given["required"], options, given["key"])


_MOST_ROWS = 60


class QuestionRows:
    """The questions as rows of one form, each with its own prefix; `questions` says how many there are."""

    def __init__(self, rows: Sequence[dict[str, Any]], *, judged: bool) -> None:
        self.rows = [self._row(index, row, judged) for index, row in enumerate(rows)]

    @classmethod
    def stored(cls, event_type: EventType) -> QuestionRows:
        found = event_type.questions.all()
        return cls([_as_typed(each) for each in found], judged=False)

    @classmethod
    def typed(cls, data: Any) -> QuestionRows:
        return cls(_typed(data), judged=True)

    @classmethod
    def changed(cls, data: Any) -> QuestionRows:
        """What was typed after a press of add, up, down or drop."""
        rows = _typed(data)
        if "add_question" in data:
            rows.append({"kind": Question.Kind.TEXT})
        for press, step in (("up", -1), ("down", 1), ("drop", 0)):
            if (index := _index(data.get(press, ""), rows)) is not None:
                row = rows.pop(index)
                if step:
                    rows.insert(max(0, index + step), row)
        return cls(rows[:_MOST_ROWS], judged=False)

    @property
    def count(self) -> int:
        return len(self.rows)

    def are_valid(self) -> bool:
        return not [row for row in self.rows if not row.is_valid()]

    def asked(self) -> list[Asked]:
        return [asked for row in self.rows if (asked := row.asked())]

    @staticmethod
    def _row(index: int, typed: dict[str, Any], judged: bool) -> QuestionForm:
        form = QuestionForm({f"q{index}-{name}": value for name, value in typed.items()}, prefix=f"q{index}")
        if not judged:
            form.quiet()
        return form


def _as_typed(question: Question) -> dict[str, Any]:
    typed = {"key": question.key, "label": question.label, "kind": question.kind}
    return typed | {"required": question.required, "options": "\n".join(map(str, question.options))}


def _typed(data: Any) -> list[dict[str, Any]]:
    text = data.get("questions", "")
    count = min(int(text), _MOST_ROWS) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    names = QuestionForm.base_fields
    return [{name: data[key] for name in names if (key := f"q{index}-{name}") in data} for index in range(count)]


def _index(text: str, rows: Sequence[object]) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and int(text) < len(rows) else None


def presses(data: Any) -> bool:
    """Whether a button was pressed that changes the form rather than sends it."""
    return any(name in data for name in ("add_question", "up", "down", "drop", "copy"))

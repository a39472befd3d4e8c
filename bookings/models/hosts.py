"""Who can be booked: people and resources, and when they are open."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from .tenancy import TenantModel

OFFICE_HOURS: list[list[list[int]]] = [[[540, 1020]]] * 5 + [[], []]


def office_hours() -> list[list[list[int]]]:
    """Monday to Friday, nine to five: minutes of the wall-clock day, Monday first."""
    return [[list(block) for block in day] for day in OFFICE_HOURS]


class Schedule(TenantModel):
    """Weekly hours: seven lists of [start, end] in minutes of the local day, Monday first."""

    name = models.CharField(max_length=100, default="Working hours")
    weekly = models.JSONField(default=office_hours)

    def __str__(self) -> str:
        return self.name


class Host(TenantModel):
    """A person or a resource whose time can be had."""

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        RESOURCE = "resource", "Resource"

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PERSON)
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    slug = models.SlugField(max_length=60)
    timezone = models.CharField(max_length=64, default="UTC", help_text="IANA name, such as Europe/Berlin")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="hosts"
    )
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="hosts")
    booking_calendar = models.ForeignKey(
        "Calendar",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The one calendar that receives this host's bookings",
    )
    room_url = models.URLField(
        "video room",
        max_length=1000,
        blank=True,
        help_text="The room for event types that meet at the host's video link",
    )
    stale_after_minutes = models.PositiveIntegerField(
        default=1440, help_text="Busy times not verified for longer than this are not trusted on public pages"
    )
    limits = models.JSONField(default=dict, blank=True, help_text='Bookings at most: {"day": n, "week": n, "month": n}')
    holiday_country = models.CharField(max_length=2, blank=True, help_text="ISO 3166 code, such as DE")
    holiday_region = models.CharField(max_length=10, blank=True, help_text="Its region, such as BY")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["organisation", "slug"], name="host_slug_once")]

    def __str__(self) -> str:
        return self.name


class Override(TenantModel):
    """A stretch of local days on which a host's weekly hours do not hold."""

    class Kind(models.TextChoices):
        HOURS = "hours", "Other hours"
        CLOSED = "closed", "Closed"
        LEAVE = "leave", "Out of office"
        HOLIDAY = "holiday", "Public holiday"
        TRAVEL = "travel", "In another time zone"

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="overrides")
    kind = models.CharField(max_length=10, choices=Kind)
    first_day = models.DateField()
    last_day = models.DateField(help_text="Inclusive")
    blocks = models.JSONField(default=list, blank=True, help_text="[start, end] in minutes of the local day")
    timezone = models.CharField(max_length=64, blank=True, help_text="For travel: the zone of those days")
    redirect_to = models.ForeignKey(
        Host, on_delete=models.SET_NULL, null=True, blank=True, related_name="redirected_here"
    )
    note = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        ordering = ["first_day"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(last_day__gte=models.F("first_day")), name="override_days_in_order"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.first_day} – {self.last_day}"


class Opening(TenantModel):
    """Time in which a host can be had besides the schedule: one stretch, or hours of every week.

    A stretch has `start_s` and `end_s`, in UTC seconds; hours of the week have `weekly`, in minutes of the local day of
    `timezone`, Monday first, and neither of the two.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="openings")
    start_s = models.BigIntegerField(null=True, blank=True)
    end_s = models.BigIntegerField(null=True, blank=True, help_text="Exclusive")
    weekly = models.JSONField(default=list, blank=True)
    timezone = models.CharField(max_length=64, default="UTC", help_text="The zone it was meant in")
    calendars = models.JSONField(default=list, blank=True, help_text="Ids of the calendars that were named with it")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ["start_s", "created_at"]
        indexes = [models.Index(fields=["host", "start_s"], name="opening_by_host")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(start_s__isnull=True, end_s__isnull=True) | models.Q(end_s__gt=models.F("start_s")),
                name="opening_in_order",
            )
        ]

    def __str__(self) -> str:
        return "Every week" if self.start_s is None else f"{self.start_s}–{self.end_s}"

"""What can be booked: event types with their questions, and rules for groups of hosts."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.timezone import now

from .calendars import Calendar
from .hosts import Host, Schedule
from .tenancy import TenantModel


def half_hour() -> list[int]:
    return [30]


class GroupRule(TenantModel):
    """How many of which hosts a meeting needs, and who is asked first."""

    class Mode(models.TextChoices):
        ANY = "any", "Any one of them"
        ALL = "all", "All of them"
        SOME = "some", "A number of them"

    name = models.CharField(max_length=200)
    mode = models.CharField(max_length=5, choices=Mode, default=Mode.ANY)
    required = models.PositiveSmallIntegerField(default=1, help_text="With “a number of them”: how many")
    fairness_days = models.PositiveSmallIntegerField(default=30, help_text="Bookings of this many days are balanced")
    hosts = models.ManyToManyField(Host, through="GroupMember", related_name="group_rules")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class GroupMember(TenantModel):
    """One host's part in a group rule."""

    rule = models.ForeignKey(GroupRule, on_delete=models.CASCADE, related_name="members")
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    priority = models.SmallIntegerField(default=0, help_text="Higher is asked first")
    weight = models.PositiveSmallIntegerField(default=100, help_text="Share of the bookings, against the others'")
    cap_per_day = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["rule", "host"], name="group_member_once")]

    def __str__(self) -> str:
        return str(self.host)


class EventType(TenantModel):
    """Something customers can book, and the rules under which they can."""

    class Window(models.TextChoices):
        ROLLING = "rolling", "Rolling days"
        WORKING = "working", "Rolling working days"
        RANGE = "range", "Between two dates"
        OPEN = "open", "Without limit"

    class Place(models.TextChoices):
        NONE = "none", "Not stated"
        IN_PERSON = "in_person", "In person"
        PHONE = "phone", "Phone"
        LINK = "link", "Video link of the host"
        JITSI = "jitsi", "Jitsi room"
        MEET = "meet", "Google Meet"
        TEAMS = "teams", "Microsoft Teams"

    class Unknown(models.TextChoices):
        REFUSE = "refuse", "Do not offer the time"
        FLAG = "flag", "Offer it and flag the booking"

    class RemoteDeletion(models.TextChoices):
        ASK = "ask", "Ask staff"
        MIRROR = "mirror", "Cancel the booking"
        IGNORE = "ignore", "Ignore"

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=60)
    description = models.TextField(blank=True)
    hosts = models.ManyToManyField(Host, blank=True, related_name="event_types")
    group_rule = models.ForeignKey(
        GroupRule, on_delete=models.SET_NULL, null=True, blank=True, related_name="event_types"
    )
    schedule = models.ForeignKey(
        Schedule,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: the host's own",
    )

    durations = models.JSONField(default=half_hour, help_text="Minutes; the first is the default")
    slot_interval = models.PositiveIntegerField(null=True, blank=True, help_text="Minutes; empty: the duration")
    buffer_before = models.PositiveIntegerField(default=0, help_text="Minutes")
    buffer_after = models.PositiveIntegerField(default=0, help_text="Minutes")
    minimum_notice = models.PositiveIntegerField(default=120, help_text="Minutes")
    window = models.CharField(max_length=8, choices=Window, default=Window.ROLLING)
    window_days = models.PositiveIntegerField(default=60)
    window_first = models.DateField(null=True, blank=True)
    window_last = models.DateField(null=True, blank=True)
    limits = models.JSONField(default=dict, blank=True, help_text='{"day": n, "week": n, "month": n}')
    customer_limits = models.JSONField(default=dict, blank=True, help_text="The same, for one customer")
    calendars: models.ManyToManyField[Calendar, Calendar] = models.ManyToManyField(
        Calendar, blank=True, related_name="+", help_text="Calendars that block this; empty: the hosts' own choice"
    )
    change_notice = models.PositiveIntegerField(
        default=0, help_text="Minutes before the start; later customers can neither move nor cancel"
    )
    most_moves = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How often a customer may move a booking; empty: any number"
    )
    first_slot_only = models.BooleanField(default=False)
    capacity = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    needs_confirmation = models.BooleanField(default=False)
    pending_blocks = models.BooleanField(default=True, help_text="A request not yet confirmed holds its time")
    place = models.CharField(max_length=10, choices=Place, default=Place.NONE)
    place_detail = models.CharField(max_length=1024, blank=True)
    title_template = models.CharField(max_length=300, blank=True)
    alerts = models.JSONField(default=list, blank=True, help_text="Minutes before the start")
    when_unknown = models.CharField(max_length=6, choices=Unknown, default=Unknown.REFUSE)
    remote_deletion = models.CharField(max_length=6, choices=RemoteDeletion, default=RemoteDeletion.ASK)
    is_active = models.BooleanField(default=True)
    is_public = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["organisation", "slug"], name="event_type_slug_once")]

    def __str__(self) -> str:
        return self.name


class Question(TenantModel):
    """Something a customer is asked while booking."""

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        SELECT = "select", "One of"
        MULTISELECT = "multiselect", "Some of"
        PHONE = "phone", "Phone"
        CHECKBOX = "checkbox", "Yes or no"

    event_type = models.ForeignKey(EventType, on_delete=models.CASCADE, related_name="questions")
    key = models.SlugField(max_length=60)
    label = models.CharField(max_length=300)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.TEXT)
    required = models.BooleanField(default=False)
    options = models.JSONField(default=list, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta(TenantModel.Meta):
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["event_type", "key"], name="question_key_once")]

    def __str__(self) -> str:
        return self.label

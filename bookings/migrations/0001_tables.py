"""Every table, each made whole: in this order only two fields have to wait for another table."""

import uuid

import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.db.models.manager
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import bookings.models.events
import bookings.models.hosts
import bookings.models.offers


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ("namespace", models.UUIDField(default=uuid.uuid4, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="Organisation",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200)),
                ("slug", models.SlugField(max_length=60, unique=True)),
                ("timezone", models.CharField(default="UTC", max_length=64)),
                ("locale", models.CharField(default="en", max_length=16)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "ordering": ["name"],
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("email", models.EmailField(blank=True, max_length=320)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("phone", models.CharField(blank=True, max_length=50)),
                ("timezone", models.CharField(blank=True, max_length=64)),
                ("locale", models.CharField(blank=True, max_length=16)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [models.Index(fields=["organisation", "email"], name="contact_by_email")],
                "constraints": [],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="GroupRule",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200)),
                (
                    "mode",
                    models.CharField(
                        choices=[("any", "Any one of them"), ("all", "All of them"), ("some", "A number of them")],
                        default="any",
                        max_length=5,
                    ),
                ),
                (
                    "required",
                    models.PositiveSmallIntegerField(default=1, help_text="With “a number of them”: how many"),
                ),
                (
                    "fairness_days",
                    models.PositiveSmallIntegerField(default=30, help_text="Bookings of this many days are balanced"),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "role",
                    models.CharField(
                        choices=[("owner", "Owner"), ("admin", "Admin"), ("staff", "Staff")],
                        default="staff",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [models.UniqueConstraint(fields=("organisation", "user"), name="membership_once")],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("endpoint", models.CharField(max_length=200)),
                ("key", models.CharField(max_length=255)),
                ("body_hash", models.CharField(max_length=64)),
                (
                    "status",
                    models.PositiveSmallIntegerField(
                        blank=True, help_text="Null while the first run is under way", null=True
                    ),
                ),
                ("content_type", models.CharField(blank=True, max_length=100)),
                ("body", models.BinaryField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [
                    models.UniqueConstraint(fields=("organisation", "endpoint", "key"), name="idempotency_key_once")
                ],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="ExternalRef",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "surface",
                    models.CharField(help_text="cronofy, timekit, morgen, leadconnector, morph", max_length=16),
                ),
                ("kind", models.CharField(help_text="host, calendar, booking, request, group_rule, …", max_length=24)),
                ("external_id", models.CharField(max_length=512)),
                ("object_id", models.UUIDField()),
                ("raw", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organisation", "surface", "kind", "external_id"), name="external_id_once"
                    ),
                    models.UniqueConstraint(fields=("surface", "kind", "object_id"), name="external_ref_once"),
                ],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Schedule",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(default="Working hours", max_length=100)),
                ("weekly", models.JSONField(default=bookings.models.hosts.office_hours)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Host",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("person", "Person"), ("resource", "Resource")], default="person", max_length=10
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("email", models.EmailField(blank=True, max_length=254)),
                ("slug", models.SlugField(max_length=60)),
                (
                    "timezone",
                    models.CharField(default="UTC", help_text="IANA name, such as Europe/Berlin", max_length=64),
                ),
                (
                    "stale_after_minutes",
                    models.PositiveIntegerField(
                        default=1440,
                        help_text="Busy times not verified for longer than this are not trusted on public pages",
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="hosts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
                (
                    "schedule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="hosts", to="bookings.schedule"
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [models.UniqueConstraint(fields=("organisation", "slug"), name="host_slug_once")],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "provider",
                    models.CharField(
                        choices=[
                            ("local", "On this server"),
                            ("caldav", "CalDAV"),
                            ("icsfeed", "Calendar feed (read only)"),
                            ("google", "Google Calendar"),
                            ("microsoft", "Microsoft 365"),
                            ("cronofy", "Cronofy"),
                            ("timekit", "Timekit"),
                            ("morgen", "Morgen"),
                            ("leadconnector", "LeadConnector"),
                            ("morph", "Morph"),
                        ],
                        default="local",
                        max_length=16,
                    ),
                ),
                ("label", models.CharField(max_length=200)),
                (
                    "external_id",
                    models.CharField(blank=True, help_text="What the service calls this account", max_length=512),
                ),
                ("server_url", models.URLField(blank=True, max_length=1000)),
                ("username", models.CharField(blank=True, max_length=320)),
                ("sealed_credentials", models.BinaryField(null=True)),
                ("capabilities", models.JSONField(blank=True, default=dict, editable=False)),
                (
                    "health",
                    models.CharField(
                        choices=[
                            ("ok", "Working"),
                            ("failing", "Failing, trying again"),
                            ("reauth", "Sign-in no longer works"),
                            ("paused", "Paused"),
                        ],
                        default="ok",
                        max_length=10,
                    ),
                ),
                (
                    "last_error",
                    models.CharField(blank=True, help_text="In plain words; never holds a secret", max_length=500),
                ),
                ("failing_since", models.DateTimeField(blank=True, null=True)),
                ("last_ok_at", models.DateTimeField(blank=True, null=True)),
                ("consecutive_failures", models.PositiveIntegerField(default=0)),
                ("next_pull_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="accounts", to="bookings.host"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "ordering": ["label"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [models.Index(fields=["next_pull_at"], name="account_next_pull")],
                "constraints": [],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Calendar",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("external_id", models.CharField(help_text="URL or id at the service", max_length=1000)),
                ("name", models.CharField(max_length=300)),
                ("colour", models.CharField(blank=True, max_length=9)),
                ("timezone", models.CharField(blank=True, help_text="Empty: the host's zone", max_length=64)),
                ("is_primary", models.BooleanField(default=False)),
                ("is_writable", models.BooleanField(default=True)),
                ("blocks", models.BooleanField(default=True, help_text="Events here make the host busy")),
                ("tentative_blocks", models.BooleanField(default=True)),
                (
                    "free_blocks",
                    models.BooleanField(default=False, help_text="Even events marked free make the host busy"),
                ),
                ("away_blocks", models.BooleanField(default=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ok", "In sync"),
                            ("never", "Not read yet"),
                            ("stale", "Could not be read lately"),
                            ("readonly", "Read only"),
                            ("gone", "No longer there"),
                        ],
                        default="never",
                        max_length=10,
                    ),
                ),
                ("last_error", models.CharField(blank=True, max_length=500)),
                ("sync_token", models.TextField(blank=True, editable=False)),
                ("last_verified_at", models.DateTimeField(blank=True, null=True)),
                ("stale_since", models.DateTimeField(blank=True, null=True)),
                (
                    "quarantined",
                    models.JSONField(
                        blank=True, default=list, help_text="Objects that could not be read: [{href, reason}]"
                    ),
                ),
                (
                    "expanded_until_s",
                    models.BigIntegerField(
                        default=0, editable=False, help_text="Busy rows exist for occurrences before this UTC second"
                    ),
                ),
                ("lease_owner", models.CharField(blank=True, editable=False, max_length=64)),
                (
                    "lease_until_s",
                    models.BigIntegerField(default=0, editable=False, help_text="UTC seconds of the database clock"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="calendars", to="bookings.account"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "ordering": ["-is_primary", "name"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [models.UniqueConstraint(fields=("account", "external_id"), name="calendar_once")],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name="host",
            name="booking_calendar",
            field=models.ForeignKey(
                blank=True,
                help_text="The one calendar that receives this host's bookings",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="bookings.calendar",
            ),
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("uid", models.CharField(default=bookings.models.events.new_uid, max_length=512)),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("local", "Made here"),
                            ("booking", "A booking"),
                            ("pulled", "Read from the calendar"),
                        ],
                        default="local",
                        max_length=10,
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=1024)),
                ("description", models.TextField(blank=True)),
                ("description_type", models.CharField(default="text/plain", max_length=10)),
                ("location", models.CharField(blank=True, max_length=1024)),
                ("locations", models.JSONField(blank=True, default=dict)),
                ("conference", models.JSONField(blank=True, default=dict, help_text="{kind, url, state, request_id}")),
                ("start_wall", models.BigIntegerField()),
                ("timezone", models.CharField(default="UTC", max_length=64)),
                ("duration", models.PositiveIntegerField(help_text="Seconds")),
                ("all_day", models.BooleanField(default=False)),
                (
                    "floating",
                    models.BooleanField(default=False, help_text="No zone was given; the calendar's zone is used"),
                ),
                ("start_s", models.BigIntegerField()),
                ("end_s", models.BigIntegerField()),
                ("until_s", models.BigIntegerField(blank=True, help_text="Null: repeats without end", null=True)),
                ("recurrence_rules", models.JSONField(blank=True, default=list, help_text="RFC 5545 RRULE texts")),
                ("exclusion_rules", models.JSONField(blank=True, default=list, help_text="RFC 5545 EXRULE texts")),
                ("recurrence_dates", models.JSONField(blank=True, default=list, help_text="Wall seconds")),
                ("excluded_dates", models.JSONField(blank=True, default=list, help_text="Wall seconds")),
                (
                    "recurrence_wall",
                    models.BigIntegerField(blank=True, help_text="Original start of this occurrence", null=True),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("confirmed", "Confirmed"), ("tentative", "Tentative"), ("cancelled", "Cancelled")],
                        default="confirmed",
                        max_length=10,
                    ),
                ),
                (
                    "free_busy_status",
                    models.CharField(
                        choices=[
                            ("busy", "Busy"),
                            ("free", "Free"),
                            ("tentative", "Tentative"),
                            ("away", "Out of office"),
                        ],
                        default="busy",
                        max_length=10,
                    ),
                ),
                (
                    "privacy",
                    models.CharField(
                        choices=[("public", "Public"), ("private", "Private"), ("secret", "Secret")],
                        default="public",
                        max_length=10,
                    ),
                ),
                ("alerts", models.JSONField(blank=True, default=dict)),
                ("use_default_alerts", models.BooleanField(default=False)),
                ("colour", models.CharField(blank=True, max_length=32)),
                ("notify_guests", models.BooleanField(default=False)),
                ("revision", models.PositiveIntegerField(default=1, help_text="Raised with every change made here")),
                ("sequence", models.PositiveIntegerField(default=0, help_text="RFC 5545 SEQUENCE")),
                (
                    "remote_id",
                    models.CharField(blank=True, help_text="href or id at the service, when pulled", max_length=1000),
                ),
                ("etag", models.CharField(blank=True, max_length=512)),
                ("raw", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="events", to="bookings.calendar"
                    ),
                ),
                (
                    "master",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="overrides",
                        to="bookings.event",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [
                    models.Index(fields=["calendar", "start_s"], name="event_by_start"),
                    models.Index(fields=["calendar", "uid"], name="event_by_uid"),
                    models.Index(fields=["calendar", "remote_id"], name="event_by_remote"),
                    models.Index(
                        condition=models.Q(("recurrence_rules", []), _negated=True),
                        fields=["calendar", "until_s"],
                        name="event_recurring",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("end_s__gte", models.F("start_s"))), name="event_in_order"
                    )
                ],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="GroupMember",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("priority", models.SmallIntegerField(default=0, help_text="Higher is asked first")),
                (
                    "weight",
                    models.PositiveSmallIntegerField(
                        default=100, help_text="Share of the bookings, against the others'"
                    ),
                ),
                ("cap_per_day", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="members", to="bookings.grouprule"
                    ),
                ),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.host"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [models.UniqueConstraint(fields=("rule", "host"), name="group_member_once")],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name="grouprule",
            name="hosts",
            field=models.ManyToManyField(
                related_name="group_rules", through="bookings.GroupMember", to="bookings.host"
            ),
        ),
        migrations.CreateModel(
            name="EventType",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200)),
                ("slug", models.SlugField(max_length=60)),
                ("description", models.TextField(blank=True)),
                (
                    "durations",
                    models.JSONField(
                        default=bookings.models.offers.half_hour, help_text="Minutes; the first is the default"
                    ),
                ),
                (
                    "slot_interval",
                    models.PositiveIntegerField(blank=True, help_text="Minutes; empty: the duration", null=True),
                ),
                ("buffer_before", models.PositiveIntegerField(default=0, help_text="Minutes")),
                ("buffer_after", models.PositiveIntegerField(default=0, help_text="Minutes")),
                ("minimum_notice", models.PositiveIntegerField(default=120, help_text="Minutes")),
                (
                    "window",
                    models.CharField(
                        choices=[
                            ("rolling", "Rolling days"),
                            ("working", "Rolling working days"),
                            ("range", "Between two dates"),
                            ("open", "Without limit"),
                        ],
                        default="rolling",
                        max_length=8,
                    ),
                ),
                ("window_days", models.PositiveIntegerField(default=60)),
                ("window_first", models.DateField(blank=True, null=True)),
                ("window_last", models.DateField(blank=True, null=True)),
                ("limits", models.JSONField(blank=True, default=dict, help_text='{"day": n, "week": n, "month": n}')),
                ("first_slot_only", models.BooleanField(default=False)),
                (
                    "capacity",
                    models.PositiveIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1)]),
                ),
                ("needs_confirmation", models.BooleanField(default=False)),
                (
                    "pending_blocks",
                    models.BooleanField(default=True, help_text="A request not yet confirmed holds its time"),
                ),
                (
                    "place",
                    models.CharField(
                        choices=[
                            ("none", "Not stated"),
                            ("in_person", "In person"),
                            ("phone", "Phone"),
                            ("link", "Video link of the host"),
                            ("jitsi", "Jitsi room"),
                            ("meet", "Google Meet"),
                            ("teams", "Microsoft Teams"),
                        ],
                        default="none",
                        max_length=10,
                    ),
                ),
                ("place_detail", models.CharField(blank=True, max_length=1024)),
                ("title_template", models.CharField(blank=True, max_length=300)),
                ("alerts", models.JSONField(blank=True, default=list, help_text="Minutes before the start")),
                (
                    "when_unknown",
                    models.CharField(
                        choices=[("refuse", "Do not offer the time"), ("flag", "Offer it and flag the booking")],
                        default="refuse",
                        max_length=6,
                    ),
                ),
                (
                    "remote_deletion",
                    models.CharField(
                        choices=[("ask", "Ask staff"), ("mirror", "Cancel the booking"), ("ignore", "Ignore")],
                        default="ask",
                        max_length=6,
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("is_public", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "group_rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="event_types",
                        to="bookings.grouprule",
                    ),
                ),
                ("hosts", models.ManyToManyField(blank=True, related_name="event_types", to="bookings.host")),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
                (
                    "schedule",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the host's own",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="bookings.schedule",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [models.UniqueConstraint(fields=("organisation", "slug"), name="event_type_slug_once")],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                (
                    "dialect",
                    models.CharField(
                        choices=[
                            ("cronofy", "Cronofy"),
                            ("timekit", "Timekit"),
                            ("morgen", "Morgen"),
                            ("leadconnector", "LeadConnector"),
                            ("morph", "Morph"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("client_secret", "Client secret"),
                            ("access_token", "Access token of one host"),
                            ("app_key", "App key"),
                            ("widget_key", "Widget key (public)"),
                            ("api_key", "API key"),
                            ("bearer", "Bearer token"),
                            ("token", "Private integration token"),
                            ("public_key", "Public key"),
                            ("secret_key", "Secret key"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "prefix",
                    models.CharField(help_text="The first characters, so that people recognise it", max_length=16),
                ),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("scopes", models.JSONField(blank=True, default=list)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "host",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_keys",
                        to="bookings.host",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "ordering": ["-created_at"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Mirror",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "desired",
                    models.CharField(
                        choices=[("present", "Present"), ("absent", "Absent")], default="present", max_length=8
                    ),
                ),
                ("desired_revision", models.PositiveIntegerField(default=1)),
                ("applied_revision", models.PositiveIntegerField(default=0)),
                (
                    "generation",
                    models.PositiveIntegerField(default=1, help_text="Raised when a new remote object must be made"),
                ),
                (
                    "create_body",
                    models.TextField(blank=True, editable=False, help_text="Frozen bytes of the first attempt"),
                ),
                ("create_revision", models.PositiveIntegerField(default=0, editable=False)),
                ("remote_id", models.CharField(blank=True, max_length=1000)),
                ("remote_uid", models.CharField(blank=True, max_length=512)),
                ("etag", models.CharField(blank=True, max_length=512)),
                ("remote_fingerprint", models.CharField(blank=True, max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("idle", "Idle"),
                            ("claimed", "Being sent"),
                            ("uncertain", "Sent, answer unknown"),
                            ("blocked_auth", "Waiting for sign-in"),
                            ("needs_check", "Needs a look"),
                            ("failed", "Refused"),
                        ],
                        default="idle",
                        max_length=12,
                    ),
                ),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("next_attempt_s", models.BigIntegerField(default=0, help_text="UTC seconds")),
                ("failing_since", models.DateTimeField(blank=True, null=True)),
                ("last_outcome", models.CharField(blank=True, max_length=16)),
                ("last_error", models.CharField(blank=True, max_length=500)),
                ("last_ok_at", models.DateTimeField(blank=True, null=True)),
                (
                    "difference",
                    models.JSONField(blank=True, default=dict, help_text="What the host changed there: {kind, …}"),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="mirrors", to="bookings.calendar"
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="mirrors", to="bookings.event"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [
                    models.Index(
                        condition=models.Q(("desired_revision", models.F("applied_revision")), _negated=True),
                        fields=["next_attempt_s"],
                        name="mirror_due",
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("event", "calendar"), name="mirror_once")],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Busy",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("start_s", models.BigIntegerField()),
                ("end_s", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("busy", "Busy"),
                            ("free", "Free"),
                            ("tentative", "Tentative"),
                            ("away", "Out of office"),
                        ],
                        default="busy",
                        max_length=10,
                    ),
                ),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="busy", to="bookings.calendar"
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="busy", to="bookings.event"
                    ),
                ),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="busy", to="bookings.host"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "busy times",
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [models.Index(fields=["host", "start_s", "end_s", "kind", "calendar"], name="busy_cover")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("start_s__lt", models.F("end_s"))), name="busy_in_order")
                ],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("actor", models.CharField(help_text="Who acted, in words", max_length=200)),
                ("acting_as", models.CharField(blank=True, help_text="As whom, when impersonating", max_length=200)),
                ("action", models.CharField(max_length=60)),
                ("object_type", models.CharField(max_length=40)),
                ("object_id", models.UUIDField()),
                ("before", models.JSONField(blank=True, default=dict)),
                ("after", models.JSONField(blank=True, default=dict)),
                ("reason", models.CharField(blank=True, max_length=500)),
                (
                    "api_key",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="bookings.apikey",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "ordering": ["-at"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [models.Index(fields=["object_id"], name="audit_by_object")],
                "constraints": [],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Override",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("hours", "Other hours"),
                            ("closed", "Closed"),
                            ("leave", "Out of office"),
                            ("holiday", "Public holiday"),
                            ("travel", "In another time zone"),
                        ],
                        max_length=10,
                    ),
                ),
                ("first_day", models.DateField()),
                ("last_day", models.DateField(help_text="Inclusive")),
                (
                    "blocks",
                    models.JSONField(blank=True, default=list, help_text="[start, end] in minutes of the local day"),
                ),
                (
                    "timezone",
                    models.CharField(blank=True, help_text="For travel: the zone of those days", max_length=64),
                ),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="overrides", to="bookings.host"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
                (
                    "redirect_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="bookings.host",
                    ),
                ),
            ],
            options={
                "ordering": ["first_day"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("last_day__gte", models.F("first_day"))), name="override_days_in_order"
                    )
                ],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Participant",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("key", models.CharField(help_text="Id of the participant inside the event", max_length=128)),
                ("email", models.EmailField(blank=True, max_length=320)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("phone", models.CharField(blank=True, max_length=50)),
                (
                    "role",
                    models.CharField(
                        choices=[("owner", "Organiser"), ("host", "Host"), ("attendee", "Guest")],
                        default="attendee",
                        max_length=10,
                    ),
                ),
                (
                    "rsvp",
                    models.CharField(
                        choices=[
                            ("needs-action", "No answer yet"),
                            ("accepted", "Accepted"),
                            ("declined", "Declined"),
                            ("tentative", "Maybe"),
                        ],
                        default="needs-action",
                        max_length=12,
                    ),
                ),
                ("comment", models.TextField(blank=True)),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="participants", to="bookings.event"
                    ),
                ),
                (
                    "host",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="bookings.host",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [models.UniqueConstraint(fields=("event", "key"), name="participant_key_once")],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="PushAttempt",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("action", models.CharField(max_length=16)),
                ("outcome", models.CharField(max_length=16)),
                ("status", models.PositiveSmallIntegerField(blank=True, help_text="HTTP status", null=True)),
                ("detail", models.CharField(blank=True, max_length=500)),
                ("duration_ms", models.PositiveIntegerField(default=0)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "mirror",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="attempts", to="bookings.mirror"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "ordering": ["-at"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Question",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("key", models.SlugField(max_length=60)),
                ("label", models.CharField(max_length=300)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("number", "Number"),
                            ("select", "One of"),
                            ("multiselect", "Some of"),
                            ("phone", "Phone"),
                            ("checkbox", "Yes or no"),
                        ],
                        default="text",
                        max_length=12,
                    ),
                ),
                ("required", models.BooleanField(default=False)),
                ("options", models.JSONField(blank=True, default=list)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "event_type",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="questions", to="bookings.eventtype"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [models.UniqueConstraint(fields=("event_type", "key"), name="question_key_once")],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="SchedulerRequest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("token_digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("recipient_email", models.EmailField(max_length=320)),
                ("recipient_name", models.CharField(blank=True, max_length=200)),
                ("summary", models.CharField(max_length=1024)),
                ("description", models.TextField(blank=True)),
                ("location", models.CharField(blank=True, max_length=1024)),
                ("duration", models.PositiveIntegerField(default=30, help_text="Minutes")),
                ("buffer_before", models.PositiveIntegerField(default=0, help_text="Minutes")),
                ("buffer_after", models.PositiveIntegerField(default=0, help_text="Minutes")),
                ("locale", models.CharField(blank=True, max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Waiting for the recipient"),
                            ("booked", "Booked"),
                            ("withdrawn", "Withdrawn"),
                            ("declined", "Declined"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("opened_at", models.DateTimeField(blank=True, null=True)),
                (
                    "surface",
                    models.CharField(default="staff", help_text="staff, or the dialect it came through", max_length=16),
                ),
                (
                    "raw",
                    models.JSONField(
                        blank=True, default=dict, help_text="Fields of the dialect that have no column here"
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "created_with",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="bookings.apikey",
                    ),
                ),
                (
                    "event_type",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="scheduler_requests",
                        to="bookings.eventtype",
                    ),
                ),
                (
                    "group_rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scheduler_requests",
                        to="bookings.grouprule",
                    ),
                ),
                (
                    "host",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scheduler_requests",
                        to="bookings.host",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [models.Index(fields=["organisation", "-created_at"], name="request_by_age")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("group_rule__isnull", True), ("host__isnull", False)),
                            models.Q(("group_rule__isnull", False), ("host__isnull", True)),
                            _connector="OR",
                        ),
                        name="request_host_or_group",
                    )
                ],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Booking",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=1024)),
                ("description", models.TextField(blank=True)),
                ("location", models.CharField(blank=True, max_length=1024)),
                ("start_s", models.BigIntegerField()),
                ("end_s", models.BigIntegerField()),
                ("timezone", models.CharField(help_text="The customer's zone", max_length=64)),
                ("start_wall", models.BigIntegerField(help_text="Wall seconds in that zone, as chosen")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Asked for"),
                            ("held", "Held"),
                            ("confirmed", "Confirmed"),
                            ("in_progress", "In progress"),
                            ("completed", "Completed"),
                            ("declined", "Declined"),
                            ("cancelled", "Cancelled"),
                            ("rescheduled", "Rescheduled"),
                            ("no_show", "No-show"),
                            ("invalid", "Invalid"),
                            ("error", "Error"),
                        ],
                        default="confirmed",
                        max_length=12,
                    ),
                ),
                (
                    "cancelled_by",
                    models.CharField(
                        blank=True,
                        choices=[("host", "Host"), ("invitee", "Customer"), ("system", "System")],
                        max_length=8,
                    ),
                ),
                ("cancel_reason", models.TextField(blank=True)),
                ("series", models.UUIDField(blank=True, null=True)),
                ("forced", models.BooleanField(default=False, help_text="Written over taken time on explicit request")),
                ("answers", models.JSONField(blank=True, default=dict)),
                ("notes", models.TextField(blank=True)),
                (
                    "assignment",
                    models.JSONField(blank=True, default=dict, help_text="Why this host: the stored reason"),
                ),
                ("conflict", models.JSONField(blank=True, default=dict, help_text="What landed on this booking later")),
                ("manage_digest", models.CharField(blank=True, editable=False, max_length=64)),
                ("surface", models.CharField(default="staff", max_length=16)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "successor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="predecessors",
                        to="bookings.booking",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="bookings",
                        to="bookings.contact",
                    ),
                ),
                (
                    "event",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="booking",
                        to="bookings.event",
                    ),
                ),
                (
                    "event_type",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="bookings",
                        to="bookings.eventtype",
                    ),
                ),
                (
                    "group_rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="bookings",
                        to="bookings.grouprule",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
                (
                    "scheduler_request",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="bookings",
                        to="bookings.schedulerrequest",
                    ),
                ),
            ],
            options={
                "ordering": ["-start_s"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [
                    models.Index(fields=["organisation", "start_s"], name="booking_by_start"),
                    models.Index(
                        condition=models.Q(("series__isnull", False)), fields=["series"], name="booking_series"
                    ),
                    models.Index(
                        condition=models.Q(("manage_digest", ""), _negated=True),
                        fields=["manage_digest"],
                        name="booking_manage",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("end_s__gt", models.F("start_s"))), name="booking_in_order"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("held", "confirmed", "in_progress", "completed", "no_show"))),
                        fields=("scheduler_request",),
                        name="one_live_booking_per_request",
                    ),
                ],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Claim",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "lane",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="Above 0: forced over taken time, on request"
                    ),
                ),
                ("start_s", models.BigIntegerField()),
                ("end_s", models.BigIntegerField()),
                ("pad_before_s", models.PositiveIntegerField(default=0)),
                ("pad_after_s", models.PositiveIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[("hold", "Hold"), ("booked", "Booked"), ("released", "Released")], max_length=8
                    ),
                ),
                ("expires_s", models.BigIntegerField(blank=True, help_text="For holds", null=True)),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "booking",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="claims",
                        to="bookings.booking",
                    ),
                ),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="claims", to="bookings.host"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("hold", "booked"))),
                        fields=["host", "start_s", "end_s"],
                        name="claim_live",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("start_s__lt", models.F("end_s"))), name="claim_in_order"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "end_s__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("start_s"), "+", models.Value(2678400)
                                ),
                            )
                        ),
                        name="claim_not_too_long",
                    ),
                ],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(choices=[("mail", "Mail"), ("webhook", "Webhook")], default="mail", max_length=8),
                ),
                ("template", models.CharField(max_length=40)),
                ("recipient", models.CharField(help_text="Mail address or URL", max_length=1000)),
                ("payload", models.JSONField(blank=True, default=dict)),
                ("dedupe_key", models.CharField(help_text="One message per person and step", max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("dropped", "Dropped"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("next_attempt_s", models.BigIntegerField(default=0)),
                ("last_error", models.CharField(blank=True, max_length=500)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "booking",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="bookings.booking",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
                (
                    "scheduler_request",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="bookings.schedulerrequest",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")), fields=["next_attempt_s"], name="message_due"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("organisation", "dedupe_key"), name="message_once")],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Seat",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("manage_digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                ("token_seed", models.UUIDField(default=uuid.uuid4, editable=False)),
                (
                    "booking",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="seats", to="bookings.booking"
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="seats", to="bookings.contact"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bookings.organisation"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "default_manager_name": "everywhere",
                "indexes": [],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("cancelled_at__isnull", True)),
                        fields=("booking", "number"),
                        name="seat_number_once",
                    )
                ],
            },
            managers=[
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
    ]

"""Keys that programs show, and the trail everybody leaves."""

from __future__ import annotations

from typing import Any

import allauth.account.admin  # noqa: F401  these three register what is replaced or left out below
import django.contrib.auth.admin  # noqa: F401
import django_tasks_db.admin  # noqa: F401
from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers
from django.utils.safestring import SafeString
from django_tasks_db.models import DBTaskResult
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from bookings.domain import keys
from bookings.domain.errors import Invalid
from bookings.models import ApiKey, AuditEntry

from .base import ReadOnlyAdmin, actor_of, each, pill
from .forms import OperatorForm

for _stock in (Group, apps.get_model("account", "EmailAddress"), DBTaskResult):
    admin.site.unregister(_stock)


class IssueForm(OperatorForm):
    """What a new key is for. The key itself is made by the domain and shown on the page that follows."""

    secret = ""
    scopes = forms.MultipleChoiceField(
        choices=list(keys.SCOPES.items()),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None chosen: what keys of this kind usually may.",
    )

    class Meta:
        model = ApiKey
        fields = ("organisation", "name", "dialect", "kind", "host", "scopes", "expires_at")

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        asked: dict[str, Any] = {name: values.get(name) for name in ("dialect", "kind", "host", "scopes", "expires_at")}
        if not self.errors:
            try:
                keys.check(**asked)
            except Invalid as error:
                self.add_error(error.field, error.message)
        return values


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    form = IssueForm
    list_display = (
        "name",
        "state_pill",
        "prefix",
        "dialect",
        "kind",
        "host",
        "organisation",
        "last_used_at",
        "expires_at",
    )
    list_filter = ("dialect", "kind", "organisation")
    list_select_related = ("host", "organisation")
    search_fields = ("name", "prefix", "host__name")
    autocomplete_fields = ("organisation", "host")
    fields = (
        ("name", "state_pill"),
        ("dialect", "kind"),
        "prefix",
        ("organisation", "host"),
        "scopes",
        ("created_at", "last_used_at"),
        ("expires_at", "revoked_at"),
    )
    add_fieldsets = ((None, {"fields": IssueForm.Meta.fields}),)
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("bookings.add_apikey"))

    def save_model(self, request: HttpRequest, obj: ApiKey, form: IssueForm, change: bool) -> None:
        wanted = {name: form.cleaned_data[name] for name in IssueForm.Meta.fields}
        key, secret = keys.issue(wanted.pop("organisation"), actor=actor_of(request), **wanted)
        obj.pk, obj.prefix, obj.digest = key.pk, key.prefix, key.digest
        form.secret = secret

    def save_related(self, request: HttpRequest, form: IssueForm, formsets: Any, change: bool) -> None:
        request.issued_secret = form.secret  # type: ignore[attr-defined]  # for this one answer, kept nowhere

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None) -> HttpResponse:
        """Show the secret in the answer itself: a redirect would have to keep it somewhere."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Key issued",
            "opts": self.opts,
            "key": obj,
            "secret": request.issued_secret,  # type: ignore[attr-defined]
        }
        response = TemplateResponse(request, "admin/bookings/apikey/issued.html", context)
        add_never_cache_headers(response)
        return response

    @display(description="State")
    def state_pill(self, key: ApiKey) -> SafeString:
        if key.revoked_at:
            return pill("danger", "Revoked")
        return pill("success", "In use") if key.is_live else pill("warning", "Expired")

    @action(description="Revoke", permissions=["operate"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        each(self, request, chosen, lambda key: keys.revoke(key, actor=actor_of(request)), "revoked")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "acting_as", "action", "object_type", "organisation", "reason")
    list_filter = ("object_type", "action", "organisation")
    list_select_related = ("organisation",)
    search_fields = ("actor", "acting_as", "action", "object_id")
    date_hierarchy = "at"
    fields = (
        ("at", "organisation"),
        ("actor", "acting_as"),
        ("user", "api_key"),
        ("action", "reason"),
        ("object_type", "object_id"),
        "before",
        "after",
    )


@admin.register(DBTaskResult)
class TaskAdmin(ReadOnlyAdmin):
    """The worker's queue. It only wakes the worker: what remains to be done stands in the outbox."""

    list_display = ("task_name", "status", "enqueued_at", "started_at", "finished_at")
    list_filter = ("status", "task_path")
    ordering = ("-enqueued_at",)
    fields = ("task_path", "status", ("enqueued_at", "started_at", "finished_at"), "exception_class_path")

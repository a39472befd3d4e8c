"""What the operator's pages have in common: who acts, how time and state are told, what may be changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib import messages
from django.db.models import Model, URLField
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import BaseDialogForm

from bookings.domain import audit
from bookings.domain.errors import DomainError
from bookings.models import TenantModel

from .forms import OperatorForm


def actor_of(request: HttpRequest) -> audit.Actor:
    """The operator, as the audit trail names them."""
    return audit.Actor(label=request.user.get_username(), user_id=request.user.pk)


def instant(utc_s: int | None, zone: str = "UTC") -> str:
    """A UTC second as a person in `zone` reads it; a dash for none."""
    if not utc_s:
        return "–"
    local = datetime.fromtimestamp(utc_s, _zone(zone))
    return f"{local:%a %d %b %Y, %H:%M} ({zone or 'UTC'})"


def stretch(start_s: int, end_s: int, zone: str = "UTC") -> str:
    """Two UTC seconds as “Tue 03 Mar 2026, 10:00–10:30 (zone)”; the second day is named when it is another."""
    first, last = (datetime.fromtimestamp(second, _zone(zone)) for second in (start_s, end_s))
    end = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%a %d %b %Y, %H:%M}"
    return f"{first:%a %d %b %Y, %H:%M}–{end} ({zone or 'UTC'})"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def pill(colour: str, word: str) -> SafeString:
    """A state as the admin's label. A colour never stands without its word; an empty colour is neutral."""
    return render_to_string("unfold/helpers/label.html", {"type": colour, "text": word})


def choice_pill(thing: Model, field: str, colours: Mapping[str, str]) -> SafeString:
    """The pill of a field with choices."""
    return pill(colours.get(getattr(thing, field), ""), str(getattr(thing, f"get_{field}_display")()))


class OperatorAdmin(ModelAdmin):
    """An object the operator may change. Each change leaves an entry in its tenant's audit trail."""

    form = OperatorForm
    compressed_fields = True
    list_filter_sheet = False
    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, URLField):
            kwargs["assume_scheme"] = "https"  # for an address typed without one
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # A cascade would take bookings and history with it; things are switched off instead.
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = {name: str(form.initial.get(name, "")) for name in form.changed_data} if change else {}
        super().save_model(request, obj, form, change)
        after = {name: str(form.cleaned_data.get(name, "")) for name in form.changed_data}
        if isinstance(obj, TenantModel):
            action = "changed by operator" if change else "created by operator"
            audit.record(actor_of(request), action, obj, before=before, after=after)


class ReadOnlyAdmin(ModelAdmin):
    """An object that only domain verbs and workers write: the operator looks, and uses actions."""

    compressed_fields = True
    list_filter_sheet = False
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """May this person use the actions? Django's own change permission, although the form is closed to all."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))


class ReadOnlyInline(TabularInline):
    extra = 0
    can_delete = False
    show_change_link = True
    tab = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def each(
    model_admin: ModelAdmin, request: HttpRequest, chosen: Iterable[Any], verb: Callable[[Any], object], done: str
) -> None:
    """Do a domain verb to each chosen object; say how many, and what was refused and why. `done` completes “N …”."""
    count = 0
    for thing in chosen:
        try:
            verb(thing)
            count += 1
        except DomainError as refusal:
            model_admin.message_user(request, f"{thing}: {refusal.message}", messages.WARNING)
    if count:
        many = ngettext("%(count)d %(name)s", "%(count)d %(plural)s", count) % {
            "count": count,
            "name": model_admin.opts.verbose_name,
            "plural": model_admin.opts.verbose_name_plural,
        }
        model_admin.message_user(request, f"{many} {_(done)}.", messages.SUCCESS)


def question(title: str, description: str, submit: str, form: type[BaseDialogForm] | None = None) -> dict[str, Any]:
    """What an action on one object's page asks first. The answer is a POST: no link changes anything."""
    return {"title": title, "description": description, "form_submit_text": submit, "form_class": form}


def this(
    model_admin: ModelAdmin, request: HttpRequest, object_id: str, verb: Callable[[Any], object], done: str
) -> HttpResponse:
    """Do a domain verb to the object whose page this is, and show the page again with what came of it."""
    thing = model_admin.get_object(request, object_id)
    if thing is None:
        raise Http404
    each(model_admin, request, [thing], verb, done)
    url = reverse(f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_change", args=[object_id])
    return HttpResponse(headers={"HX-Redirect": url})

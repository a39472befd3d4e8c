"""Keys of programs, and what hosts granted to applications: for owners and admins of the organisation."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Max, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from bookings.domain import grants, keys
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import ApiKey, AuditEntry, Grant, Membership
from bookings.models.crypto import Undecryptable, seal, unseal
from bookings.pages.staff import key_words, switching
from bookings.pages.staff.key_forms import KeyForm

PER_PAGE = 25
_UNSHOWN = "unshown_secrets"
_SHOWN_WITHIN_S = 600


def managers_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let owners and admins in; tell other members whom to ask."""

    @wraps(view)
    def guarded(request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.membership.manages:
            return view(request, *args, **kwargs)
        managing = Membership.objects.for_tenant(request.organisation).exclude(role=Membership.Role.STAFF)
        people = [place.user.get_full_name() or place.user.get_username() for place in managing.select_related("user")]
        return render(request, "staff/keys/not_yours.html", {"people": people}, status=403)

    return staff_required(guarded)


@require_safe
@managers_only
def listing(request: StaffRequest) -> HttpResponse:
    """Keys that work, the newest first, or with ?show=ended the others; and the applications that hosts let in."""
    ended = request.GET.get("show") == "ended"
    page = Paginator(_keys_shown(request, ended=ended), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "ended": ended,
        "rows": [_row(key) for key in page.object_list],
        "grants": [_grant_row(grant) for grant in _grants_shown(request, ended=ended)],
        "dialects": key_words.DIALECTS,
        "zone": request.organisation.timezone,
        "keep": "&show=ended" if ended else "",
    }
    return render(request, "staff/keys/list.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@managers_only
def new(request: StaffRequest) -> HttpResponse:
    """Which API, which kind of key, and what it is for. A valid form leads to the page that shows the secret once."""
    asked = request.POST if request.method == "POST" else request.GET
    dialect = asked.get("dialect") if asked.get("dialect") in keys.KINDS else None
    context: dict[str, Any] = {"dialects": key_words.DIALECTS, "dialect": dialect}
    status = 200
    if dialect:
        kinds = key_words.kinds_of(dialect)
        kind = next((each.value for each in kinds if each.value == asked.get("kind")), kinds[0].value)
        form = _form(request, dialect, kind)
        if request.method == "POST" and form.is_valid():
            return redirect("key", _make(request, form).pk)
        status = 422 if form.is_bound else 200
        context |= {"kinds": kinds, "kind": kind, "form": form}
    return render(request, f"staff/keys/{'_new' if request.htmx else 'new'}.html", context, status=status)


@never_cache
@require_safe
@managers_only
def detail(request: StaffRequest, key_id: uuid.UUID) -> HttpResponse:
    """One key, how to use it, and its secret if it was made a moment ago and not shown yet."""
    key = _key(request, key_id)
    secrets = _take(request, key) if request.method == "GET" else {}
    ids = switching.ids_for(key, request.organisation)
    place = switching.Place(settings.BASE_URL, secrets, ids.named if ids else {}, key.host.email if key.host else "")
    context = _row(key) | {
        "secrets": [(str(ApiKey.Kind(kind).label), secret) for kind, secret in secrets.items()],
        "code": switching.code(key, place) if key.is_live else [],
        "zone": request.organisation.timezone,
        "ids": ids,
        "history": AuditEntry.objects.for_tenant(request.organisation).filter(object_id=key.pk)[:20],
    }
    return render(request, "staff/keys/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@managers_only
def revoke(request: StaffRequest, key_id: uuid.UUID) -> HttpResponse:
    """End a key, after asking."""
    key = _key(request, key_id)
    if request.method == "POST":
        keys.revoke(key, actor=actor(request))
        messages.success(request, _("“%s” is revoked: programs that show it are refused from now on.") % key.name)
        return redirect("keys")
    return render(request, "staff/keys/revoke.html", _row(key))


@require_http_methods(["GET", "HEAD", "POST"])
@managers_only
def end_grant(request: StaffRequest, grant_id: uuid.UUID) -> HttpResponse:
    """End what a host lets an application do, after asking."""
    grant = get_object_or_404(_grants(request), pk=grant_id)
    if request.method == "POST":
        grants.end(grant, actor=actor(request))
        messages.success(request, _("“%s” may do nothing here any more.") % grant.name)
        return redirect("keys")
    return render(request, "staff/keys/end_grant.html", _grant_row(grant))


# ── Making ──


def _form(request: StaffRequest, dialect: str, kind: str) -> KeyForm:
    typed = {name: request.GET[name] for name in ("name", "host", "expires", "until") if name in request.GET}
    return KeyForm(request.organisation, dialect, kind, request.POST or None, initial=typed)


def _make(request: StaffRequest, form: KeyForm) -> ApiKey:
    """The key, or the secret key of a pair, with its secret laid by for the page that follows."""
    organisation, who = request.organisation, actor(request)
    made: Sequence[tuple[ApiKey, str]]
    if form.pair:
        made = keys.issue_pair(organisation, actor=who, **form.wanted())
    else:
        made = [keys.issue(organisation, dialect=form.dialect, kind=form.kind, actor=who, **form.wanted())]
    key = made[-1][0]
    _lay_by(request, key, {str(each.kind): secret for each, secret in made})
    return key


# ── Shown once: between making a key and showing it, its secret lies in the session, encrypted ──


def _lay_by(request: StaffRequest, key: ApiKey, secrets: dict[str, str]) -> None:
    sealed = seal({"secrets": secrets, "at": now().timestamp()}, _bound(key))
    others = request.session.get(_UNSHOWN, {})
    request.session[_UNSHOWN] = others | {str(key.pk): base64.b64encode(sealed).decode()}


def _take(request: StaffRequest, key: ApiKey) -> dict[str, str]:
    """The secrets of a new key by their kinds, forgotten with this."""
    unshown: dict[str, str] = request.session.get(_UNSHOWN, {})
    if str(key.pk) not in unshown:
        return {}
    sealed = base64.b64decode(unshown[str(key.pk)])
    request.session[_UNSHOWN] = {pk: other for pk, other in unshown.items() if pk != str(key.pk)}
    request.session.save()  # before the answer leaves: whatever happens to it, nobody else sees the secret
    try:
        found = unseal(sealed, _bound(key))
    except Undecryptable:
        return {}
    secrets: dict[str, str] = found["secrets"]
    return secrets if now().timestamp() - found["at"] < _SHOWN_WITHIN_S and key.is_live else {}


def _bound(key: ApiKey) -> str:
    return f"{key.organisation_id}/{key.pk}/shown once"


# ── Finding ──


def _keys(request: StaffRequest) -> QuerySet[ApiKey]:
    """Keys that people made; tokens of a grant live and end with it."""
    found: QuerySet[ApiKey] = ApiKey.objects.for_tenant(request.organisation)
    return found.filter(grant=None).select_related("host")


def _key(request: StaffRequest, key_id: uuid.UUID) -> ApiKey:
    return get_object_or_404(_keys(request), pk=key_id)


def _keys_shown(request: StaffRequest, *, ended: bool) -> QuerySet[ApiKey]:
    over = Q(revoked_at__isnull=False) | Q(expires_at__lte=now())
    return _keys(request).filter(over if ended else ~over).order_by("-created_at")


def _grants(request: StaffRequest) -> QuerySet[Grant]:
    found: QuerySet[Grant] = Grant.objects.for_tenant(request.organisation)
    return found.select_related("host").annotate(used_at=Max("tokens__last_used_at"))


def _grants_shown(request: StaffRequest, *, ended: bool) -> QuerySet[Grant]:
    over = Q(revoked_at__isnull=False) | Q(redeemed_at=None, code_expires_at__lte=now())
    return _grants(request).filter(over if ended else ~over).order_by("-created_at")[:200]


def _row(key: ApiKey) -> dict[str, Any]:
    colour, word = key_words.standing(key)
    return {"key": key, "colour": colour, "word": word, "may": key_words.may(key.scopes)}


def _grant_row(grant: Any) -> dict[str, Any]:
    colour, word = key_words.standing_of_grant(grant, grant.used_at)
    return {"grant": grant, "colour": colour, "word": word, "may": key_words.may(grant.scopes)}

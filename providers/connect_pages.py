"""Pages where staff connect an account, sign in again, and let it go."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Account, Host, Mirror
from providers import connect as connecting
from providers import consent, kinds, oauth
from providers.base import Ended
from providers.consent import Consent, StrangeAnswer
from providers.forms import ConnectForm, ReconnectForm
from providers.kinds import ConnectFailed, Kind
from providers.oauth import Service
from providers.pages import hosts_of, the_account

FORM = "staff/accounts/connect.html"
AGAIN = "staff/accounts/reconnect.html"
UNTICKED = (
    "{name} did not give everything that is needed. Please try again and leave everything ticked. Missing: {missing}."
)


@staff_required
@require_GET
def account_kinds(request: StaffRequest) -> HttpResponse:
    """What can be connected, and what the operator has to set before the rest can be."""
    one: list[Kind] = []
    everybody: list[Kind] = []
    for kind in kinds.offered():
        (everybody if kind.for_everybody else one).append(kind)
    context = {"kinds": one, "everybody": everybody if request.membership.manages else [], "host": _wished(request)}
    return render(request, "staff/accounts/kinds.html", context)


@sensitive_post_parameters()
@never_cache
@staff_required
@require_http_methods(["GET", "POST"])
def account_connect(request: StaffRequest, slug: str) -> HttpResponse:
    """Connect an account of one kind. It is tried before anything is saved; what fails is said beside its field."""
    kind = _kind(request, slug)
    form = _form(request, kind, request.POST or None, host=_wished(request))
    if request.method == "POST" and kind.is_registered and form.is_valid():
        if kind.signs_in:
            given = form.cleaned_data
            return _go(request, kind, host=str(given["host"].pk), label=given["label"])
        if kind.for_everybody:
            return _connect_everybody(request, kind, form)
        return _connect_one(request, kind, form)
    return _shown(request, kind, form)


@never_cache
@staff_required
@require_GET
def account_callback(request: StaffRequest, slug: str) -> HttpResponse:
    """Somebody comes back from a service's consent page: with a code, or with the reason why not."""
    kind = _kind(request, slug)
    service = kind.service()
    if service is None or not kind.signs_in:
        raise Http404
    try:
        meant = consent.returned(request, kind, service)
    except StrangeAnswer:
        return render(request, "staff/accounts/strange.html", {"kind": kind, "said": consent.STRANGE}, status=400)
    try:
        if "code" not in request.GET:
            raise ConnectFailed(consent.refusal(request, service))
        return _signed_in(request, kind, service, meant)
    except ConnectFailed as failure:
        return _unfinished(request, kind, meant, failure.message)


@sensitive_post_parameters()
@never_cache
@staff_required
@require_http_methods(["GET", "POST"])
def account_reconnect(request: StaffRequest, account_id: uuid.UUID) -> HttpResponse:
    """Give an account a new password, key or consent; what waited for it is sent after that."""
    account = the_account(request.organisation, account_id)
    try:
        kind = connecting.kind_of(account)
    except ConnectFailed as failure:
        messages.error(request, failure.message)
        return redirect("accounts")
    form = ReconnectForm(request.POST or None, kind=kind)
    if request.method == "POST" and kind.is_registered:
        if kind.signs_in:
            return _go(request, kind, host=str(account.host_id), label=account.label, account=str(account.pk))
        if form.is_valid() and _tried_again(request, account, form):
            return _back_at_work(request)
    return _asked_again(request, account, kind, form)


@staff_required
@require_http_methods(["GET", "POST"])
def account_disconnect(request: StaffRequest, account_id: uuid.UUID) -> HttpResponse:
    """Forget an account, after asking."""
    account = the_account(request.organisation, account_id)
    if request.method == "POST":
        label = account.label
        connecting.disconnect(account, actor=actor(request))
        messages.success(request, f"{label} is disconnected, and its sign-in is erased here.")
        return redirect("accounts")
    mirrors = Mirror.objects.for_tenant(request.organisation)
    shown = mirrors.filter(calendar__account=account).exclude(remote_id="").count()
    return render(request, "staff/accounts/disconnect.html", {"account": account, "shown": shown})


# ── Parts ──


def _kind(request: StaffRequest, slug: str) -> Kind:
    kind = kinds.find(slug)
    if kind is None:
        raise Http404
    if kind.for_everybody and not request.membership.manages:
        raise PermissionDenied
    return kind


def _wished(request: StaffRequest) -> str:
    """The host named in the address, if it is an id at all."""
    try:
        return str(uuid.UUID(request.GET.get("host", "")))
    except ValueError:
        return ""


def _form(request: StaffRequest, kind: Kind, data: Any = None, **initial: Any) -> ConnectForm:
    hosts = hosts_of(request.organisation)
    if kind.for_everybody:
        initial["host"] = [host.pk for host in hosts if host.email]
    return ConnectForm(data, kind=kind, hosts=hosts, initial=initial)


def _shown(request: StaffRequest, kind: Kind, form: ConnectForm, problem: str = "", done: Any = ()) -> HttpResponse:
    refused = bool(form.errors or problem)
    context = {"form": form, "kind": kind, "problem": problem, "done": done, "redirect_uri": ""}
    if not kind.is_registered and kind.signs_in:
        context["redirect_uri"] = consent.redirect_uri(kind)
    return render(request, FORM, context, status=422 if refused else 200)


def _connect_one(request: StaffRequest, kind: Kind, form: ConnectForm) -> HttpResponse:
    given = dict(form.cleaned_data)
    host, label = given.pop("host"), given.pop("label")
    try:
        tried = connecting.try_login(kind, given, host=host)
        account = connecting.save(host, tried, label=label, actor=actor(request))
    except ConnectFailed as failure:
        form.add_error(failure.field if failure.field in form.fields else None, failure.message)
        return _shown(request, kind, form)
    return _connected(request, account)


def _connect_everybody(request: StaffRequest, kind: Kind, form: ConnectForm) -> HttpResponse:
    """Connect each host that was ticked; those for whom it does not work are told with the reason."""
    given = dict(form.cleaned_data)
    hosts = given.pop("host")
    done: list[str] = []
    for host in hosts:
        try:
            tried = connecting.try_login(kind, given, host=host)
            account = connecting.save(host, tried, label="", actor=actor(request))
            connecting.use_for_bookings(account, actor=actor(request))
            done.append(host.name)
        except ConnectFailed as failure:
            broken_key = failure.field if failure.field in form.fields else None
            form.add_error(broken_key if not done else None, f"{host.name}: {failure.message}")
    if form.errors:
        return _shown(request, kind, form, done=done)
    messages.success(request, f"Connected: {', '.join(done)}. Bookings go to their primary calendars.")
    return redirect("accounts")


def _go(request: StaffRequest, kind: Kind, *, host: str, label: str, account: str = "") -> HttpResponse:
    """A page that leads on to the service. It is no redirect: `form-action` of our policy would stop that."""
    service = kind.service()
    if service is None:
        raise Http404
    url = consent.begin(request, kind, service, host=host, label=label, account=account)
    context = {"kind": kind, "service": service, "url": url, "where": urlsplit(url).netloc}
    return render(request, "staff/accounts/go.html", context)


def _signed_in(request: StaffRequest, kind: Kind, service: Service, meant: Consent) -> HttpResponse:
    """Redeem the code, look behind it, and keep what was found. Raises ConnectFailed."""
    host = _host(request, meant)
    try:
        tokens = oauth.exchange(
            service,
            code=request.GET["code"],
            redirect_uri=consent.redirect_uri(kind),
            verifier=meant.verifier,
        )
    except Ended as ended:
        raise ConnectFailed(ended.result.detail) from ended
    missing = oauth.missing_scopes(service, tokens["scope"])
    if missing and not kind.makes_do:
        named = ", ".join(scope.rpartition("/")[2] for scope in missing)
        raise ConnectFailed(UNTICKED.format(name=service.name, missing=named))
    tried = connecting.try_credentials(kind, tokens, host=host)
    if meant.account:
        account = the_account(request.organisation, uuid.UUID(meant.account))
        connecting.reconnect(account, tried, actor=actor(request))
        return _back_at_work(request)
    return _connected(request, connecting.save(host, tried, label=meant.label, actor=actor(request)))


def _host(request: StaffRequest, meant: Consent) -> Host:
    host: Host | None = hosts_of(request.organisation).filter(pk=meant.host).first()
    if host is None:
        raise ConnectFailed("This host is no longer there.")
    return host


def _unfinished(request: StaffRequest, kind: Kind, meant: Consent, problem: str) -> HttpResponse:
    """The page that the person came from, with what they had typed and what went wrong."""
    if not meant.account:
        return _shown(request, kind, _form(request, kind, host=meant.host, label=meant.label), problem)
    account = the_account(request.organisation, uuid.UUID(meant.account))
    return _asked_again(request, account, kind, ReconnectForm(kind=kind), problem)


def _tried_again(request: StaffRequest, account: Account, form: ReconnectForm) -> bool:
    try:
        tried = connecting.try_again(account, form.cleaned_data)
        connecting.reconnect(account, tried, actor=actor(request))
    except ConnectFailed as failure:
        # Only secrets are asked for here, so whatever is wrong is told beside the first of them.
        form.add_error(
            failure.field if failure.field in form.fields else next(iter(form.fields), None), failure.message
        )
        return False
    return True


def _asked_again(
    request: StaffRequest, account: Account, kind: Kind, form: ReconnectForm, problem: str = ""
) -> HttpResponse:
    context = {"form": form, "account": account, "kind": kind, "problem": problem}
    return render(request, AGAIN, context, status=422 if form.errors or problem else 200)


def _connected(request: StaffRequest, account: Account) -> HttpResponse:
    found = account.calendars.count()
    messages.success(request, f"Connected: {found} calendar{'s' if found != 1 else ''} found.")
    for note in account.capabilities.get("notes", ()):
        messages.warning(request, note)
    return redirect("account-calendars", account.pk)


def _back_at_work(request: StaffRequest) -> HttpResponse:
    messages.success(request, "Signed in again. Everything that waited is on its way.")
    return redirect("accounts")

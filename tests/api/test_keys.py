"""API keys from being issued to being revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from bookings.domain import keys
from bookings.domain.audit import SYSTEM
from bookings.models import ApiKey, AuditEntry, Organisation
from tests import factories

pytestmark = pytest.mark.django_db


def issue(**changes: object) -> tuple[ApiKey, str]:
    wanted = {"dialect": "cronofy", "kind": "client_secret", "name": "CRM", "scopes": ["requests:write"]}
    return keys.issue(factories.organisation(), **(wanted | changes), actor=SYSTEM)  # type: ignore[arg-type]


def test_a_secret_has_256_bits_and_is_nowhere_in_the_database():
    key, secret = issue()
    assert len(secret.removeprefix("CRN_")) == 43
    assert all(secret not in str(value) for value in ApiKey.everywhere.values().get().values())
    assert all(secret not in str(value) for value in AuditEntry.everywhere.values().get().values())
    assert secret.startswith(key.prefix)
    assert len(key.prefix) <= 16


def test_no_two_secrets_are_alike():
    assert len({issue()[1] for _ in range(50)}) == 50


def test_a_key_is_found_by_its_secret_in_its_dialect_only():
    key, secret = issue()
    assert keys.find(secret, "cronofy") == key
    assert keys.find(secret, "morgen") is None
    assert keys.find(secret[:-1], "cronofy") is None
    assert keys.find("", "cronofy") is None


def test_a_key_ends_by_expiry_and_by_revoking():
    later, ended, revoked = now() + timedelta(hours=1), now() - timedelta(seconds=1), issue()
    assert keys.find(issue(expires_at=later)[1], "cronofy") is not None
    assert keys.find(issue(expires_at=ended)[1], "cronofy") is None
    keys.revoke(revoked[0], actor=SYSTEM)
    assert keys.find(revoked[1], "cronofy") is None


def test_revoking_is_recorded_once():
    key, _ = issue()
    keys.revoke(key, actor=SYSTEM)
    first = key.revoked_at
    keys.revoke(key, actor=SYSTEM)
    assert key.revoked_at == first
    assert AuditEntry.everywhere.filter(action="key.revoked").count() == 1


def test_use_is_noted_at_most_once_a_minute(django_assert_num_queries):
    key, secret = issue()
    keys.note_use(key)
    used = keys.find(secret, "cronofy")
    assert used is not None
    with django_assert_num_queries(0):
        keys.note_use(used)


def test_a_client_secret_usually_impersonates_and_an_access_token_does_not():
    secret, token, widget = (issue(kind=kind, scopes=())[0] for kind in ("client_secret", "access_token", "widget_key"))
    assert keys.permits(secret, "impersonate")
    assert not keys.permits(token, "impersonate")
    assert keys.permits(token, "requests:write")
    assert set(widget.scopes) == {"availability:read", "bookings:write"}
    assert not any(keys.permits(key, "bookings:force") for key in (secret, token, widget))


def test_a_key_may_be_given_everything():
    assert keys.permits(issue(scopes=["*"])[0], "bookings:force")


def pair(organisation: Organisation) -> tuple[str, str]:
    public, secret = (
        keys.issue(organisation, dialect="morph", kind=kind, name=kind, scopes=(), actor=SYSTEM)[1]
        for kind in ("public_key", "secret_key")
    )
    return public, secret


def test_a_secret_key_counts_only_with_a_public_key_of_its_organisation():
    (public, secret), (foreign, _) = pair(factories.organisation()), pair(factories.organisation())
    assert (public[:3], secret[:3]) == ("pk_", "sk_")
    found = keys.find_pair(public, secret, "morph")
    assert found is not None
    assert found.kind == "secret_key"
    for wrong in [(secret, secret), (public, public), (secret, public), (foreign, secret), ("", secret), (public, "")]:
        assert keys.find_pair(*wrong, "morph") is None


def test_using_a_pair_is_noted_with_both_halves():
    organisation = factories.organisation()
    (public, shown), (secret, kept) = keys.issue_pair(organisation, name="CRM", scopes=["events:read"], actor=SYSTEM)
    assert keys.find_pair(shown, "sk_wrong", "morph") is None
    public.refresh_from_db()
    assert public.last_used_at is None
    assert keys.find_pair(shown, kept, "morph") == secret
    public.refresh_from_db()
    assert public.last_used_at is not None
    assert (public.scopes, secret.scopes) == ([], ["events:read"])


def test_a_pair_ends_when_either_half_is_revoked():
    for half in (0, 1):
        public, secret = pair(factories.organisation())
        revoked = keys.find((public, secret)[half], "morph")
        assert revoked is not None
        keys.revoke(revoked, actor=SYSTEM)
        assert keys.find_pair(public, secret, "morph") is None


def test_a_public_key_alone_permits_nothing():
    public, _ = pair(factories.organisation())
    key = keys.find(public, "morph")
    assert key is not None
    assert key.scopes == []


def test_a_resource_key_counts_only_with_the_address_of_its_host():
    host = factories.host(email="Room4@example.org")
    wanted = {"dialect": "timekit", "kind": "api_key", "name": "Room", "scopes": (), "actor": SYSTEM}
    _, secret = keys.issue(host.organisation, host=host, **wanted)
    _, of_nobody = keys.issue(host.organisation, **wanted)
    assert keys.find_of_host("room4@example.org", secret, "timekit") is not None
    for email, shown in [("", secret), ("room5@example.org", secret), ("", of_nobody), ("room4@example.org", "x")]:
        assert keys.find_of_host(email, shown, "timekit") is None

"""API keys from being issued to being revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from bookings.domain import keys
from bookings.domain.audit import SYSTEM
from bookings.models import ApiKey, AuditEntry
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

"""Addresses of signing in and of one's password. Sign-up, e-mail addresses and the rest of allauth are not offered."""

from __future__ import annotations

from allauth.account import urls as offered

_OURS = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_change_password",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}

urlpatterns = [pattern for pattern in offered.urlpatterns if pattern.name in _OURS]

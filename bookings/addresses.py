"""Where a visitor comes from, asked wherever attempts are counted."""

from __future__ import annotations

import ipaddress

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def source(request: HttpRequest) -> str:
    """The visitor's address as the sign-in page sees it; of IPv6 the network, in which one visitor has them all."""
    try:
        address = ipaddress.ip_address(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return "unknown"  # a Unix socket has none
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)

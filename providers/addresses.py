"""Which addresses may be called. Threat and table: a server-side request forgery through a calendar's URL.

`ipaddress.is_global` is no such filter: it says yes to NAT64 and 6to4 forms of loopback and to multicast. So the table
is our own, and IPv4 inside IPv6 is unwrapped before it is judged.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, urlsplit

from django.conf import settings

Address = tuple[socket.AddressFamily, str]
_IP = ipaddress.IPv4Address | ipaddress.IPv6Address

_DENIED = [
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/96", "::1/128", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16"),
        *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
]
_WRAPPED = [ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96")]
"""Prefixes whose last 32 bits are the IPv4 address that is really meant: mapped, and NAT64 (RFC 6052)."""

_PORTS = frozenset({80, 443, 8443})
_PRIVATE_NAMES = ("localhost", "local", "internal", "lan", "home", "corp", "intranet", "home.arpa")
_SCHEMES = {"https": "https", "http": "http", "webcal": "https", "webcals": "https"}
_SHAPE = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<rest>[^/?#].*)", re.DOTALL)
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

BAD_ADDRESS = "This is not a web address that can be used. It should look like https://calendar.example.com/dav/."
NO_HTTP = "Only https addresses can be used: over http the password could be read on the way."
NOT_PUBLIC = (
    "This address is not allowed, because it leads into a private network. "
    "The operator can allow it by adding its host:port to the setting CONVENE_LAN_ALLOWED."
)
BAD_PORT = (
    "This port is not allowed (443 and 8443 are). "
    "The operator can allow it by adding its host:port to the setting CONVENE_LAN_ALLOWED."
)


class Refused(Exception):
    """We do not call this address. Nothing was sent. The text is safe to show."""


@dataclass(frozen=True)
class Endpoint:
    """A URL taken apart once, so that what is checked is what is called. `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def hostport(self) -> str:
        return f"{self._bracketed}:{self.port}"

    @property
    def authority(self) -> str:
        usual = self.port == (443 if self.scheme == "https" else 80)
        return self._bracketed if usual else self.hostport

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        return f"{self.origin}{self.path}"

    @cached_property
    def is_listed(self) -> bool:
        """Whether the operator allows this host and port whatever it resolves to."""
        return self.hostport in {entry.strip().lower() for entry in settings.LAN_ALLOWED}


def parse(url: str) -> Endpoint:
    """Take a URL apart; raises Refused for everything that two parsers could read differently."""
    url = url.strip()
    if any(ord(letter) <= 0x20 or letter in "\x7f\\#" for letter in url):
        raise Refused(BAD_ADDRESS)
    shape = _SHAPE.fullmatch(url)
    scheme = _SCHEMES.get(shape["scheme"].lower()) if shape else None
    if shape is None or scheme is None:
        raise Refused(BAD_ADDRESS)
    try:
        parts = urlsplit(f"{scheme}://{shape['rest']}")
        port = parts.port or (443 if scheme == "https" else 80)
        host = _host(parts.hostname or "")
    except ValueError as error:
        raise Refused(BAD_ADDRESS) from error
    if "@" in parts.netloc:
        raise Refused(BAD_ADDRESS)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=?~-._')}" if parts.query else ""
    return Endpoint(scheme, host, port, path + query)


def _host(given: str) -> str:
    """The host as it will be asked for: lower case, punycode, canonical address. Raises ValueError."""
    if ":" in given:
        return str(ipaddress.IPv6Address(given))
    if unicodedata.normalize("NFKC", given) != given:
        raise ValueError("letters that only look like others")
    host = given.removesuffix(".").encode("idna").decode().lower()
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return str(ipaddress.IPv4Address(host))  # 0x7f000001, 0177.0.0.1 and the like are refused here
    if not _HOST.fullmatch(host):
        raise ValueError("not a host name")
    return host


def check_name(target: Endpoint) -> None:
    """What can be judged before anybody's name server is asked; raises Refused."""
    if target.is_listed:
        return
    if _is_private_name(target.host):
        raise Refused(NOT_PUBLIC)
    if target.port not in _PORTS:
        raise Refused(BAD_PORT)


def check_addresses(target: Endpoint, addresses: list[Address]) -> list[Address]:
    """The addresses unchanged when every one of them may be called; raises Refused otherwise."""
    if target.is_listed:
        return addresses
    if any(is_denied(address) for _, address in addresses):
        raise Refused(NOT_PUBLIC)
    if target.scheme == "http":
        raise Refused(NO_HTTP)
    return addresses


def _is_private_name(host: str) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in _PRIVATE_NAMES)


def is_denied(address: str) -> bool:
    """Whether an IP address is loopback, private, reserved or otherwise not a public server."""
    judged = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    return any(judged.version == network.version and judged in network for network in _DENIED)


def _unwrapped(address: _IP) -> _IP:
    if isinstance(address, ipaddress.IPv6Address) and any(address in network for network in _WRAPPED):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address

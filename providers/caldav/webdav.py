"""WebDAV's XML: asking for properties, and reading what 207 and error answers say (RFC 4918, 4791, 6578)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree.ElementTree import Element, ParseError, SubElement, register_namespace, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from providers.http import Response

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
CALSERVER = "{http://calendarserver.org/ns/}"
APPLE = "{http://apple.com/ns/ical/}"

_SEGMENT = "!$&'()*+,;=:@-._~"

for _prefix, _namespace in (("d", DAV), ("c", CALDAV), ("cs", CALSERVER), ("a", APPLE)):
    register_namespace(_prefix, _namespace.strip("{}"))


class NotDav(Exception):
    """The answer is not what a WebDAV server says."""


@dataclass(frozen=True)
class Member:
    """One resource of a multi-status answer. `props` holds what was found (status 200) only."""

    url: str
    status: int
    props: Mapping[str, Element] = field(default_factory=dict)

    def text(self, name: str) -> str:
        found = self.props.get(name)
        return (found.text or "").strip() if found is not None else ""

    def href(self, name: str) -> str:
        """The absolute URL inside a property, or "" when it holds none."""
        return next(iter(self.hrefs(name)), "")

    def hrefs(self, name: str) -> list[str]:
        found = self.props.get(name)
        if found is None:
            return []
        return [urljoin(self.url, node.text.strip()) for node in found.iter(f"{DAV}href") if node.text]

    def has(self, name: str, child: str) -> bool:
        found = self.props.get(name)
        return found is not None and found.find(child) is not None

    @property
    def etag(self) -> str:
        return clean_etag(self.text(f"{DAV}getetag"))


@dataclass(frozen=True)
class MultiStatus:
    members: list[Member]
    sync_token: str = ""

    def at(self, url: str) -> Member | None:
        """The member for one URL; when there is only one, that one, however it spells itself."""
        wanted = canonical(url).rstrip("/")
        exact = next((member for member in self.members if member.url.rstrip("/") == wanted), None)
        return exact or (self.members[0] if len(self.members) == 1 else None)


def canonical(url: str) -> str:
    """One spelling of a URL: lower-case host, no usual port, percent-encoding only where it is needed."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    path = "/".join(quote(unquote(segment), safe=_SEGMENT) for segment in (parts.path or "/").split("/"))
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme.lower()}://{host}{port}{path}{query}"


def clean_etag(text: str) -> str:
    """A strong entity tag fit for a header, or "" for a weak, missing or damaged one (RFC 9110 section 8.8.3)."""
    text = text.strip()
    if not text or text.startswith("W/") or len(text) > 512 or not (text.isascii() and text.isprintable()):
        return ""
    return text if text.startswith('"') else f'"{text}"'


def propfind(names: Iterable[str]) -> bytes:
    root = Element(f"{DAV}propfind")
    _props(root, names)
    return _document(root)


def sync_collection(token: str) -> bytes:
    root = Element(f"{DAV}sync-collection")
    SubElement(root, f"{DAV}sync-token").text = token
    SubElement(root, f"{DAV}sync-level").text = "1"
    _props(root, [f"{DAV}getetag", f"{DAV}getcontenttype"])
    return _document(root)


def multiget(urls: Iterable[str]) -> bytes:
    root = Element(f"{CALDAV}calendar-multiget")
    _props(root, [f"{DAV}getetag", f"{CALDAV}calendar-data"])
    for url in urls:
        SubElement(root, f"{DAV}href").text = urlsplit(url).path
    return _document(root)


def uid_query(uid: str) -> bytes:
    """Ask for the objects of one UID; some servers answer with more, so the caller looks again."""
    root = Element(f"{CALDAV}calendar-query")
    _props(root, [f"{DAV}getetag", f"{CALDAV}calendar-data"])
    node = SubElement(root, f"{CALDAV}filter")
    for component in ("VCALENDAR", "VEVENT"):
        node = SubElement(node, f"{CALDAV}comp-filter", name=component)
    node = SubElement(node, f"{CALDAV}prop-filter", name="UID")
    SubElement(node, f"{CALDAV}text-match", collation="i;octet").text = uid
    return _document(root)


def _props(root: Element, names: Iterable[str]) -> None:
    prop = SubElement(root, f"{DAV}prop")
    for name in names:
        SubElement(prop, name)


def _document(root: Element) -> bytes:
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def read_multistatus(answer: Response) -> MultiStatus:
    """Take a 207 answer apart; raises NotDav. Resources of other hosts are left out."""
    root = _xml(answer)
    if answer.status != 207 or root is None or root.tag != f"{DAV}multistatus":
        raise NotDav
    host = urlsplit(answer.url).hostname
    members = [member for node in root.iterfind(f"{DAV}response") for member in _members(node, answer.url)]
    same_host = [member for member in members if urlsplit(member.url).hostname == host]
    return MultiStatus(same_host, (root.findtext(f"{DAV}sync-token") or "").strip())


def _members(node: Element, base: str) -> Iterator[Member]:
    status = _status(node.findtext(f"{DAV}status"))
    props: dict[str, Element] = {}
    for propstat in node.iterfind(f"{DAV}propstat"):
        if _status(propstat.findtext(f"{DAV}status")) == 200:
            props |= {child.tag: child for child in propstat.find(f"{DAV}prop") or ()}
    for href in node.iterfind(f"{DAV}href"):
        url = _joined(base, (href.text or "").strip())
        if url:
            yield Member(url, status, props)


def _joined(base: str, href: str) -> str:
    try:
        return canonical(urljoin(base, href))
    except ValueError:
        return ""


def _status(line: str | None) -> int:
    """The number of a status line such as "HTTP/1.1 404 Not Found"; 200 when there is none."""
    words = (line or "").split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 200


def preconditions(answer: Response) -> dict[str, list[str]]:
    """What an error answer names as its reason: {element: hrefs inside it} (RFC 4918 section 16).

    The status number alone says little: for a UID in use three servers answer with three different ones.
    """
    root = _xml(answer)
    if root is None or root.tag != f"{DAV}error":
        return {}
    return {
        child.tag: [urljoin(answer.url, href.text.strip()) for href in child.iter(f"{DAV}href") if href.text]
        for child in root
    }


def _xml(answer: Response) -> Element | None:
    if not answer.body.strip():
        return None
    try:
        root: Element = fromstring(answer.body)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    return root

"""The WSGI application that granian and any other WSGI server load."""

from __future__ import annotations

import io
import os
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Request(WSGIRequest):
    """A request whose text is UTF-8, whatever its Content-Type says.

    Django lets the client choose the codec and applies it to the query before any error handling is in place: a
    charset such as base64, or a thousand parameters beside any charset, would be answered with 500.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        self._sent: Any = self._stream  # Django replaces it by what it read

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}

    @property
    def is_taken(self) -> bool:
        """Whether everything that was sent has been read from the connection."""
        return bool(self._sent._pos >= self._sent.limit)


class Handler(WSGIHandler):
    request_class = Request

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """An answer given before the whole body was read (413, 401) says that the connection ends with it.

        The server closes it, for what follows on it is not the next request. A client that is not told would send its
        next one there, and lose it.
        """
        response: HttpResponseBase = super().get_response(request)
        if isinstance(request, Request) and not request.is_taken and not _is_wsgiref(request):
            response["Connection"] = "close"
        return response

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower() and not environ.get("CONTENT_LENGTH"):
            _gather_chunks(environ)
        return super().__call__(environ, start_response)


def _is_wsgiref(request: Request) -> bool:
    """`runserver`, which answers 500 when an application names the connection."""
    return str(request.META.get("SERVER_SOFTWARE", "")).startswith("WSGIServer")


def _gather_chunks(environ: dict[str, Any]) -> None:
    """Give a body sent in chunks the length that Django needs to see it; .NET and Node send JSON so."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1  # one byte more than is accepted: refused as too large
    content = environ["wsgi.input"].read(most)
    environ["wsgi.input"] = io.BytesIO(content)
    environ["CONTENT_LENGTH"] = str(len(content))


django.setup(set_prefix=False)
application = Handler()

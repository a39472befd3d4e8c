"""The WSGI application that granian and any other WSGI server load."""

from __future__ import annotations

import io
import os
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Request(WSGIRequest):
    """A request whose text is UTF-8, whatever its Content-Type says.

    Django lets the client choose the codec and applies it to the query before any error handling is in place: a
    charset such as base64, or a thousand parameters beside any charset, would be answered with 500.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    request_class = Request

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower() and not environ.get("CONTENT_LENGTH"):
            _gather_chunks(environ)
        return super().__call__(environ, start_response)


def _gather_chunks(environ: dict[str, Any]) -> None:
    """Give a body sent in chunks the length that Django needs to see it; .NET and Node send JSON so."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1  # one byte more than is accepted: refused as too large
    content = environ["wsgi.input"].read(most)
    environ["wsgi.input"] = io.BytesIO(content)
    environ["CONTENT_LENGTH"] = str(len(content))


django.setup(set_prefix=False)
application = Handler()

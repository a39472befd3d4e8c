"""The operator's pages: every tenant's objects, for superusers and staff with Django permissions.

Nothing here shows a secret: credentials, link tokens, key digests, frozen bodies and message payloads have no field on
any page. What a domain verb owns is read-only and changed through actions that call the verb.
"""

from __future__ import annotations

from . import access, commitments, connections, offers, outgoing, people

__all__ = ["access", "commitments", "connections", "offers", "outgoing", "people"]

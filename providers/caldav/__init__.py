"""CalDAV (RFC 4791): any server that speaks it, with a user name and a password."""

"""Pure scheduling arithmetic: integers in, integers out; no Django, no network, no database."""

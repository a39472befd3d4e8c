"""Django's SQLite backend, with patient writers: see `base`."""

"""Google Calendar API v3: events under ids of our choosing."""

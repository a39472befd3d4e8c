"""Mails out of messages: words, languages, calendar parts. Reads the frozen payload and writes nothing."""

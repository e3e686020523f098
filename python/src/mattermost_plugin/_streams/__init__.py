"""Streams: what flows beside hooks and API calls, in both colours."""

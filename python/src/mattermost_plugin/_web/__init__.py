"""Applications that are mounted under the plugin's URL: ASGI with WebSockets, and WSGI."""

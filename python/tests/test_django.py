"""Django, by both interfaces."""

from __future__ import annotations

import asyncio
import json
import sys
import types
from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("httpx2", reason="its current release needs Python 3.11")

import django
import httpx2
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path, reverse

from mattermost_plugin._gen.models import Context
from mattermost_plugin._web.asgi import AsgiHandler
from mattermost_plugin._web.wsgi import WsgiHandler
from web_fakes import PATIENCE, ROOT, BlockingBody, BlockingWriter, fake_plugin, make_request
from web_front import front


def show(request: HttpRequest) -> HttpResponse:
    """Answer with what Django has understood."""
    return JsonResponse(
        {
            "path": request.path,
            "path_info": request.path_info,
            "reverse": reverse("show"),
            "user": request.META.get("HTTP_MATTERMOST_USER_ID", ""),
            "body": request.body.decode(),
            "cookies": request.COOKIES,
            "host": request.get_host(),
        }
    )


async def stream(request: HttpRequest) -> HttpResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two"):
            yield piece

    return StreamingHttpResponse(pieces())


def fail(request: HttpRequest) -> HttpResponse:
    raise ValueError("secret")


@pytest.fixture(scope="module", autouse=True)
def _django():
    urls = types.ModuleType("django_test_urls")
    urls.urlpatterns = [path("café/", show, name="show"), path("stream", stream), path("fail", fail)]  # type: ignore[attr-defined]  # made here
    sys.modules[urls.__name__] = urls
    settings.configure(ROOT_URLCONF=urls.__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", LOGGING_CONFIG=None)
    django.setup()


HEADERS = [("Cookie", "a=1; b=2"), ("Mattermost_user_id", "mallory")]


def serve_wsgi(method: str, target: str, body: bytes = b"", headers: Any = ()) -> BlockingWriter:
    writer = BlockingWriter()
    request = make_request(method, target, headers=headers, body=BlockingBody([body] if body else []))
    WsgiHandler(get_wsgi_application(), fake_plugin()).serve(Context(), writer, request)  # type: ignore[arg-type]  # fakes
    return writer


def test_wsgi():
    headers = [*HEADERS, ("Content-Length", "4"), ("Mattermost-User-Id", "alice")]
    writer = serve_wsgi("POST", "/caf%C3%A9/", b"body", headers)
    assert writer.status_code == 200
    assert json.loads(writer.body) == {
        "path": f"{ROOT}/café/",
        "path_info": "/café/",
        "reverse": f"{ROOT}/caf%C3%A9/",
        "user": "alice",
        "body": "body",
        "cookies": {"a": "1", "b": "2"},
        "host": "chat.example.com",
    }


def test_wsgi_does_not_believe_a_client():
    assert json.loads(serve_wsgi("GET", "/caf%C3%A9/", headers=HEADERS).body)["user"] == ""


def test_wsgi_fails_without_telling_why():
    writer = serve_wsgi("GET", "/fail")
    assert writer.status_code == 500
    assert "secret" not in writer.text


def test_asgi():
    async def main() -> None:
        handler = AsgiHandler(get_asgi_application(), fake_plugin())
        await handler.startup()  # Django has no lifespan
        async with front(handler) as running:
            running.user_id = "alice"
            base = f"http://{running.address}{ROOT}"
            async with httpx2.AsyncClient(base_url=base, timeout=PATIENCE, trust_env=False) as client:
                response = await client.post("/caf%C3%A9/", content=b"body", headers=dict(HEADERS))
                assert response.json() == {
                    "path": f"{ROOT}/café/",
                    "path_info": "/café/",
                    "reverse": f"{ROOT}/caf%C3%A9/",
                    "user": "alice",
                    "body": "body",
                    "cookies": {"a": "1", "b": "2"},
                    "host": running.address,
                }
                assert (await client.get("/stream")).text == "one two"
                response = await client.get("/fail")
                assert response.status_code == 500
                assert "secret" not in response.text
            await running.idle()
        await handler.shutdown()

    asyncio.run(main())

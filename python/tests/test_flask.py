"""Flask, a real WSGI framework."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from flask import Flask, Response, jsonify, request, send_file, stream_with_context, url_for

from mattermost_plugin._gen.models import Context
from mattermost_plugin._web.wsgi import WsgiHandler
from web_fakes import ROOT, BlockingBody, BlockingWriter, fake_plugin, make_request


@pytest.fixture(scope="module")
def app() -> Flask:
    app = Flask(__name__)

    @app.get("/show/<name>")
    def show(name: str) -> Any:
        environ = request.environ
        return jsonify(
            name=name,
            user=environ.get("REMOTE_USER"),
            user_id=environ["mattermost.user_id"],
            url=url_for("show", name="a b"),
            cookies=request.cookies,
            args=request.args,
        )

    @app.post("/upload")
    def upload() -> Any:
        return {name: len(file.read()) for name, file in request.files.items()}

    @app.post("/length")
    def length() -> Any:
        return str(len(request.get_data()))

    @app.get("/stream")
    def stream() -> Any:
        return Response(stream_with_context(iter(["one ", "two"])))

    @app.get("/file")
    def file() -> Any:
        return send_file(io.BytesIO(b"x" * 100_000), download_name="x.bin")

    @app.get("/fail")
    def fail() -> Any:
        raise ValueError("secret")

    @app.get("/break")
    def break_off() -> Any:
        def generate() -> Any:
            yield "one"
            raise ValueError("secret")

        return Response(generate())

    return app


def serve(app: Flask, method: str, target: str, body: tuple[bytes, ...] = (), headers: Any = ()) -> BlockingWriter:
    writer = BlockingWriter()
    call = make_request(method, target, headers=headers, body=BlockingBody(body))
    WsgiHandler(app, fake_plugin()).serve(Context(), writer, call)  # type: ignore[arg-type]  # fakes
    return writer


def test_routes_arguments_cookies_and_the_user(app):
    headers = [("Cookie", "a=1"), ("Cookie", "b=2"), ("Mattermost-User-Id", "alice")]
    writer = serve(app, "GET", "/show/caf%C3%A9?x=1", headers=headers)
    assert json.loads(writer.body) == {
        "name": "café",
        "user": "alice",
        "user_id": "alice",
        "url": f"{ROOT}/show/a%20b",
        "cookies": {"a": "1", "b": "2"},
        "args": {"x": "1"},
    }
    assert writer.events[0] == 200
    assert "flush" not in writer.events  # Flask tells the length


def test_uploads(app):
    part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + b"z" * 100_000 + b"\r\n--x--\r\n"
    headers = [("Content-Type", "multipart/form-data; boundary=x"), ("Content-Length", str(len(part)))]
    assert json.loads(serve(app, "POST", "/upload", (part[:7], part[7:]), headers).body) == {"f": 100_000}


def test_a_body_of_unknown_length(app):
    assert serve(app, "POST", "/length", (b"a" * 70_000, b"b")).text == "70001"


def test_streams_leave_piece_by_piece(app):
    assert serve(app, "GET", "/stream").events == [200, b"one ", "flush", b"two", "flush"]


def test_files(app):
    assert serve(app, "GET", "/file").body == b"x" * 100_000
    writer = serve(app, "GET", "/file", headers=[("Range", "bytes=5-9")])
    assert (writer.status_code, writer.body) == (206, b"xxxxx")


def test_a_fault_is_a_500_without_its_text(app):
    writer = serve(app, "GET", "/fail")
    assert writer.status_code == 500
    assert "secret" not in writer.text


def test_a_fault_in_a_stream_is_raised(app):
    with pytest.raises(ValueError, match="secret"):
        serve(app, "GET", "/break")

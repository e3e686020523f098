"""A Flask application under the URL of a plugin."""

import hashlib
from collections.abc import Iterator

from flask import Flask, Response, request, url_for

from mattermost_plugin import Plugin

BLOCK = bytes(range(256)) * 256
app = Flask(__name__)


@app.get("/hello")
def hello() -> dict[str, str | None]:
    """Greet the user."""
    return {"user": request.environ.get("REMOTE_USER"), "own": request.environ["mattermost.user_id"]}


@app.get("/where")
def where() -> dict[str, str]:
    """Tell the URL of another route, as links need it."""
    return {"url": url_for("hello")}


@app.post("/hash")
def digest() -> dict[str, str | int]:
    """Read the body in pieces."""
    made, count = hashlib.sha256(), 0
    while piece := request.stream.read(65536):
        made.update(piece)
        count += len(piece)
    return {"bytes": count, "sha256": made.hexdigest()}


@app.get("/down")
def down() -> Response:
    """Send so many bytes."""
    size = int(request.args["size"])

    def body() -> Iterator[bytes]:
        for start in range(0, size, len(BLOCK)):
            yield BLOCK[: min(len(BLOCK), size - start)]

    return Response(body())


@app.get("/headers")
def headers() -> dict[str, str]:
    """Show the headers as WSGI has them."""
    return {name: value for name, value in request.environ.items() if name.startswith("HTTP_")}


@app.get("/raise")
def fail() -> Response:
    """Fail where Flask does not catch it."""
    app.config["PROPAGATE_EXCEPTIONS"] = True
    raise RuntimeError("the secret of this plugin")


@app.get("/raise-late")
def fail_late() -> Response:
    """Fail after the first byte."""

    def body() -> Iterator[bytes]:
        yield b"begun"
        raise RuntimeError("the secret of this plugin")

    return Response(body())


class Web(Plugin):
    """Mounts the application."""

    def __init__(self) -> None:
        self.mount(app)

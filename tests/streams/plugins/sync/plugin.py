"""Serves the HTTP requests of the stream tests with a `def` handler; `../async` does the same with `async def`."""

import hashlib
import json
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from mattermost_plugin import HookName, Plugin, PluginAPIError, ValidationError, hook
from mattermost_plugin.files import ReplacementFile, StreamSource, UploadedFile
from mattermost_plugin.http import ClientDisconnectedError, HTTPRequest, HTTPResponseWriter
from mattermost_plugin.models import Context, FileInfo, UploadSession

BLOCK = bytes(range(256)) * 256


def pieces(size: int) -> Iterator[bytes]:
    """Yield so many bytes of a pattern."""
    for start in range(0, size, len(BLOCK)):
        yield BLOCK[: min(len(BLOCK), size - start)]


class Streams(Plugin):
    """Every path is a method: `/down` is `down`."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.gone = 0
        self.pumped = 0
        self.kept: HTTPResponseWriter | None = None
        self.lock = threading.Lock()

    @hook(HookName.ServeHTTP)
    def serve(self, context: Context, response: HTTPResponseWriter, request: HTTPRequest) -> None:
        """Find the method for the path."""
        handler = getattr(self, "get_" + request.path.strip("/").replace("-", "_"), None)
        if handler is None:
            response.write_header(404)
            response.write("no such path")
            return
        try:
            handler(request, response)
        except ClientDisconnectedError:
            with self.lock:
                self.gone += 1
            raise

    def get_hello(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Greet the user."""
        response.headers["Content-Type"] = "text/plain"
        response.write(f"hello {request.user_id or 'stranger'}")

    def get_request(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Show what the request is."""
        seen = {
            name: getattr(request, name)
            for name in ("method", "url", "path", "raw_query", "query", "proto", "host", "user_id", "plugin_id")
        }
        more = {"content_length": request.content_length, "root_path": request.root_path, "uri": request.request_uri}
        response.headers["Content-Type"] = "application/json"
        response.write(json.dumps({**seen, **more, "headers": request.headers.to_dict()}))

    def get_echo(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Send the body back while it comes."""
        for piece in request.body:
            response.write(piece)
            response.flush()

    def get_hash(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Read the body in pieces and tell what it was."""
        digest, count = hashlib.sha256(), 0
        while piece := request.read(65536):
            digest.update(piece)
            count += len(piece)
        response.write(json.dumps({"bytes": count, "sha256": digest.hexdigest()}))

    def get_down(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Send so many bytes of a pattern."""
        left = int(request.query["bytes"][0])
        while left > 0:
            left -= response.write(BLOCK[: min(left, len(BLOCK))])

    def get_late(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Send a first line, and the second when another request allows it."""
        self.release.clear()
        response.write("first\n")
        response.flush()
        self.release.wait(20)
        response.write("second\n")

    def get_release(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Let `/late` go on."""
        self.release.set()

    def get_status(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Answer with a status."""
        response.write_header(int(request.query["code"][0]))
        response.write("text")

    def get_cookies(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Set two cookies, and delete a header that the server has set."""
        response.add_header("Set-Cookie", "a=1")
        response.add_header("Set-Cookie", "b=2")
        if "delete" in request.query:
            del response.headers["X-Refhost"]
        response.write("cookies")
        response.headers["X-Late"] = "no effect"

    def get_raise(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Fail before anything is sent."""
        response.headers["X-Half"] = "done"
        raise RuntimeError("the secret of this plugin")

    def get_raise_late(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Fail after the first byte."""
        response.write("begun")
        response.flush()
        raise RuntimeError("the secret of this plugin")

    def get_newline(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Try to smuggle a header in."""
        try:
            response.headers["X-Test"] = "a\r\nX-Smuggled: b"
        except ValidationError as error:
            response.write(f"refused: {error}")

    def get_longer(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Send more than was said."""
        response.headers["Content-Length"] = "8"
        response.write("hello")
        if "late" in request.query:
            response.flush()
        response.write(" world")

    def get_keep(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Keep the writer for `/kept`."""
        response.write("kept")
        self.kept = response

    def get_kept(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Write to the writer of a response that is complete."""
        try:
            assert self.kept is not None  # the test asks for /keep first
            self.kept.write("too late")
            self.kept.flush()
        except RuntimeError as error:
            response.write(f"refused: {error}")

    def get_pump(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Write for as long as the client is there."""
        self.pumped = 0
        while True:
            self.pumped += response.write(BLOCK)

    def get_pumped(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Tell how many bytes `/pump` has written, and how many clients have left."""
        response.write(json.dumps({"bytes": self.pumped, "gone": self.gone}))

    def get_hijack(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Take the connection over and repeat what comes, in capitals."""
        connection = response.hijack()
        connection.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
        connection.set_deadline(None)
        connection.set_write_deadline(30)
        while line := connection.read():
            if line == b"wait\n":
                connection.set_read_deadline(0.05)
                try:
                    connection.read()
                except TimeoutError:
                    connection.write(b"timeout\n")
                connection.set_read_deadline(None)
            elif line == b"buffered\n":
                # More than the server's buffer holds, so that it is sent without a flush, which nobody can ask for.
                connection.write_buffered(b"x" * 5000)
            elif line == b"close\n":
                connection.close()
                return
            else:
                connection.write(line.upper())

    def get_upload(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Upload so many bytes from one of the kinds of sources."""
        size = int(request.query["bytes"][0])
        session = UploadSession(filename=request.query["name"][0], file_size=size)
        with tempfile.NamedTemporaryFile() as file:
            for piece in pieces(size):
                file.write(piece)
            file.seek(0)
            kind = request.query["source"][0]
            source: StreamSource
            if kind == "bytes":
                source = b"".join(pieces(size))
            elif kind == "path":
                file.flush()
                source = Path(file.name)
            elif kind == "file":
                source = file.file
            else:
                source = self.pieces_with_calls(size)
            try:
                info = self.api.upload_data(session, source)
            except PluginAPIError as error:
                response.write(json.dumps({"error": error.message, "status": error.status_code}))
                return
        assert info is not None  # only a part of an upload is answered with nothing
        response.write(json.dumps({"size": info.size, "sha256": info.name}))

    def pieces_with_calls(self, size: int) -> Iterator[bytes]:
        """Yield pieces, and call the API in between, on the same connection."""
        for piece in pieces(size):
            assert self.api.get_plugin_id() == self.plugin_id
            yield piece

    def get_install(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Install the body as a plugin."""
        try:
            manifest = self.api.install_plugin(request.body, replace=True)
        except PluginAPIError as error:
            response.write(json.dumps({"error": error.message}))
            return
        response.write(json.dumps({"sha256": manifest.id, "size": manifest.version, "how": manifest.description}))

    def get_proxy(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Pass the request on to another plugin, and its answer back, both in pieces."""
        url = request.query["url"][0]
        with self.api.plugin_http(request.method, url, {"X-Repeated": ["a", "b"]}, request.body) as answer:
            for name, value in answer.headers.pairs():
                response.add_header(name, value)
            response.write_header(answer.status)
            for piece in answer:
                response.write(piece)
                response.flush()

    def get_leave(self, request: HTTPRequest, response: HTTPResponseWriter) -> None:
        """Ask another plugin and read only the beginning of what it answers."""
        answer = self.api.plugin_http("GET", request.query["url"][0])
        response.write(answer.read(10))

    @hook(HookName.FileWillBeUploaded)
    def check(
        self, context: Context, info: FileInfo, file: UploadedFile, output: ReplacementFile
    ) -> FileInfo | str | None:
        """Do what the file's name says."""
        if info.name.startswith("reject"):
            return "not this one"
        if info.name.startswith("head"):
            return FileInfo(name=file.read(4).decode())
        if info.name.startswith("shout"):
            for piece in file:
                output.write(piece.upper())
            return None
        if info.name.startswith("rename"):
            info.name = "renamed.txt"
            return info
        if info.name.startswith("raise"):
            raise RuntimeError("the secret of this plugin")
        return None

"""Serves the HTTP requests of the stream tests with an `async def` handler; `../sync` does the same with `def`."""

import asyncio
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from mattermost_plugin import HookName, Plugin, PluginAPIError, ValidationError, hook
from mattermost_plugin.files import AsyncReplacementFile, AsyncStreamSource, AsyncUploadedFile
from mattermost_plugin.http import AsyncHTTPRequest, AsyncHTTPResponseWriter, ClientDisconnectedError
from mattermost_plugin.models import Context, FileInfo, UploadSession

BLOCK = bytes(range(256)) * 256


def pieces(size: int) -> Iterator[bytes]:
    """Yield so many bytes of a pattern."""
    for start in range(0, size, len(BLOCK)):
        yield BLOCK[: min(len(BLOCK), size - start)]


class Streams(Plugin):
    """Every path is a method: `/down` is `down`."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.gone = 0
        self.pumped = 0
        self.kept: AsyncHTTPResponseWriter | None = None

    @hook(HookName.ServeHTTP)
    async def serve(self, context: Context, response: AsyncHTTPResponseWriter, request: AsyncHTTPRequest) -> None:
        """Find the method for the path."""
        handler = getattr(self, "get_" + request.path.strip("/").replace("-", "_"), None)
        if handler is None:
            response.write_header(404)
            await response.write("no such path")
            return
        try:
            await handler(request, response)
        except (ClientDisconnectedError, asyncio.CancelledError):
            self.gone += 1
            raise

    async def get_hello(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Greet the user."""
        response.headers["Content-Type"] = "text/plain"
        await response.write(f"hello {request.user_id or 'stranger'}")

    async def get_request(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Show what the request is."""
        seen = {
            name: getattr(request, name)
            for name in ("method", "url", "path", "raw_query", "query", "proto", "host", "user_id", "plugin_id")
        }
        more = {"content_length": request.content_length, "root_path": request.root_path, "uri": request.request_uri}
        response.headers["Content-Type"] = "application/json"
        await response.write(json.dumps({**seen, **more, "headers": request.headers.to_dict()}))

    async def get_echo(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Send the body back while it comes."""
        async for piece in request.body:
            await response.write(piece)
            await response.flush()

    async def get_hash(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Read the body in pieces and tell what it was."""
        digest, count = hashlib.sha256(), 0
        while piece := await request.read(65536):
            digest.update(piece)
            count += len(piece)
        await response.write(json.dumps({"bytes": count, "sha256": digest.hexdigest()}))

    async def get_down(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Send so many bytes of a pattern."""
        left = int(request.query["bytes"][0])
        while left > 0:
            left -= await response.write(BLOCK[: min(left, len(BLOCK))])

    async def get_late(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Send a first line, and the second when another request allows it."""
        self.release.clear()
        await response.write("first\n")
        await response.flush()
        await asyncio.wait_for(self.release.wait(), 20)
        await response.write("second\n")

    async def get_release(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Let `/late` go on."""
        self.release.set()

    async def get_status(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Answer with a status."""
        response.write_header(int(request.query["code"][0]))
        await response.write("text")

    async def get_cookies(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Set two cookies, and delete a header that the server has set."""
        response.add_header("Set-Cookie", "a=1")
        response.add_header("Set-Cookie", "b=2")
        if "delete" in request.query:
            del response.headers["X-Refhost"]
        await response.write("cookies")
        response.headers["X-Late"] = "no effect"

    async def get_raise(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Fail before anything is sent."""
        response.headers["X-Half"] = "done"
        raise RuntimeError("the secret of this plugin")

    async def get_raise_late(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Fail after the first byte."""
        await response.write("begun")
        await response.flush()
        raise RuntimeError("the secret of this plugin")

    async def get_newline(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Try to smuggle a header in."""
        try:
            response.headers["X-Test"] = "a\r\nX-Smuggled: b"
        except ValidationError as error:
            await response.write(f"refused: {error}")

    async def get_longer(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Send more than was said."""
        response.headers["Content-Length"] = "8"
        await response.write("hello")
        if "late" in request.query:
            await response.flush()
        await response.write(" world")

    async def get_keep(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Keep the writer for `/kept`."""
        await response.write("kept")
        self.kept = response

    async def get_kept(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Write to the writer of a response that is complete."""
        try:
            assert self.kept is not None  # the test asks for /keep first
            await self.kept.write("too late")
            await self.kept.flush()
        except RuntimeError as error:
            await response.write(f"refused: {error}")

    async def get_pump(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Write for as long as the client is there."""
        self.pumped = 0
        while True:
            self.pumped += await response.write(BLOCK)

    async def get_pumped(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Tell how many bytes `/pump` has written, and how many clients have left."""
        await response.write(json.dumps({"bytes": self.pumped, "gone": self.gone}))

    async def get_hijack(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Take the connection over and repeat what comes, in capitals."""
        connection = await response.hijack()
        await connection.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
        await connection.set_deadline(None)
        await connection.set_write_deadline(30)
        while line := await connection.read():
            if line == b"wait\n":
                await connection.set_read_deadline(0.05)
                try:
                    await connection.read()
                except TimeoutError:
                    await connection.write(b"timeout\n")
                await connection.set_read_deadline(None)
            elif line == b"buffered\n":
                # More than the server's buffer holds, so that it is sent without a flush, which nobody can ask for.
                await connection.write_buffered(b"x" * 5000)
            elif line == b"close\n":
                await connection.close()
                return
            else:
                await connection.write(line.upper())

    async def get_upload(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Upload so many bytes from one of the kinds of sources."""
        size = int(request.query["bytes"][0])
        session = UploadSession(filename=request.query["name"][0], file_size=size)
        with tempfile.NamedTemporaryFile() as file:
            for piece in pieces(size):
                file.write(piece)
            file.seek(0)
            kind = request.query["source"][0]
            source: AsyncStreamSource
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
                info = await self.async_api.upload_data(session, source)
            except PluginAPIError as error:
                await response.write(json.dumps({"error": error.message, "status": error.status_code}))
                return
        assert info is not None  # only a part of an upload is answered with nothing
        await response.write(json.dumps({"size": info.size, "sha256": info.name}))

    async def pieces_with_calls(self, size: int) -> AsyncIterator[bytes]:
        """Yield pieces, and call the API in between, on the same connection."""
        for piece in pieces(size):
            assert await self.async_api.get_plugin_id() == self.plugin_id
            yield piece

    async def get_install(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Install the body as a plugin."""
        try:
            manifest = await self.async_api.install_plugin(request.body, replace=True)
        except PluginAPIError as error:
            await response.write(json.dumps({"error": error.message}))
            return
        await response.write(json.dumps({"sha256": manifest.id, "size": manifest.version, "how": manifest.description}))

    async def get_proxy(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Pass the request on to another plugin, and its answer back, both in pieces."""
        url = request.query["url"][0]
        proxied = await self.async_api.plugin_http(request.method, url, {"X-Repeated": ["a", "b"]}, request.body)
        async with proxied as answer:
            for name, value in answer.headers.pairs():
                response.add_header(name, value)
            response.write_header(answer.status)
            async for piece in answer:
                await response.write(piece)
                await response.flush()

    async def get_leave(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        """Ask another plugin and read only the beginning of what it answers."""
        answer = await self.async_api.plugin_http("GET", request.query["url"][0])
        await response.write(await answer.read(10))

    @hook(HookName.FileWillBeUploaded)
    async def check(
        self, context: Context, info: FileInfo, file: AsyncUploadedFile, output: AsyncReplacementFile
    ) -> FileInfo | str | None:
        """Do what the file's name says."""
        if info.name.startswith("reject"):
            return "not this one"
        if info.name.startswith("head"):
            return FileInfo(name=(await file.read(4)).decode())
        if info.name.startswith("shout"):
            async for piece in file:
                await output.write(piece.upper())
            return None
        if info.name.startswith("rename"):
            info.name = "renamed.txt"
            return info
        if info.name.startswith("raise"):
            raise RuntimeError("the secret of this plugin")
        return None

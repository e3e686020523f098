"""WSGI (PEP 3333): the environ, the response, and the files."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any
from wsgiref.validate import validator

import pytest

from mattermost_plugin._errors import ClientDisconnectedError
from mattermost_plugin._gen.models import Context
from mattermost_plugin._web.wsgi import WsgiHandler
from mattermost_plugin._web.wsgi_environ import build_environ
from mattermost_plugin._web.wsgi_files import ErrorLog, FileWrapper
from web_fakes import ROOT, BlockingBody, BlockingWriter, RecordingLogger, fake_plugin, make_request

App = Callable[[dict[str, Any], Any], Any]


def serve(app: App, request: Any = None, writer: BlockingWriter | None = None) -> BlockingWriter:
    writer = writer or BlockingWriter()
    WsgiHandler(app, fake_plugin()).serve(Context(), writer, request or make_request(body=BlockingBody()))  # type: ignore[arg-type]  # fakes
    return writer


def environ_of(request: Any) -> dict[str, Any]:
    return build_environ(request, fake_plugin())


def returns(blocks: Any, status: str = "200 OK", headers: Any = ()) -> App:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, list(headers))
        return blocks

    return app


# The environ


def test_the_environ_is_what_the_specification_says():
    request = make_request(
        "POST",
        "/caf%C3%A9/a%2Fb?x=1&y=%20",
        headers=[
            ("Content-Type", "text/plain"),
            ("Content-Length", "2"),
            ("X-Two", "a"),
            ("X-Two", "b"),
            ("Cookie", "a=1"),
            ("Cookie", "b=2"),
            ("X-Name", "Käse"),
            ("Mattermost-User-Id", "alice"),
        ],
        body=BlockingBody([b"hi"]),
    )
    environ = environ_of(request)
    expected = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": ROOT,
        "PATH_INFO": "/caf\xc3\xa9/a/b",
        "QUERY_STRING": "x=1&y=%20",
        "REQUEST_URI": f"{ROOT}/caf%C3%A9/a%2Fb?x=1&y=%20",
        "SERVER_NAME": "chat.example.com",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_PORT": "5123",
        "REMOTE_USER": "alice",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "2",
        "HTTP_HOST": "chat.example.com",
        "HTTP_X_TWO": "a,b",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_NAME": "K\xc3\xa4se",
        "HTTP_MATTERMOST_USER_ID": "alice",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "mattermost.user_id": "alice",
        "mattermost.plugin_id": "",
    }
    assert {key: environ[key] for key in expected} == expected
    assert environ["wsgi.input"].read() == b"hi"
    assert environ["mattermost.context"].request_id == "request-1"
    assert "HTTP_CONTENT_LENGTH" not in environ


def test_nobody_is_signed_in():
    environ = environ_of(make_request(body=BlockingBody()))
    assert "REMOTE_USER" not in environ
    assert environ["mattermost.user_id"] == ""
    assert "CONTENT_LENGTH" not in environ


def test_headers_that_could_pose_as_others_are_left_out():
    headers = [("Mattermost_user_id", "mallory"), ("Content_Length", "7"), ("Proxy", "evil:1"), ("Host", "evil")]
    environ = environ_of(make_request(headers=headers, body=BlockingBody()))
    assert not {"HTTP_MATTERMOST_USER_ID", "HTTP_CONTENT_LENGTH", "CONTENT_LENGTH", "HTTP_PROXY"} & set(environ)
    assert environ["HTTP_HOST"] == "chat.example.com"


def test_tls_is_behind_a_proxy():
    environ = environ_of(make_request(headers=[("X-Forwarded-Proto", "https")], body=BlockingBody()))
    assert (environ["wsgi.url_scheme"], environ["SERVER_PORT"]) == ("https", "443")


def test_the_input_is_a_file():
    def body() -> Any:
        return environ_of(make_request("POST", body=BlockingBody([b"one\ntw", b"o\nthr", b"ee"])))["wsgi.input"]

    assert body().read() == b"one\ntwo\nthree"
    assert body().read(5) == b"one\nt"
    assert body().readline() == b"one\n"
    assert body().readlines() == [b"one\n", b"two\n", b"three"]
    assert list(body()) == [b"one\n", b"two\n", b"three"]
    file = body()
    assert [file.read(8), file.read(8), file.read(8)] == [b"one\ntwo\n", b"three", b""]


def test_a_client_that_leaves_is_not_the_end_of_the_body():
    file = environ_of(make_request("POST", body=BlockingBody([b"part"], breaks=True)))["wsgi.input"]
    with pytest.raises(ClientDisconnectedError):
        file.read()


# The response


def test_one_block_is_one_burst_with_its_length():
    writer = serve(returns([b"hello"], "201 Created", [("X-A", "1")]))
    assert writer.events == [201, b"hello"]
    assert writer.sent_headers is not None
    assert writer.sent_headers.to_dict() == {"X-A": ["1"], "Content-Length": ["5"]}


def test_blocks_of_a_generator_leave_at_once():
    writer = serve(returns(iter([b"a", b"", b"b"])))
    assert writer.events == [200, b"a", "flush", b"b", "flush"]


def test_the_last_block_of_known_length_needs_no_flush():
    writer = serve(returns(iter([b"a", b"b"]), headers=[("content-length", "2")]))
    assert writer.events == [200, b"a", "flush", b"b"]


def test_no_blocks_at_all():
    assert serve(returns([])).events == [200]


def test_headers_replace_the_servers_and_may_repeat():
    writer = BlockingWriter()
    writer.headers["Vary"] = "Origin"
    headers = [
        ("Set-Cookie", "a=1"),
        ("vary", "Accept"),
        ("set-cookie", "b=2"),
        ("X-Name", "K\xc3\xa4se"),
        ("X-Old", "K\xe4se"),
    ]
    serve(returns([], headers=headers), writer=writer)
    assert writer.sent_headers is not None
    assert writer.sent_headers.to_dict() == {
        "Vary": ["Accept"],
        "Set-Cookie": ["a=1", "b=2"],
        "X-Name": ["Käse"],
        "X-Old": ["Käse"],
    }


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_statuses_without_a_body_get_none(status):
    assert serve(returns([b"abc"], status, [("Content-Length", "3")])).events == [int(status[:3])]


def test_a_head_request_may_tell_a_length_without_a_body():
    request = make_request("HEAD", body=BlockingBody())
    assert serve(returns([], headers=[("Content-Length", "3")]), request).events == [200]


def test_write_sends_at_once():
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        write = start_response("200 OK", [])
        write(b"a")
        return [b"b"]

    assert serve(app).events == [200, b"a", "flush", b"b", "flush"]


def test_start_response_may_come_with_the_first_block():
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("404 Not Found", [])
        yield b"nothing here"

    assert serve(app).events == [404, b"nothing here", "flush"]


def test_an_error_before_the_first_byte_may_replace_the_response():
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("X-A", "1")])
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oops", [("X-B", "2")], sys.exc_info())
        return [b"sorry"]

    writer = serve(app)
    assert writer.events == [500, b"sorry"]
    assert writer.sent_headers is not None
    assert "X-A" not in writer.sent_headers


def test_an_error_after_the_first_byte_is_raised_again():
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"a"
        try:
            raise ValueError("secret")
        except ValueError:
            start_response("500 Oops", [], sys.exc_info())

    writer = BlockingWriter()
    with pytest.raises(ValueError, match="secret"):
        serve(app, writer=writer)
    assert writer.events == [200, b"a", "flush"]


def fails_at_once(environ: dict[str, Any], start_response: Any) -> Any:
    raise ValueError("secret")


def fails_before_the_first_byte(environ: dict[str, Any], start_response: Any) -> Any:
    start_response("200 OK", [])
    yield b""
    raise ValueError("secret")


def starts_twice(environ: dict[str, Any], start_response: Any) -> Any:
    start_response("200 OK", [])
    start_response("201 Created", [])
    return []


@pytest.mark.parametrize(
    ("app", "error"),
    [
        (fails_at_once, "secret"),
        (fails_before_the_first_byte, "secret"),
        (starts_twice, "called twice"),
        (lambda environ, start_response: [b"x"], "yielded a body before"),
        (lambda environ, start_response: [], "ended before"),
        (returns([], "OK"), "Invalid status"),
        (returns([], "²00 OK"), "Invalid status"),
        (returns([], headers=[("X", "a\r\nb: c")]), None),
        (returns([], headers=[("X\n", "a")]), None),
        (returns([], headers=[("Content-Length", "many")]), "Invalid Content-Length"),
        (returns([b"ab"], headers=[("Content-Length", "1")]), "longer than Content-Length"),
        (returns([], headers=[("Content-Length", "1")]), "shorter than Content-Length"),
    ],
)
def test_a_fault_before_the_first_byte_is_raised_so_that_the_sdk_answers_500(app, error):
    writer = BlockingWriter()
    with pytest.raises(Exception, match=error):
        serve(app, writer=writer)
    assert writer.events == []


class Blocks:
    """Blocks that know whether they were closed."""

    def __init__(self, *blocks: Any) -> None:
        self.blocks = blocks
        self.closed = 0

    def __iter__(self) -> Any:
        for block in self.blocks:
            if isinstance(block, BaseException):
                raise block
            yield block

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("blocks", [[b"a"], [b"a", ValueError("secret")], [ValueError("secret")]])
def test_blocks_are_always_closed(blocks):
    result = Blocks(*blocks)
    writer = BlockingWriter()
    if len(blocks) == 1 and blocks[0] == b"a":
        serve(returns(result), writer=writer)
    else:
        with pytest.raises(ValueError, match="secret"):
            serve(returns(result), writer=writer)
    assert result.closed == 1


def test_blocks_are_closed_when_the_client_has_gone():
    writer = BlockingWriter()
    writer.gone = True
    result = Blocks(b"a")
    with pytest.raises(ClientDisconnectedError):
        serve(returns(result), writer=writer)
    assert result.closed == 1


# Files


def test_a_file_is_sent_in_large_blocks_and_closed():
    file = io.BytesIO(b"x" * 150_000)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)

    writer = serve(app)
    assert [len(event) for event in writer.events[1:]] == [65536, 65536, 18928]
    assert file.closed


def test_a_wrapped_file_need_not_be_closable():
    class Source:
        def read(self, size: int) -> bytes:
            return b""

    wrapper = FileWrapper(Source(), 10)
    assert list(wrapper) == []
    wrapper.close()


def test_errors_are_logged_by_lines():
    logger = RecordingLogger()
    log = ErrorLog(logger)
    log.write("one\ntw")
    log.writelines(["o\n", "\n", "100% thr"])
    assert [record.getMessage() for record in logger.errors] == ["one", "two"]
    log.flush()
    log.flush()
    assert [record.getMessage() for record in logger.errors] == ["one", "two", "100% thr"]


@pytest.mark.filterwarnings("ignore::wsgiref.validate.WSGIWarning")
def test_the_standard_librarys_validator_is_content():
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read(3)
        environ["wsgi.errors"].write("note\n")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [body]

    request = make_request("POST", body=BlockingBody([b"abc"]), headers=[("Content-Length", "3")])
    assert serve(validator(app), request).body == b"abc"

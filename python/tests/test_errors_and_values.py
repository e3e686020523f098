from __future__ import annotations

import pickle
import socket
import threading
from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from mattermost_plugin import (
    AlreadyExistsError,
    MethodNotAvailableError,
    NotFoundError,
    PermissionDeniedError,
    PluginAPIError,
    Post,
    UnavailableError,
    ValidationError,
    models,
)
from mattermost_plugin._codec import ENCODER, encode_frame
from mattermost_plugin._connection import Connection
from mattermost_plugin._errors import ErrorFrame, error_from_frame
from mattermost_plugin._frames import HEADER, ProtocolError
from mattermost_plugin._gen import methods
from mattermost_plugin._transport import ThreadTransport
from mattermost_plugin.exceptions import InvalidArgumentError, convert_app_error


@pytest.mark.parametrize(
    ("kind", "status", "expected", "expected_status"),
    [
        ("app", 404, NotFoundError, 404),
        ("app", 403, PermissionDeniedError, 403),
        ("app", 401, PermissionDeniedError, 401),
        ("app", 400, ValidationError, 400),
        ("app", 409, AlreadyExistsError, 409),
        ("app", 503, UnavailableError, 503),
        ("app", 429, UnavailableError, 429),
        ("app", 500, PluginAPIError, 500),
        ("error", 0, PluginAPIError, 0),
        ("missing", 0, MethodNotAvailableError, 501),
        ("invalid", 0, ValidationError, 400),
        ("unavailable", 0, UnavailableError, 503),
    ],
)
def test_the_class_follows_the_kind_and_the_status(
    kind: str, status: int, expected: type[PluginAPIError], expected_status: int
) -> None:
    frame = ErrorFrame(kind=kind, id="app.id", message="m", detailed_error="d", status_code=status, request_id="r")
    error = error_from_frame(frame, "GetUser")
    assert type(error) is expected
    assert (error.error_id, error.status_code, error.detailed_error, error.where, error.request_id) == (
        "app.id",
        expected_status,
        "d",
        "GetUser",
        "r",
    )
    assert error.params == {}


def test_an_error_without_rows_is_not_found() -> None:
    error = error_from_frame(ErrorFrame(kind="error", message="sql: no rows in result set", code=2), "GetPropertyField")
    assert type(error) is NotFoundError
    assert error.code == 2
    assert error.where == "GetPropertyField"


def test_text_repr_and_pickle() -> None:
    error = NotFoundError("No user", error_id="app.x", status_code=404, where="W")
    assert str(error) == "No user [app.x] (HTTP 404)"
    assert repr(error) == "NotFoundError('No user', error_id='app.x', status_code=404, code=0)"
    assert str(PluginAPIError("plain")) == "plain"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is NotFoundError
    assert again.__dict__ == error.__dict__
    assert InvalidArgumentError is ValidationError
    converted = convert_app_error(models.AppError(id="i", message="m", status_code=409, where="w"))
    assert type(converted) is AlreadyExistsError
    assert converted.where == "w"


class Text(str):
    __slots__ = ()


class Number(int):
    pass


def test_values_that_msgpack_has_no_form_for_by_itself() -> None:
    props: dict[str, Any] = {
        "text": Text("t"),
        "number": Number(3),
        "struct": Post(message="inner"),
        "mapping": MappingProxyType({"a": 1}),
        "ordered": OrderedDict(b=2),
        "tuple": (1, 2),
        "enum": models.ChannelType.DIRECT,
        "big": [2**63, -(2**63)],
    }
    decoded = msgspec.msgpack.decode(ENCODER.encode(Post(props=props)))
    assert decoded["props"] == {
        "text": "t",
        "number": 3,
        "struct": {"message": "inner"},
        "mapping": {"a": 1},
        "ordered": {"b": 2},
        "tuple": [1, 2],
        "enum": "D",
        "big": [2**63, -(2**63)],
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("\ud800", "a string holds a lone surrogate"),
        (2**64, "an integer does not fit into 64 bits"),
        (-(2**63) - 1, "an integer does not fit into 64 bits"),
        (object(), "a value of type object cannot be sent to Mattermost"),
    ],
)
def test_values_that_cannot_be_sent(value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        encode_frame(bytearray(), Post(props={"x": value}), 1, 0, 0)


def test_a_value_that_contains_itself() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValidationError, match="nested too deeply"):
        encode_frame(bytearray(), loop, 1, 0, 0)


def test_nothing_is_sent_for_a_call_with_an_invalid_value() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    with pytest.raises(ValidationError):
        connection.call(methods.CREATE_POST, (Post(message="\ud800"),))
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)
    connection.close()
    theirs.close()


def test_nothing_is_sent_for_a_call_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mattermost_plugin._codec.MAX_PAYLOAD", 100)
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    answer = ENCODER.encode([b"v"])
    for ident in (1, 2):
        theirs.sendall(HEADER.pack(len(answer), 0x19, 0, 0, ident) + answer)
    with pytest.raises(ValidationError, match="at most 100 can be sent"):
        connection.call(methods.KV_GET, ("k" * 200,))
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)
    assert connection.call(methods.KV_GET, ("k",)) == b"v"
    connection.close()
    theirs.close()


def test_a_frame_of_a_wrong_kind_instead_of_an_answer_closes_the_connection() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    theirs.sendall(HEADER.pack(0, 0x10, 0, 0, 1))
    with pytest.raises(UnavailableError, match="the connection to the server is gone") as caught:
        connection.call(methods.GET_SERVER_VERSION, ())
    assert isinstance(caught.value.__cause__, ProtocolError)
    assert connection.closed
    assert ours.fileno() == -1
    theirs.close()


def test_a_lost_connection_is_an_unavailable_error_and_the_next_call_connects_again() -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    opened = iter(pairs)
    transport = ThreadTransport(lambda: Connection(next(opened)[0]))
    pairs[0][1].close()
    with pytest.raises(UnavailableError, match="the connection to the server is gone") as caught:
        transport.call(methods.GET_SERVER_VERSION, ())
    assert caught.value.where == "GetServerVersion"
    answer = ENCODER.encode(["11.6"])
    pairs[1][1].sendall(HEADER.pack(len(answer), 0x19, 0, 0, 1) + answer)
    assert transport.call(methods.GET_SERVER_VERSION, ()) == "11.6"
    for sock in pairs[1]:
        sock.close()

    def refuse() -> Connection:
        raise ConnectionRefusedError

    with pytest.raises(UnavailableError):
        ThreadTransport(refuse).call(methods.GET_SERVER_VERSION, ())


def test_a_frame_that_is_too_long_is_refused_before_memory_is_set_aside() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    theirs.sendall(HEADER.pack(2**32 - 1, 0x10, 0, 5, 1))
    with pytest.raises(ProtocolError, match="at most 268435456 are allowed"):
        connection.read()
    connection.close()
    theirs.close()


def test_buffers_shrink_after_a_large_frame() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    large = HEADER.pack(5_000_000, 0x1F, 0, 0, 1) + b"x" * 5_000_000
    sender = threading.Thread(target=theirs.sendall, args=(large + HEADER.pack(0, 0x1F, 0, 0, 2),))
    sender.start()
    assert len(connection.read()[4]) == 5_000_000
    sender.join()
    assert len(connection._buffer) >= 5_000_000
    connection.read()
    theirs.sendall(HEADER.pack(0, 0x1F, 0, 0, 3))
    connection.read()
    assert len(connection._buffer) == 65536

    def read_all() -> None:
        while theirs.recv(65536):
            pass

    reader = threading.Thread(target=read_all)
    reader.start()
    connection.send(b"y" * 5_000_000, 0x11)
    assert len(connection._out) == 0
    connection.close()
    reader.join()
    theirs.close()


def test_frames_in_pieces_and_in_one_read() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    frames = b"".join(HEADER.pack(3, 0x1F, 0, 0, number) + b"abc" for number in range(100))
    theirs.sendall(frames[:7])
    theirs.sendall(frames[7:])
    for number in range(100):
        kind, _, _, ident, payload = connection.read()
        assert (kind, ident, bytes(payload)) == (0x1F, number, b"abc")
    assert not connection.pending
    connection.close()
    theirs.close()


def test_models() -> None:
    post = Post(channel_id="c", message="m")
    post.props["a"] = 1
    assert Post().props == {}
    assert post == Post(channel_id="c", message="m", props={"a": 1})
    assert repr(post) == "Post(channel_id='c', message='m', props={'a': 1})"
    for name in models.__all__:
        cls = getattr(models, name)
        if issubclass(cls, msgspec.Struct):
            value = cls()
            assert msgspec.msgpack.decode(ENCODER.encode(value), type=cls) == value

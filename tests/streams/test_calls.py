"""API calls with streams: UploadData, InstallPlugin, PluginHTTP."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

import pytest
from server import Server, wait_for

BLOCK = bytes(range(256)) * 256


def sha256(size: int) -> str:
    digest = hashlib.sha256()
    for start in range(0, size, len(BLOCK)):
        digest.update(BLOCK[: min(len(BLOCK), size - start)])
    return digest.hexdigest()


@pytest.mark.parametrize("source", ["bytes", "path", "file", "iterator"])
@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_data_is_uploaded(plain: Server, source: str, size: int) -> None:
    answer = plain.get(f"/upload?name=a.bin&source={source}&bytes={size}").json()
    assert answer == {"size": size, "sha256": sha256(size)}


def test_a_slow_server_slows_the_upload(plain: Server) -> None:
    answer = plain.get("/upload?name=slow.bin&source=iterator&bytes=1000000").json()
    assert answer == {"size": 1_000_000, "sha256": sha256(1_000_000)}


def test_the_server_may_answer_early(plain: Server) -> None:
    assert plain.get("/upload?name=early.bin&source=iterator&bytes=50000000").json()["size"] == 100
    refused = plain.get("/upload?name=refuse.bin&source=iterator&bytes=50000000").json()
    assert "error" in refused
    assert plain.get("/hello").status_code == 200


def test_a_plugin_is_installed(plain: Server) -> None:
    bundle = BLOCK * 40
    seen = plain.post("/install", content=bundle).json()
    assert seen == {"sha256": hashlib.sha256(bundle).hexdigest(), "size": str(len(bundle)), "how": "replace=true"}
    assert "error" in plain.post("/install", content=b"refuse" + bundle).json()


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_another_plugin_is_asked(plain: Server, size: int) -> None:
    body = (BLOCK * (size // len(BLOCK) + 1))[:size]
    answer = plain.post("/proxy?url=/refhost-echo/a/b", content=body)
    assert (answer.status_code, answer.content) == (201, body)
    assert len(answer.headers.get_list("Set-Cookie")) == 2
    assert answer.headers["X-Echo-Method"] == "POST"


def test_the_answer_of_another_plugin_comes_in_pieces(plain: Server) -> None:
    with plain.client.stream("GET", plain.base + "/proxy?url=/refhost-slow/%3Flines=3") as answer:
        assert len(list(answer.iter_lines())) == 3


def test_there_is_no_such_plugin(plain: Server) -> None:
    assert plain.get("/proxy?url=/com.example.nobody/a").status_code == 404


def test_no_response_at_all_is_an_error(plain: Server) -> None:
    assert plain.get("/proxy?url=/refhost-none/").status_code == 500
    assert plain.logged("no response")


def test_an_answer_that_is_not_read_to_its_end_is_given_back(plain: Server) -> None:
    plain.get("/leave?url=/refhost-slow/%3Flines=1000000")
    streams = plain.idle_streams()
    for _ in range(20):
        assert len(plain.get("/leave?url=/refhost-slow/%3Flines=1000000").content) == 10
    wait_for("streams to be closed", lambda: plain.idle_streams() <= streams)


def test_two_plugins_ask_each_other(serve: Callable[..., Server]) -> None:
    server = serve("sync", "async")
    for one, other in ((0, 1), (1, 0)):
        base = f"{server.url}/plugins/{server.ids[one]}"
        seen = server.client.get(f"{base}/proxy?url=/{server.ids[other]}/request").json()
        assert (seen["plugin_id"], seen["user_id"]) == (server.ids[one], "")
        assert seen["headers"]["X-Repeated"] == ["a", "b"]


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_an_older_server_has_the_buffered_form(serve: Callable[..., Server], colour: str) -> None:
    server = serve(colour, arguments=("--without-method", "PluginHTTPStream"))
    body = BLOCK * 20
    for _ in range(2):
        answer = server.post("/proxy?url=/refhost-echo/a", content=body)
        assert (answer.status_code, answer.content) == (201, body)
        assert len(answer.headers.get_list("Set-Cookie")) == 2


def test_uploads_at_the_same_time(plain: Server) -> None:
    def upload() -> None:
        seen.append(plain.get("/upload?name=a.bin&source=iterator&bytes=2000000").json())

    seen: list[dict] = []
    threads = [threading.Thread(target=upload) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [{"size": 2_000_000, "sha256": sha256(2_000_000)}] * 8

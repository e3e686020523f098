from __future__ import annotations

import logging
import socket
import threading
import time

import msgspec
import pytest

from conftest import Start
from mattermost_plugin._connection import Connection
from mattermost_plugin._control import Control
from mattermost_plugin._log_frame import MAX_LOG_FRAME, log_frame
from mattermost_plugin._logging import ServerLogHandler


def test_levels_fields_and_exceptions(start: Start) -> None:
    bridge = start(
        """
        import logging
        class Talker(Plugin):
            @hook
            def OnActivate(self):
                self.logger.debug("d %s", 1)
                self.logger.info("i", extra={"user": "u1", "count": 3})
                self.logger.warning("w\\ud800")
                logging.getLogger("third.party").error("e")
                logging.getLogger("third.party").debug("too fine")
                try:
                    1 / 0
                except ZeroDivisionError:
                    self.logger.exception("x")
                thread = threading.Thread(target=lambda: {}["k"], name="worker-1")
                thread.start()
                thread.join()
                self.logger.critical("last")
        """
    )
    bridge.wait_ready()
    bridge.hook("OnActivate")
    bridge.wait_log(lambda line: line[1] == "last")
    lines = {message: (level, fields) for level, message, fields in bridge.logs}
    assert lines["d 1"] == ("debug", {"logger": "Talker"})
    assert lines["i"] == ("info", {"logger": "Talker", "user": "u1", "count": "3"})
    assert lines["w\\ud800"][0] == "warn"
    assert lines["e"] == ("error", {"logger": "third.party"})
    assert "too fine" not in lines
    assert "ZeroDivisionError: division by zero" in lines["x"][1]["traceback"]
    assert "KeyError: 'k'" in lines["the thread worker-1 ended with KeyError"][1]["traceback"]
    assert lines["last"][0] == "error"


class Recorder:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, str]]] = []

    def log(self, level: str, message: str, fields: dict[str, str]) -> None:
        self.lines.append((level, message, fields))


def test_a_log_call_never_raises_and_never_recurses(capsys: pytest.CaptureFixture[str]) -> None:
    class Nasty:
        def __str__(self) -> str:
            logger.info("inside")
            raise ValueError("no text")

    recorder = Recorder()
    logger = logging.Logger("nasty")
    logger.addHandler(ServerLogHandler(recorder))
    logger.info("%s", Nasty())
    logger.info("%d", "not a number")
    logger.info("ok", extra={"value": Nasty()})
    assert [line[1] for line in recorder.lines] == ["ok"]
    assert recorder.lines[0][2]["value"] == "<Nasty without text: ValueError>"
    assert "a log record of nasty was lost" in capsys.readouterr().err


def test_a_bridge_that_does_not_read_delays_a_log_call_only_shortly() -> None:
    ours, theirs = socket.socketpair()
    control = Control(Connection(ours))
    began = time.monotonic()
    for _ in range(2000):
        control.log("info", "x" * 2000, {})
        if time.monotonic() - began > 60:
            pytest.fail("log calls block")
        if control._dropped:
            break
    assert control._dropped
    received = bytearray()

    def read() -> None:
        while part := theirs.recv(65536):
            received.extend(part)

    reader = threading.Thread(target=read)
    reader.start()
    control.flush()
    control.log("info", "after", {})
    control.flush()
    ours.close()
    reader.join(20)
    theirs.close()
    assert b"dropped_log_lines" in received
    assert received.endswith(b"\xa11")
    position, frames = 0, 0
    while position < len(received):
        position += 12 + int.from_bytes(received[position : position + 4], "little")
        frames += 1
    assert position == len(received)
    assert frames > 100


def decoded(frame: bytearray) -> tuple[str, str, dict[str, str]]:
    assert len(frame) <= MAX_LOG_FRAME
    assert int.from_bytes(frame[:4], "little") == len(frame) - 12
    return msgspec.msgpack.decode(bytes(frame[12:]), type=tuple[str, str, dict[str, str]])


def test_a_line_that_fits_is_sent_as_it_is() -> None:
    fields = {"traceback": "x" * 60_000, "logger": "L"}
    assert decoded(log_frame("info", "message", fields)) == ("info", "message", fields)


@pytest.mark.parametrize("letter", ["x", "\u20ac", "\U0001f600", "\x00"])
def test_of_long_texts_the_middle_is_left_out(letter: str) -> None:
    text = "BEGIN" + letter * 300_000 + "END"
    level, message, fields = decoded(log_frame("error", text, {"logger": "L", "stack": text, "short": "s"}))
    assert level == "error"
    assert (fields["logger"], fields["short"]) == ("L", "s")
    for cut in (message, fields["stack"]):
        assert cut.startswith("BEGIN" + letter)
        assert cut.endswith(letter + "END")
        assert "characters left out" in cut
        assert len(cut.encode()) > 3_000


def test_of_too_many_fields_some_are_left_out() -> None:
    fields = {f"{number}-{'k' * 200}": "v" * 200 for number in range(5000)}
    _, message, sent = decoded(log_frame("info", "message", fields))
    assert message == "message"
    assert sent["fields_left_out"] == str(5000 - (len(sent) - 1))
    assert len(sent) > 100


def test_a_long_line_reaches_the_bridge_in_a_short_frame(start: Start) -> None:
    bridge = start(
        """
        class Talker(Plugin):
            @hook
            def OnActivate(self):
                self.logger.info("long " + "x" * 10_000_000, extra={"more": "y" * 10_000_000})
                self.logger.info("last")
        """
    )
    bridge.wait_ready()
    bridge.hook("OnActivate")
    bridge.wait_log(lambda line: line[1] == "last")
    assert any(line[1].startswith("long xxx") and line[2]["more"].startswith("yyy") for line in bridge.logs)
    assert 10_000 < bridge.longest_log <= 64 * 1024

"""The token never shows itself: not in a `repr`, not in a traceback, not in the log."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import traceback
from pathlib import Path

import msgspec
import pytest

from conftest import Start
from mattermost_plugin import RuntimeConfig
from mattermost_plugin._connection import connect
from mattermost_plugin._secret import Secret

TOKEN = secrets.token_hex(32)


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret(TOKEN)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", "%s" % secret, "{}".format(secret), repr([secret])]  # noqa: UP031, UP032
    assert not [text for text in shown if TOKEN in text]
    assert secret.reveal() == TOKEN
    assert type(secret.reveal()) is str


def everything(error: BaseException) -> str:
    """Return a traceback with local variables, as some loggers show it."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def test_a_connection_that_fails_does_not_show_it(tmp_path: Path) -> None:
    secret = Secret(TOKEN)
    with pytest.raises(OSError) as missing:  # noqa: PT011
        connect(str(tmp_path / "nobody"), secret, "control")
    assert TOKEN not in everything(missing.value)

    path = f"/tmp/mmsec-{secrets.token_hex(6)}.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()

        def answer_nonsense() -> None:
            for _ in range(2):
                sock, _ = listener.accept()
                with sock:
                    assert TOKEN.encode() in sock.recv(65536)
                    sock.sendall(b"\x01\x00\x00\x00\x77" + bytes(7) + b"\xc0")

        server = threading.Thread(target=answer_nonsense)
        server.start()
        for role in ("control", "sync"):
            with pytest.raises(Exception, match="0x77 came instead of WELCOME") as nonsense:
                connect(path, secret, role)
            assert TOKEN not in everything(nonsense.value)
        server.join(20)
    os.unlink(path)


def test_the_configuration_holds_none() -> None:
    config = RuntimeConfig.from_env({"MATTERMOST_PLUGIN_WORKER_SOCKET": "/s"})
    assert "token" not in msgspec.structs.asdict(config)


def test_no_object_of_a_running_plugin_shows_it(start: Start) -> None:
    bridge = start(
        """
        import gc

        class Curious(Plugin):
            @hook
            def UserWillLogIn(self, context, user):
                # The collector no longer counts what was frozen at the start.
                gc.unfreeze()
                own = [value for value in gc.get_objects() if type(value).__module__.startswith("mattermost_plugin.")]
                own = [value for value in own if value is not user]
                names = {type(value).__name__ for value in own}
                assert {"Worker", "ThreadTransport", "HookThread", "Control", "Connection"} <= names, names
                shown = [repr(value) for value in own]
                shown += [repr(vars(value)) for value in own if hasattr(value, "__dict__")]
                found = [text for text in shown if user.username in text]
                try:
                    raise ValueError("shown")
                except ValueError:
                    self.logger.exception("a traceback")
                return f"{len(own) > 10} {len(found)}"
        """
    )
    bridge.wait_ready()
    assert bridge.hook("UserWillLogIn", {}, {"username": bridge.token}) == ["True 0"]
    assert bridge.stop() == 0
    assert bridge.token not in repr(bridge.logs)
    assert bridge.token not in bridge.kill()


def test_a_worker_that_is_refused_or_fails_does_not_show_it(start: Start) -> None:
    refused = start("", refuse="no")
    assert refused.process.wait(20) == 2
    assert refused.token not in refused.kill()
    failed = start("raise ValueError('broken')")
    report = failed.wait_failed()
    assert "ValueError" in report["traceback"]
    assert failed.token not in repr(report)
    assert failed.token not in failed.kill()

"""Programs on gRPC that misbehave: those that must not be activated, and those that must not do any harm.

They use grpcio and bytes, no generated code: what is wrong with them stands in them.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any

from case import Case
from working import Step, Working, command, post

PROGRAM = '''\
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

TOKEN = sys.stdin.readline().strip()
API = "/mattermost.plugin.v1.PluginAPI/"
HOOKS = "/mattermost.plugin.v1.PluginHooks/"
SERVING, NOT_SERVING = b"\\x08\\x01", b"\\x08\\x02"


def field(number, content):
    """A field with a length, of less than 4 GiB."""
    size, length = len(content), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def implemented(*names):
    return lambda request, context: b"".join(field(1, name.encode()) for name in names)


def text(answer):
    """An ExecuteCommandResponse with a CommandResponse, whose text is field 2."""
    return field(1, field(2, answer.encode()))


def call(method, request, *metadata):
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(os.environ["MATTERMOST_PLUGIN_API_TARGET"], options) as channel:
        return channel.unary_unary(API + method)(request, metadata=metadata, timeout=10)


def refusal(method, request, *metadata):
    """The code of a call that must fail."""
    try:
        call(method, request, *metadata)
    except grpc.RpcError as error:
        return error.code().name
    return "it was answered"


def serve(handlers, health=SERVING):
    """Serves these handlers until standard input ends."""

    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            if details.method == "/grpc.health.v1.Health/Check":
                return grpc.unary_unary_rpc_method_handler(lambda request, context: health)
            handler = handlers.get(details.method.removeprefix(HOOKS))
            return handler and grpc.unary_unary_rpc_method_handler(handler)

    global server
    server = grpc.server(ThreadPoolExecutor(8), handlers=[Handler()], options=[("grpc.max_send_message_length", -1)])
    server.add_insecure_port(os.environ["MATTERMOST_PLUGIN_HOOKS_TARGET"])
    server.start()


def stay():
    sys.stdin.read()
    os._exit(0)


'''

SERVER: dict[str, Any] = {"runtime": "grpc", "worker": ["python3", "plugin.py"]}

PATH = {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', '')}"}
"""The interpreter that has grpcio comes first."""


@dataclass(frozen=True)
class GrpcCase(Case):
    """A program on gRPC that must not be activated."""

    @staticmethod
    def of(name: str, sentence: str, program: str, within: float = 5, **server: Any) -> GrpcCase:
        """Return the case of a program that follows the common beginning."""
        files = {"plugin.py": PROGRAM + program}
        return GrpcCase(name, sentence, files, {**SERVER, **server}, PATH, within)


def working(
    name: str, program: str, conversation: list[Step], development: bool = False, processes: int = 4, **server: Any
) -> Working:
    """Return the case of a program that is activated: bridge, guard, gateway and the program itself."""
    files = {"plugin.py": PROGRAM + program}
    variables = {**PATH, "MATTERMOST_PLUGIN_DEVELOPMENT": "1" if development else ""}
    return Working(name, files, conversation, server={**SERVER, **server}, variables=variables, processes=processes)


def log(match: str) -> Step:
    """Wait for a line in the server's log."""
    return {"do": "expect_log", "match": match}


STARTS = [
    GrpcCase.of(
        "grpc: a program that is not there",
        "no-such-program cannot be run: No such file or directory (os error 2): "
        "check server.worker in plugin.json, and that the program is in the bundle and executable",
        "",
        worker=["no-such-program"],
    ),
    GrpcCase.of(
        "grpc: a program that gives up",
        "the plugin's worker ended: it exited with code 3 before the plugin was loaded; its last words: no licence",
        'print("no licence", file=sys.stderr)\nsys.exit(3)\n',
    ),
    GrpcCase.of(
        "grpc: a program that never listens",
        "the program did not serve on MATTERMOST_PLUGIN_HOOKS_TARGET within 1 seconds: …",
        "stay()\n",
        within=6,
        start_timeout=1,
    ),
    GrpcCase.of(
        "grpc: a program that is never healthy",
        "the program says that it is NOT_SERVING, after 1.5 seconds still: "
        'set the status of the service "plugin" to SERVING when the plugin is loaded',
        'serve({"Implemented": implemented()}, NOT_SERVING)\nstay()\n',
        within=6.5,
        start_timeout=1.5,
    ),
    GrpcCase.of(
        "grpc: a program that hangs in Implemented",
        "the program did not answer Implemented within 1.5 seconds: "
        "let Implemented return without waiting for anything",
        'serve({"Implemented": lambda request, context: threading.Event().wait()})\nstay()\n',
        within=6.5,
        start_timeout=1.5,
    ),
    GrpcCase.of(
        "grpc: a program without Implemented",
        "the program does not implement mattermost.plugin.v1.PluginHooks/Implemented: "
        "serve PluginHooks and let Implemented return the names of its hooks",
        "serve({})\nstay()\n",
    ),
]

TOKENS = """
def execute(request, context):
    for word, metadata in {
        b"/wrong": [("authorization", "Bearer " + "0" * 64)],
        b"/none": [],
        b"/right": [("authorization", "Bearer " + TOKEN)],
    }.items():
        if word in request:
            return text(refusal("KVGet", field(1, b"key"), *metadata))


serve({"Implemented": implemented("ExecuteCommand"), "ExecuteCommand": execute})
stay()
"""

HOLLOW = """
serve({
    "Implemented": implemented("MessageWillBePosted", "UserHasBeenCreated", "ExecuteCommand", "NoSuchHook"),
    "ExecuteCommand": lambda request, context: text("fine"),
    "UserHasBeenCreated": lambda request, context: context.abort(grpc.StatusCode.INTERNAL, "out of paper"),
})
stay()
"""

GARBLED = """
serve({
    "Implemented": implemented("MessageWillBePosted", "ExecuteCommand"),
    "MessageWillBePosted": lambda request, context: field(1, b"\\xff\\xff\\xff"),
    "ExecuteCommand": lambda request, context: text("fine"),
})
stay()
"""

LARGE = """
def execute(request, context):
    if b"/send" in request:
        return text(refusal("KVSet", field(1, b"key") + field(2, bytes(2 << 20)), ("authorization", "Bearer " + TOKEN)))
    return text("x" * (2 << 20 if b"/large" in request else 10))


serve({"Implemented": implemented("ExecuteCommand"), "ExecuteCommand": execute})
stay()
"""

SECOND = """
import subprocess

if len(sys.argv) > 1:  # the second one
    serve({"MessageWillBePosted": lambda request, context: field(2, b"taken over")})
    print("the second one listens", flush=True)
    stay()


def hand_over():
    server.stop(5).wait()
    global second
    second = subprocess.Popen([sys.executable, __file__, "second"], stdin=subprocess.PIPE)
    second.stdin.write(b"\\n")
    second.stdin.flush()


def execute(request, context):
    threading.Thread(target=hand_over).start()
    return text("handing over")


serve({
    "Implemented": implemented("MessageWillBePosted", "ExecuteCommand"),
    "MessageWillBePosted": lambda request, context: b"",
    "ExecuteCommand": execute,
})
stay()
"""

CRASH = """
def execute(request, context):
    os._exit(7) if b"/crash" in request else None
    return text("fine")


serve({"Implemented": implemented("ExecuteCommand"), "ExecuteCommand": execute})
stay()
"""

DISCOVERY = """
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def execute(request, context):
    with grpc.insecure_channel(os.environ["MATTERMOST_PLUGIN_API_TARGET"]) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        try:
            services = database.get_services()
        except grpc.RpcError as error:
            return text(error.code().name)
        file = database.FindFileContainingSymbol("mattermost.plugin.v1.PluginAPI")
        methods = sum(len(service.method) for service in file.service)
        return text(f"{methods} methods of {sorted(name for name in services if 'Plugin' in name)}")


serve({"Implemented": implemented("ExecuteCommand"), "ExecuteCommand": execute})
stay()
"""

BESIDE = """\
import grpc

from mattermost_plugin import CommandResponse, Plugin, grpc_api, hook


class Beside(Plugin):
    @hook
    def ExecuteCommand(self, context, args):
        self.api.kv_set("key", b"value")
        authorization = ("authorization", f"Bearer {grpc_api.token()}")
        with grpc.insecure_channel(grpc_api.target()) as channel:
            get = channel.unary_unary("/mattermost.plugin.v1.PluginAPI/KVGet")
            answer = get(b"\\x0a\\x03key", metadata=[authorization], timeout=10)
            try:
                get(b"", timeout=10)
            except grpc.RpcError as error:
                return CommandResponse(text=f"{answer!r}, then {error.code().name}")
"""

WORKING_ON_GRPC = [
    Working(
        "grpc: the API beside the Python SDK",
        {"plugin.py": BESIDE},
        [
            command("/get", expect=[{"text": "b'\\n\\x05value', then UNAUTHENTICATED"}]),
            log("^error .*token"),
        ],
        server={"runtime": "python", "grpc": True},
        processes=4,
    ),
    working(
        "grpc: the API describes itself to a developer",
        DISCOVERY,
        [
            command(
                "/list",
                expect=[{"text": "237 methods of ['mattermost.plugin.v1.PluginAPI']"}],
            )
        ],
        development=True,
    ),
    working(
        "grpc: and to nobody else",
        DISCOVERY,
        [command("/list", expect=[{"text": "UNIMPLEMENTED"}])],
    ),
    working(
        "grpc: calls with a wrong token and with none",
        TOKENS,
        [
            command("/wrong", expect=[{"text": "UNAUTHENTICATED"}]),
            log("^error .*token"),
            command("/none", expect=[{"text": "UNAUTHENTICATED"}]),
            command("/right", expect=[{"text": "it was answered"}]),
        ],
    ),
    working(
        "grpc: hooks that Implemented names and nobody has",
        HOLLOW,
        [
            log("^warn .*hooks that do not exist.*NoSuchHook"),
            post("hello", {"message": "hello"}, ""),
            log("^error MessageWillBePosted: .*the worker does not implement MessageWillBePosted, although "),
            {"do": "call", "hook": "UserHasBeenCreated", "args": [None, {"id": "u"}]},
            log("^error UserHasBeenCreated: .*out of paper"),
            command("/fine", expect=[{"text": "fine"}]),
        ],
    ),
    working(
        "grpc: an answer that is no message",
        GARBLED,
        [
            post("hello", {"message": "hello"}, ""),
            log("^error MessageWillBePosted: .*cannot be read"),
            command("/fine", expect=[{"text": "fine"}]),
        ],
    ),
    working(
        "grpc: messages over the limit",
        LARGE,
        [
            command("/large", expect_error="larger than"),
            command("/send", expect=[{"text": "RESOURCE_EXHAUSTED"}]),
            log("server.grpc_max_message_mib"),
            command("/small", expect=[{"text": "x" * 10}]),
        ],
        grpc_max_message_mib=1,
    ),
    working(
        "grpc: a second program takes the place of the first",
        SECOND,
        [
            command("/hand over", expect=[{"text": "handing over"}]),
            log("the second one listens"),
            post("hello", {"message": "hello"}, ""),
            log("^error a second worker .*; the plugin is started again"),
            log("the plugin's worker was started again and is active"),
            post("hello", {"message": "hello"}, ""),
        ],
    ),
    working(
        "grpc: a program that ends in a hook is started again",
        CRASH,
        [
            # It is answered with the call's error or, if the program's end is seen first, with a sentence for the user.
            command("/crash", background="crash"),
            {"do": "join", "background": "crash", "expect": [{"response_type": "ephemeral"}], "may_fail": True},
            log("the plugin's worker ended: it exited with code 7"),
            {"do": "ping"},
        ],
    ),
]

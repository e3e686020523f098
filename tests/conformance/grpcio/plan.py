"""Makes the calls of a plan file and writes down what came back."""

from __future__ import annotations

import json
from typing import Any

import canonical
import grpc
import stream_calls
from google.protobuf import descriptor_pool
from google.protobuf.message_factory import GetMessageClass
from grpc_status import rpc_status
from pb import AppError, GoError

Line = dict[str, Any]
Outcome = dict[str, Any]

POOL = descriptor_pool.Default()


def run(api: Any, driver: Any, path: str) -> str:
    """Makes all calls; returns what the command answers."""
    services = {"api": ("PluginAPI", api), "driver": ("PluginDriver", driver)}
    with open(path, encoding="utf-8") as plan, open(path + ".out", "w", encoding="utf-8") as out:
        for text in plan:
            line = json.loads(text)
            outcome = call(*services[line.get("service", "api")], line)
            out.write(canonical.dumps({"case": line["case"], **outcome}) + "\n")
    return "done"


def call(service: str, stub: Any, line: Line) -> Outcome:
    """Makes one call; every exception is an outcome."""
    try:
        if "body" in line:
            return stream_calls.CALLS[line["method"]](stub, line)
        method = POOL.FindMethodByName(f"mattermost.plugin.v1.{service}.{line['method']}")
        request = GetMessageClass(method.input_type)()
        canonical.fill_slots(request, line["args"])
        return results(canonical.slots(getattr(stub, line["method"])(request)), line)
    except grpc.RpcError as error:
        return failure(error, line)
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}


def results(trees: list[Any], line: Line) -> Outcome:
    """Returns the outcome of a call that succeeded."""
    if len(trees) != line["results"]:
        return {"failed": f"{line['method']} has {len(trees)} results instead of {line['results']}"}
    return {"results": trees}


def failure(error: grpc.RpcError, line: Line) -> Outcome:
    """Returns the outcome of a call that was answered with an error, or failed otherwise."""
    if not isinstance(error, grpc.Call):
        return {"failed": repr(error)}
    if "broken" in line.get("body", {}):
        return {"broken": error.details()}
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        for found in (AppError(), GoError()):
            if detail.Unpack(found):
                return {"error": canonical.error_tree(found), "code": error.code().name}
    return {"failed": f"{error.code().name}: {error.details()}"}

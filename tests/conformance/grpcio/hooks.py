"""A handler for every hook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import canonical
import grpc
import plan
import stream_hooks
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from mattermost.plugin.v1.plugin_hooks_pb2 import DESCRIPTOR
from pb import PluginDriverStub
from runtime import Hooks
from wanted import Wanted

COMMAND = "/conformance "


class Conformance(Hooks):
    """What all handlers share."""

    def __init__(self, channel: grpc.Channel) -> None:
        super().__init__(channel)
        self.driver = PluginDriverStub(channel)


def make_class() -> type[Conformance]:
    """Makes the plugin's class, with a method for every hook."""
    methods = DESCRIPTOR.services_by_name["PluginHooks"].methods
    handlers = {method.name: handler(method) for method in methods if method.name != "Implemented"}
    return type("ConformancePlugin", (Conformance,), handlers)


def handler(method: MethodDescriptor) -> Callable[..., Any]:
    """Makes the method for a hook."""
    response_class = GetMessageClass(method.output_type)

    def unary(self: Conformance, request: Any, context: grpc.ServicerContext) -> Any:
        response: Any = response_class()
        if method.name == "ExecuteCommand" and request.args.command.startswith(COMMAND):
            response.response.text = plan.run(self.api, self.driver, request.args.command.split(" ", 2)[2])
            return response
        wanted = Wanted.of(method.name, self.api)
        if wanted:
            wanted.record(args=canonical.slots(request))
            answer(wanted, request, response, context)
        return response

    def stream(self: Conformance, requests: Iterator[Message], context: grpc.ServicerContext) -> Iterator[Message]:
        wanted = Wanted.of(method.name, self.api)
        if wanted:
            yield from stream_hooks.RUN[method.name](wanted, requests, context)

    return stream if method.client_streaming else unary


def answer(wanted: Wanted, request: Message, response: Message, context: grpc.ServicerContext) -> None:
    """Sets the response to what the host wants; nothing is the neutral answer."""
    match wanted.answer:
        case "returns":
            canonical.fill_slots(response, wanted.content["returns"])
        case "error":
            wanted.fail(context)
        case "echo" | "change":
            result, argument = canonical.in_order(response)[0], canonical.in_order(request)[wanted.content["argument"]]
            if wanted.answer == "change":
                getattr(request, argument.name).message = wanted.content["message"]
            getattr(response, result.name).MergeFrom(getattr(request, argument.name))
        case "nothing" | "note":
            pass
        case other:
            raise ValueError(f"{wanted.content['hook']} cannot do {other}")

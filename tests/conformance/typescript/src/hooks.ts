// A handler for every hook.

import type { Environment } from "./runtime/run";
import type { Hooks } from "./runtime/hooks";
import { CommandResponse, PluginDriverDefinition, PluginHooksDefinition } from "./stubs/index.mattermost.plugin.v1";
import { describe, empty, inOrder, type Message, property } from "./descriptors";
import { toThrow } from "./errors";
import type { Fields } from "./json";
import { fromSlots, slots } from "./messages";
import { Plan } from "./plan";
import { serve, upload } from "./stream_hooks";
import { Wanted } from "./wanted";

const COMMAND = "/conformance ";

/** All hooks; those with streams are in a file of their own. */
export function conformance({ api, connection }: Environment): Hooks {
    const plan = new Plan(api, connection.service(PluginDriverDefinition));
    const methods = Object.values(PluginHooksDefinition.methods);
    const names = methods.filter((method) => !method.requestStream).map((method) => method.name);
    const handlers = names.map((name) => [
        name,
        async (request: Message) => {
            const command = request["args"]?.command;
            if (name === "ExecuteCommand" && command?.startsWith(COMMAND)) {
                return { response: CommandResponse.create({ text: await plan.run(command.split(" ")[2]) }) };
            }
            const wanted = await Wanted.of(name, api);
            await wanted?.record({ args: slots(`${name}Request`, request) });
            return wanted && answer(name, request, wanted);
        },
    ]);
    return {
        ...(Object.fromEntries(handlers.filter(([name]) => name !== "Implemented")) as Hooks),
        ServeHTTP: (requests) => serve("ServeHTTP", requests, api),
        ServeMetrics: (requests) => serve("ServeMetrics", requests, api),
        FileWillBeUploaded: (requests) => upload(requests, api),
    };
}

/** What the host wants; nothing is the neutral answer. */
function answer(name: string, request: Message, wanted: Wanted): Message | undefined {
    switch (wanted.answer) {
        case "returns":
            return fromSlots(`${name}Response`, wanted.list("returns"));
        case "error":
            throw toThrow(wanted.get("error") as Fields);
        case "nothing":
        case "note":
            return undefined;
        case "echo":
            return echo(name, argumentOf(name, request, wanted));
        case "change": {
            const post = argumentOf(name, request, wanted);
            post["message"] = wanted.get("message");
            return echo(name, post);
        }
        default:
            throw new Error(`${name} cannot do ${wanted.answer}`);
    }
}

function argumentOf(name: string, request: Message, wanted: Wanted): Message {
    const field = inOrder(describe(`${name}Request`))[wanted.number("argument")];
    if (!field) {
        throw new Error(`${name} has no argument ${wanted.number("argument")}`);
    }
    return request[property(field)];
}

/** The argument as the first result. */
function echo(name: string, argument: Message): Message {
    const description = describe(`${name}Response`);
    const [result] = inOrder(description);
    if (!result) {
        throw new Error(`${name} has no result`);
    }
    return { ...empty(description), [property(result)]: argument };
}

// Makes the calls of a plan file and writes down what came back.

import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";

import { status } from "@grpc/grpc-js";

import type { ServiceClient } from "./runtime/api";
import { PluginAPIError } from "./runtime/errors";
import type { API } from "./runtime/run";
import type { PluginDriverDefinition } from "./stubs/index.mattermost.plugin.v1";
import type { Message } from "./descriptors";
import { answeredError } from "./errors";
import { type Fields, fields, parse, type Tree, write } from "./json";
import { fromSlots, slots } from "./messages";
import { callWithStream } from "./stream_calls";

type Driver = ServiceClient<typeof PluginDriverDefinition>;
type Methods = { [name: string]: (request: Message) => Promise<Message> };

/** Runs plans with the two services of the bridge. */
export class Plan {
    constructor(
        private readonly api: API,
        private readonly driver: Driver,
    ) {}

    /** Makes all calls of a file; returns what the command answers. */
    async run(path: string): Promise<string> {
        const out = await open(`${path}.out`, "w");
        try {
            for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
                const line = parse(text) as Fields;
                const outcome = await this.call(line);
                await out.write(`${write(new Map([["case", line.get("case") as Tree], ...outcome]))}\n`);
            }
        } finally {
            await out.close();
        }
        return "done";
    }

    /** Makes one call; whatever it fails with is an outcome. */
    private async call(line: Fields): Promise<Fields> {
        try {
            return line.has("body") ? await callWithStream(this.api, line) : await this.unary(line);
        } catch (error) {
            return failure(line, error);
        }
    }

    private async unary(line: Fields): Promise<Fields> {
        const name = line.get("method") as string;
        const methods = (line.get("service") === "driver" ? this.driver : this.api) as unknown as Methods;
        const method = methods[name];
        if (!method) {
            return fields({ failed: `there is no method ${name}` });
        }
        const response = await method(fromSlots(`${name}Request`, line.get("args") as Tree[]));
        const results = slots(`${name}Response`, response);
        if (results.length !== Number(line.get("results"))) {
            return fields({ failed: `${name} has ${results.length} results` });
        }
        return fields({ results });
    }
}

function failure(line: Fields, error: unknown): Fields {
    if (!(error instanceof PluginAPIError)) {
        return fields({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
    const body = line.get("body");
    if (body instanceof Map && body.has("broken")) {
        return fields({ broken: error.message });
    }
    const code = status[error.code];
    const answered = answeredError(error);
    return answered ? fields({ error: answered, code }) : fields({ failed: `${code}: ${error.message}` });
}

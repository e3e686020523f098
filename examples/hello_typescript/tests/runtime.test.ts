// The parts of src/runtime that the plugin itself does not use: streams, cancellation, values.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

import {
    Server,
    ServerCredentials,
    status,
    type ServiceDefinition,
    type UntypedServiceImplementation,
} from "@grpc/grpc-js";

import { Connection } from "../src/runtime/api";
import { PluginAPIError } from "../src/runtime/errors";
import { type Hooks, hooksService } from "../src/runtime/hooks";
import { type Definition, grpcMethod } from "../src/runtime/methods";
import { requireToken } from "../src/runtime/token";
import { fromValue, type Plain, toValue } from "../src/runtime/values";
import {
    AppError,
    PluginAPIDefinition,
    PluginHooksDefinition,
    Post,
    type ServeHTTPRequest,
    ServeHTTPStart,
    type ServeHTTPResponse,
    UploadDataStart,
    Value,
} from "../src/stubs/index.mattermost.plugin.v1";

const TOKEN = "a7".repeat(32);

let directory: string;
let server: Server;
let connection: Connection;

beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "hello-typescript-"));
    server = new Server({ interceptors: [requireToken(TOKEN)] });
    connection = new Connection(`unix:${directory}/socket`, TOKEN);
});

afterEach(() => {
    connection.close();
    server.forceShutdown();
    rmSync(directory, { recursive: true });
});

async function listen(definition: ServiceDefinition, implementation: UntypedServiceImplementation): Promise<void> {
    server.addService(definition, implementation);
    const credentials = ServerCredentials.createInsecure();
    await new Promise<void>((resolve, reject) => {
        server.bindAsync(`unix:${directory}/socket`, credentials, (error) => (error ? reject(error) : resolve()));
    });
}

/** Something that happens once, and that others wait for. */
class Signal {
    give: () => void = () => undefined;
    readonly given = new Promise<void>((resolve) => (this.give = resolve));
}

describe("hooks", () => {
    async function serve(hooks: Hooks) {
        const { definition, implementation } = hooksService(hooks);
        await listen(definition, implementation);
        return connection.service(PluginHooksDefinition);
    }

    const start: ServeHTTPRequest = { message: { $case: "start", value: ServeHTTPStart.create({}) } };
    const data = (text: string): ServeHTTPRequest => ({ message: { $case: "data", value: Buffer.from(text) } });
    const head = (code: number): ServeHTTPResponse => ({
        message: { $case: "head", value: { status: code, headers: new Map() } },
    });

    async function statusesOf(responses: AsyncIterable<ServeHTTPResponse>): Promise<number[]> {
        const found = [];
        for await (const { message } of responses) {
            found.push(message?.$case === "head" ? message.value.status : 0);
        }
        return found;
    }

    it("answers a stream as it comes in", async () => {
        const hooks = await serve({
            async *ServeHTTP(requests) {
                for await (const { message } of requests) {
                    yield head(message?.$case === "data" ? message.value.length : 0);
                }
            },
        });
        assert.deepEqual(await statusesOf(hooks.ServeHTTP([start, data("abc"), data("de")])), [0, 3, 2]);
    });

    it("may answer after it has stopped to read", async () => {
        const hooks = await serve({
            async *ServeHTTP(requests) {
                for await (const _ of requests) {
                    break;
                }
                yield head(413);
            },
        });
        assert.deepEqual(await statusesOf(hooks.ServeHTTP([start, data("abc")])), [413]);
    });

    it("tell what they have thrown", async () => {
        const appError = AppError.create({ id: "app.id", message: "not now", statusCode: 503n });
        const hooks = await serve({
            OnActivate() {
                throw new PluginAPIError("not now", status.UNAVAILABLE, appError);
            },
            async *ServeHTTP() {
                yield head(200);
                throw new PluginAPIError("broken", status.DATA_LOSS);
            },
        });
        await assert.rejects(hooks.OnActivate({}), { message: "not now", code: status.UNAVAILABLE, statusCode: 503 });
        await assert.rejects(statusesOf(hooks.ServeHTTP([start])), { message: "broken", code: status.DATA_LOSS });
    });

    it("hear that nobody waits any more", async () => {
        const caller = new AbortController();
        const heard = new Signal();
        const hooks = await serve({
            async OnActivate(_, { signal }) {
                caller.abort();
                await once(signal, "abort");
                heard.give();
            },
        });
        await assert.rejects(hooks.OnActivate({}, { signal: caller.signal }), { code: status.CANCELLED });
        await heard.given;
    });

    it("with streams end when nobody waits any more", async () => {
        const gone = new Signal();
        const ended = new Signal();
        const hooks = await serve({
            async *ServeHTTP(requests) {
                try {
                    for await (const _ of requests) {
                        yield head(200);
                    }
                } finally {
                    ended.give();
                }
            },
        });
        async function* unfinished() {
            yield start;
            await gone.given;
        }
        for await (const _ of hooks.ServeHTTP(unfinished())) {
            break;
        }
        await ended.given;
        gone.give();
    });

    it("give back what these stubs do not know", async () => {
        const hooks = await serve({ MessageWillBePosted: ({ post }) => ({ post }) });
        const newer = { [(9999 << 3) | 2]: [Buffer.from([2, 104, 105])] };
        const post = { ...Post.create({ message: "x" }), _unknownFields: newer };
        const { post: answered } = await hooks.MessageWillBePosted({ post });
        assert.deepEqual(answered?._unknownFields, newer);
    });

    it("without a handler are not there", async () => {
        const hooks = await serve({ OnActivate: () => undefined });
        assert.deepEqual((await hooks.Implemented({})).hooks, ["OnActivate"]);
        await assert.rejects(hooks.OnDeactivate({}), { code: status.UNIMPLEMENTED });
    });
});

describe("the API", () => {
    async function serve(implementation: UntypedServiceImplementation) {
        const service: Definition = PluginAPIDefinition;
        const methods = Object.values(service.methods).filter((method) => method.name in implementation);
        const definition = Object.fromEntries(methods.map((method) => [method.name, grpcMethod(service, method)]));
        await listen(definition, implementation);
        return connection.service(PluginAPIDefinition);
    }

    it("stops to send when the answer is there", async () => {
        const api = await serve({
            UploadData: (call: any, callback: any) => call.once("data", () => callback(null, { fileInfo: undefined })),
        });
        await new Promise<void>((stopped, failed) => {
            async function* endless() {
                try {
                    yield { message: { $case: "start" as const, value: UploadDataStart.create({}) } };
                    for (;;) {
                        yield { message: { $case: "data" as const, value: Buffer.alloc(65536) } };
                    }
                } finally {
                    stopped();
                }
            }
            api.UploadData(endless()).catch(failed);
        });
    });

    it("fails with what the source of a stream has thrown", async () => {
        const api = await serve({
            UploadData: (call: any) => call.resume(),
            PluginHTTP: (call: any) => call.resume(),
        });
        const failure = new RangeError("no more");
        async function* broken(): AsyncGenerator<never> {
            throw failure;
        }
        await assert.rejects(api.UploadData(broken()), failure);
        await assert.rejects(async () => {
            for await (const _ of api.PluginHTTP(broken())) {
                assert.fail("nothing was sent");
            }
        }, failure);
    });

    it("lets a reader go before the end", async () => {
        const api = await serve({
            PluginHTTP(call: any) {
                call.write({ message: { $case: "data", value: Buffer.from("x") } });
            },
        });
        for await (const { message } of api.PluginHTTP([])) {
            assert.equal(message?.$case, "data");
            break;
        }
    });

    it("gives up in time", async () => {
        const api = await serve({ GetUser: () => undefined });
        await assert.rejects(api.GetUser({ userId: "u" }, { timeout: 20 }), { code: status.DEADLINE_EXCEEDED });
    });
});

describe("values", () => {
    it("keep their kinds on the way", () => {
        const plain: Plain = {
            text: "größe",
            int: 9007199254740993n,
            large: 18446744073709551615n,
            float: 1,
            bytes: Buffer.from([0, 255]),
            list: [null, true, { __proto__: null, inner: [] }],
        };
        const there = Value.decode(Value.encode(toValue(plain)).finish());
        const expected = { ...plain, list: [null, true, { inner: [] }] };
        assert.deepEqual(fromValue(there), expected);
    });

    it("have keys of any name", () => {
        const there = Value.decode(Value.encode(toValue(JSON.parse('{"__proto__": "x"}'))).finish());
        assert.deepEqual(Object.entries(fromValue(there) as object), [["__proto__", "x"]]);
    });
});

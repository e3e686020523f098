// The hooks with streams: ServeHTTP, ServeMetrics and FileWillBeUploaded.

import type { API } from "./runtime/run";
import type {
    FileWillBeUploadedRequest,
    FileWillBeUploadedResponse,
    HeaderValues,
    ServeHTTPRequest,
    ServeHTTPResponse,
    ServeMetricsRequest,
} from "./stubs/index.mattermost.plugin.v1";
import { chunks, Digest } from "./bodies";
import { describe } from "./descriptors";
import { toThrow } from "./errors";
import { type Fields, fields, type Tree } from "./json";
import { fromSlots, slots, toTree } from "./messages";
import { headers } from "./stream_calls";
import { Wanted } from "./wanted";

type HTTPRequest = ServeHTTPRequest | ServeMetricsRequest;
type HTTPResponse = Exclude<ServeHTTPResponse["message"], { $case: "deadline" } | undefined>;

/** Does what the host wants of ServeHTTP or ServeMetrics. */
export async function* serve(hook: string, requests: AsyncIterable<HTTPRequest>, api: API): AsyncGenerator<any> {
    const wanted = await Wanted.of(hook, api);
    const incoming = requests[Symbol.asyncIterator]();
    const first = (await incoming.next()).value?.message;
    if (!wanted || first?.$case !== "start") {
        return;
    }
    const { request, context, headers: preset } = first.value;
    const received = {
        args: [
            request && toTree(describe("HTTPRequestSubset"), request),
            context && toTree(describe("Context"), context),
        ],
        headers: headers(preset),
    } as { [key: string]: Tree };
    const body = await read(incoming, wanted.number("read"));
    const hijack = wanted.get("hijack");
    if (typeof hijack === "string") {
        yield* takeOver(incoming, hijack, body);
        await wanted.record({ ...received, body: body.tree() });
        return;
    }
    await wanted.record({ ...received, body: body.tree() });
    yield* respond(wanted, preset);
}

async function* respond(wanted: Wanted, preset: Map<string, HeaderValues>): AsyncGenerator<{ message: HTTPResponse }> {
    const status = wanted.get("status");
    const changes = wanted.get("headers");
    if (status !== undefined || changes !== undefined) {
        const all = changeHeaders(preset, (changes ?? new Map()) as Fields);
        yield { message: { $case: "head", value: { status: Number(status ?? 200n), headers: all } } };
    }
    for await (const { data, flush } of chunks(wanted.get("body"))) {
        yield { message: { $case: "data", value: { data, flush, buffered: false } } };
    }
    failIfWanted(wanted);
}

function changeHeaders(preset: Map<string, HeaderValues>, changes: Fields): Map<string, HeaderValues> {
    const all = new Map(preset);
    for (const [name, values] of changes) {
        if (values === null) {
            all.delete(name);
        } else {
            all.set(name, { values: values as string[] });
        }
    }
    return all;
}

/** Takes the connection over, writes a text, and then whatever comes until the client has sent its last. */
async function* takeOver(
    incoming: AsyncIterator<HTTPRequest>,
    text: string,
    seen: Digest,
): AsyncGenerator<{ message: HTTPResponse }> {
    const answer = (data: Buffer): { message: HTTPResponse } => ({
        message: { $case: "data", value: { data, flush: false, buffered: false } },
    });
    yield { message: { $case: "hijack", value: {} } };
    // What was left of the request's body may still come before the answer.
    for (let taken = false; ;) {
        const message = (await incoming.next()).value?.message as ServeHTTPRequest["message"];
        if (message?.$case === "hijacked") {
            if (message.value.error) {
                throw new Error(message.value.error);
            }
            taken = true;
            yield answer(Buffer.from(text));
        } else if (taken && message?.$case === "data") {
            seen.add(message.value);
            yield answer(message.value);
        } else if (taken || !message) {
            return;
        }
    }
}

/** Does what the host wants of FileWillBeUploaded. */
export async function* upload(
    requests: AsyncIterable<FileWillBeUploadedRequest>,
    api: API,
): AsyncGenerator<FileWillBeUploadedResponse> {
    const wanted = await Wanted.of("FileWillBeUploaded", api);
    const incoming = requests[Symbol.asyncIterator]();
    const first = (await incoming.next()).value?.message;
    if (!wanted || first?.$case !== "start") {
        return;
    }
    const args = slots("FileWillBeUploadedStart", first.value);
    if (wanted.answer === "error") {
        await wanted.record({ args });
        throw toThrow(wanted.get("error") as Fields);
    }
    const body = await read(incoming, wanted.number("read"));
    await wanted.record({ args, body: body.tree() });
    for await (const { data } of chunks(wanted.get("body"))) {
        yield { message: { $case: "data", value: data } };
    }
    failIfWanted(wanted);
    if (wanted.get("returns") !== undefined) {
        const result = fromSlots("FileWillBeUploadedResult", wanted.list("returns")) as any;
        yield { message: { $case: "result", value: result } };
    }
}

/** Reads so many bytes, or all with -1. */
async function read(incoming: AsyncIterator<HTTPRequest | FileWillBeUploadedRequest>, wanted: number): Promise<Digest> {
    const body = new Digest();
    let left = wanted;
    while (left !== 0) {
        const message = (await incoming.next()).value?.message;
        if (message?.$case === "end" && message.value.error) {
            throw new Error(message.value.error);
        }
        if (message?.$case !== "data") {
            break;
        }
        const data = left < 0 ? message.value : message.value.subarray(0, left);
        body.add(data);
        left -= left > 0 ? data.length : 0;
    }
    return body;
}

function failIfWanted(wanted: Wanted): void {
    const text = wanted.get("fail");
    if (typeof text === "string") {
        throw toThrow(fields({ kind: "error", message: text }));
    }
}

// The API methods with streams: UploadData, InstallPlugin and PluginHTTP.

import type { API } from "./runtime/run";
import type { HeaderValues, PluginHTTPRequest } from "./stubs/index.mattermost.plugin.v1";
import { chunks, Digest } from "./bodies";
import type { Message } from "./descriptors";
import { type Fields, fields, type Tree } from "./json";
import { fromSlots, slots } from "./messages";

/** Makes the call of a plan's line. */
export async function callWithStream(api: API, line: Fields): Promise<Fields> {
    const name = line.get("method") as string;
    switch (name) {
        case "UploadData":
            return fields({ results: slots(`${name}Response`, await api.UploadData(requests(name, line))) });
        case "InstallPlugin":
            return fields({ results: slots(`${name}Response`, await api.InstallPlugin(requests(name, line))) });
        case "PluginHTTP":
            return pluginHTTP(api, requests(name, line));
        default:
            throw new Error(`${name} has no stream`);
    }
}

async function pluginHTTP(api: API, sent: AsyncIterable<PluginHTTPRequest>): Promise<Fields> {
    let results: Tree | undefined;
    const body = new Digest();
    for await (const { message } of api.PluginHTTP(sent)) {
        switch (message?.$case) {
            case "head":
                results = [BigInt(message.value.status), headers(message.value.headers)];
                break;
            case "data":
                body.add(message.value);
                break;
            case "end":
                if (message.value.error) {
                    return fields({ broken: message.value.error });
                }
        }
    }
    return fields({ results, body: body.tree() });
}

/** The messages of a call: first the arguments, then the body. */
async function* requests(name: string, line: Fields): AsyncGenerator<any> {
    const start = fromSlots(`${name}Start`, line.get("args") as Tree[]);
    yield message("start", start);
    const body = line.get("body") as Fields;
    for await (const { data } of chunks(body)) {
        yield message("data", data);
    }
    if (body.has("broken")) {
        yield message("end", { error: body.get("broken") });
    }
}

function message($case: string, value: Message): { message: Message } {
    return { message: { $case, value } };
}

/** HTTP headers in canonical JSON. */
export function headers(map: Map<string, HeaderValues>): Tree {
    return new Map([...map].map(([name, { values }]) => [name, values]));
}

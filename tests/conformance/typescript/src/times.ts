// Points in time: canonical JSON <-> the message Timestamp.

import { fields, type Tree } from "./json";
import type { Timestamp } from "./stubs/google/protobuf/timestamp";

/** From protobuf to canonical JSON, with nanoseconds. */
export function timeToTree({ seconds, nanos }: Timestamp): Tree {
    const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -".000Z".length);
    return fields({ $time: `${whole}.${String(nanos).padStart(9, "0")}Z` });
}

/** From canonical JSON to protobuf. */
export function timeFromTree(tree: Tree): Timestamp {
    const text = tree instanceof Map ? tree.get("$time") : undefined;
    const parts = typeof text === "string" ? /^(.*:\d\d)(\.\d+)?(Z|[-+]\d\d:\d\d)$/.exec(text) : null;
    if (!parts) {
        throw new Error("this is no time");
    }
    const [, whole, fraction, zone] = parts;
    const nanos = (fraction ?? ".").slice(1).padEnd(9, "0").slice(0, 9);
    return { seconds: BigInt(Date.parse(`${whole}${zone}`) / 1000), nanos: Number(nanos) };
}

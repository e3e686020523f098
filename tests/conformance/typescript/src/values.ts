// Values without a fixed shape: canonical JSON <-> the message Value.

import { type Fields, fields, type Tree } from "./json";
import type { Value } from "./stubs/index.mattermost.plugin.v1";

/** From protobuf to canonical JSON. */
export function valueToTree(value: Value): Tree {
    const kind = value.kind;
    switch (kind?.$case) {
        case undefined:
        case "nullValue":
            return null;
        case "bytesValue":
            return bytesToTree(kind.value);
        case "listValue":
            return kind.value.values.map(valueToTree);
        case "mapValue":
            return new Map([...kind.value.values].map(([key, item]) => [key, valueToTree(item)]));
        case "boolValue":
        case "intValue":
        case "uintValue":
        case "doubleValue":
        case "stringValue":
            return kind.value;
    }
}

/** From canonical JSON to protobuf. */
export function valueFromTree(tree: Tree): Value {
    return { kind: kindOf(tree) };
}

function kindOf(tree: Tree): Value["kind"] {
    if (tree === null) {
        return { $case: "nullValue", value: 0 };
    }
    if (Array.isArray(tree)) {
        return { $case: "listValue", value: { values: tree.map(valueFromTree) } };
    }
    if (tree instanceof Map) {
        return bytesOrMap(tree);
    }
    switch (typeof tree) {
        case "boolean":
            return { $case: "boolValue", value: tree };
        case "bigint":
            return tree < 1n << 63n ? { $case: "intValue", value: tree } : { $case: "uintValue", value: tree };
        case "number":
            return { $case: "doubleValue", value: tree };
        case "string":
            return { $case: "stringValue", value: tree };
    }
}

function bytesOrMap(tree: Fields): Value["kind"] {
    if (tree.size === 1 && tree.has("$bytes")) {
        return { $case: "bytesValue", value: bytesFromTree(tree) };
    }
    const values = new Map([...tree].map(([key, item]) => [key, valueFromTree(item)]));
    return { $case: "mapValue", value: { values } };
}

/** Bytes in canonical JSON. */
export function bytesToTree(data: Uint8Array): Tree {
    return fields({ $bytes: Buffer.from(data).toString("base64") });
}

/** Bytes from canonical JSON. */
export function bytesFromTree(tree: Tree): Buffer {
    const text = tree instanceof Map ? tree.get("$bytes") : undefined;
    if (typeof text !== "string") {
        throw new Error("these are no bytes");
    }
    return Buffer.from(text, "base64");
}

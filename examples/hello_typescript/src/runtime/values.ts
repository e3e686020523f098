// Free-form values, such as the props of a post.

import { ListValue, MapValue, Value } from "../stubs/index.mattermost.plugin.v1";

/** A free-form value in JavaScript. Integers are bigints and other numbers numbers, because Go tells them apart. */
export type Plain =
    null | undefined | boolean | bigint | number | string | Uint8Array | Plain[] | { [key: string]: Plain };

/** From JavaScript to protobuf. */
export function toValue(plain: Plain): Value {
    return { kind: kind(plain) };
}

function kind(plain: Plain): Value["kind"] {
    switch (typeof plain) {
        case "boolean":
            return { $case: "boolValue", value: plain };
        case "bigint":
            return plain < 1n << 63n ? { $case: "intValue", value: plain } : { $case: "uintValue", value: plain };
        case "number":
            return { $case: "doubleValue", value: plain };
        case "string":
            return { $case: "stringValue", value: plain };
    }
    if (plain === null || plain === undefined) {
        return { $case: "nullValue", value: 0 };
    }
    if (plain instanceof Uint8Array) {
        return { $case: "bytesValue", value: Buffer.from(plain) };
    }
    if (Array.isArray(plain)) {
        return { $case: "listValue", value: ListValue.create({ values: plain.map(toValue) }) };
    }
    return { $case: "mapValue", value: { values: toValues(plain) } };
}

/** From protobuf to JavaScript. */
export function fromValue(value: Value | undefined): Plain {
    const kind = value?.kind;
    if (!kind) {
        return null;
    }
    switch (kind.$case) {
        case "nullValue":
            return null;
        case "listValue":
            return kind.value.values.map(fromValue);
        case "mapValue":
            return fromValues(kind.value.values);
        default:
            return kind.value;
    }
}

/** The same for maps, which is what most such fields are. */
export function toValues(plain: { [key: string]: Plain }): Map<string, Value> {
    return new Map(Object.entries(plain).map(([key, item]) => [key, toValue(item)]));
}

export function fromValues(values: Map<string, Value>): { [key: string]: Plain } {
    return Object.fromEntries([...values].map(([key, item]) => [key, fromValue(item)]));
}

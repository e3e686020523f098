// What the proto files say of messages and methods, at run time.

import { createFileRegistry, type DescField, type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

import descriptors from "./stubs/descriptors.binpb";
import * as stubs from "./stubs/index.mattermost.plugin.v1";
import keys from "./stubs/keys.json";

const PACKAGE = "mattermost.plugin.v1";
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));

/** A message as the stubs have it. */
export type Message = { [property: string]: any };

/** The message of this name, which is without that of the package. */
export function describe(name: string): DescMessage {
    const found = registry.getMessage(`${PACKAGE}.${name}`);
    if (!found) {
        throw new Error(`there is no message ${name}`);
    }
    return found;
}

/** An empty message, which has the zero value in every field. */
export function empty(message: DescMessage): Message {
    const codec = (stubs as unknown as { [name: string]: { fromPartial(fields: object): Message } })[message.name];
    if (!codec) {
        throw new Error(`the stubs have no message ${message.name}`);
    }
    return codec.fromPartial({});
}

/** The fields by their numbers, which is Go's order. */
export function inOrder(message: DescMessage): DescField[] {
    return [...message.fields].sort((one, other) => one.number - other.number);
}

/** The only field of a message that stands for a list or map. */
export function onlyField(message: DescMessage): DescField {
    const field = message.fields[0];
    if (!field || message.fields.length > 1) {
        throw new Error(`${message.name} is no list and no map`);
    }
    return field;
}

/** The property that the stubs have for a field. */
export function property(field: DescField): string {
    return field.jsonName;
}

/** The keys of canonical JSON by the numbers of a struct's fields, null for an embedded struct. Other messages have none. */
export function keysOf(message: DescMessage): { [number: string]: string | null } | undefined {
    return (keys as { [name: string]: { [number: string]: string | null } })[message.name];
}

// Messages of the stubs <-> canonical JSON, by the proto files' descriptors.

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

import { describe, empty, inOrder, keysOf, type Message, onlyField, property } from "./descriptors";
import { errorFromTree, errorToTree } from "./errors";
import { type Fields, type Tree } from "./json";
import { timeFromTree, timeToTree } from "./times";
import { bytesFromTree, bytesToTree, valueFromTree, valueToTree } from "./values";

/** Messages that have a canonical form of their own. */
const SPECIAL: { [name: string]: { toTree(message: any): Tree; fromTree(tree: Tree): Message } } = {
    "google.protobuf.Timestamp": { toTree: timeToTree, fromTree: timeFromTree },
    "mattermost.plugin.v1.Error": { toTree: errorToTree, fromTree: errorFromTree },
    "mattermost.plugin.v1.Value": { toTree: valueToTree, fromTree: valueFromTree },
};

/** The fields of a request or response, in the order of Go's arguments or results. */
export function slots(name: string, message: Message): Tree[] {
    return inOrder(describe(name)).map((field) => fieldToTree(field, message[property(field)]));
}

/** The other way. */
export function fromSlots(name: string, trees: Tree[]): Message {
    const description = describe(name);
    const fields = inOrder(description);
    if (fields.length !== trees.length) {
        throw new Error(`${name} has ${fields.length} fields, not ${trees.length}`);
    }
    const message = empty(description);
    fields.forEach((field, at) => setField(message, field, trees[at] as Tree));
    return message;
}

/** The canonical form of a message. */
export function toTree(description: DescMessage, message: Message): Tree {
    const special = SPECIAL[description.typeName];
    if (special) {
        return special.toTree(message);
    }
    const keys = keysOf(description);
    if (!keys) {
        const field = onlyField(description);
        return fieldToTree(field, message[property(field)]);
    }
    const tree: Fields = new Map();
    for (const field of inOrder(description)) {
        const key = keyOf(keys, field);
        const item = fieldToTree(field, message[property(field)]);
        if (key !== null) {
            tree.set(key, item);
        } else if (item instanceof Map) {
            item.forEach((value, name) => tree.set(name, value));
        }
    }
    return tree;
}

function fromTree(description: DescMessage, tree: Tree): Message {
    const special = SPECIAL[description.typeName];
    if (special) {
        return special.fromTree(tree);
    }
    const message = empty(description);
    const keys = keysOf(description);
    if (!keys) {
        setField(message, onlyField(description), tree);
        return message;
    }
    if (!(tree instanceof Map)) {
        throw new Error(`${description.name} is no object`);
    }
    const rest: Fields = new Map(tree);
    for (const field of inOrder(description)) {
        setStructField(message, field, keyOf(keys, field), rest);
    }
    if (rest.size) {
        throw new Error(`${description.name} has no field ${[...rest.keys()].join(", ")}`);
    }
    return message;
}

/** Takes what belongs to a field out of an object. */
function setStructField(message: Message, field: DescField, key: string | null, rest: Fields): void {
    const own = key === null ? embeddedKeys(field) : [key];
    const taken = own.filter((name) => rest.has(name)).map((name): [string, Tree] => [name, rest.get(name) as Tree]);
    taken.forEach(([name]) => rest.delete(name));
    if (taken.length) {
        setField(message, field, key === null ? new Map(taken) : (taken[0] as [string, Tree])[1]);
    }
}

function embeddedKeys(field: DescField): string[] {
    const keys = field.message && keysOf(field.message);
    return Object.values(keys ?? {}).filter((key) => key !== null);
}

function keyOf(keys: { [number: string]: string | null }, field: DescField): string | null {
    const key = keys[field.number];
    if (key === undefined) {
        throw new Error(`the schema has no key for ${field.parent.name}.${field.name}`);
    }
    return key;
}

function fieldToTree(field: DescField, content: any): Tree {
    switch (field.fieldKind) {
        case "list":
            return content.length ? content.map((item: unknown) => itemToTree(field.message, item)) : null;
        case "map": {
            const entries = [...content].map(([key, item]): [string, Tree] => [
                String(key),
                itemToTree(field.message, item),
            ]);
            return entries.length ? new Map(entries) : null;
        }
        default:
            return content === undefined ? null : itemToTree(field.message, content, floating(field));
    }
}

function itemToTree(description: DescMessage | undefined, item: any, isFloat = false): Tree {
    if (description) {
        return toTree(description, item);
    }
    if (item instanceof Uint8Array) {
        return item.length ? bytesToTree(item) : null;
    }
    // Integers of up to 32 bits are numbers in the stubs.
    return typeof item === "number" && !isFloat ? BigInt(item) : item;
}

function setField(message: Message, field: DescField, tree: Tree): void {
    if (tree === null) {
        return;
    }
    const name = property(field);
    switch (field.fieldKind) {
        case "list":
            message[name] = (tree as Tree[]).map((item) => itemFromTree(field, item));
            return;
        case "map": {
            const key = (text: string) => (field.mapKey === ScalarType.STRING ? text : keyFromText(field.mapKey, text));
            message[name] = new Map(
                [...(tree as Fields)].map(([text, item]) => [key(text), itemFromTree(field, item)]),
            );
            return;
        }
        default:
            message[name] = field.message ? fromTree(field.message, tree) : scalarFromTree(field, tree);
    }
}

function keyFromText(type: ScalarType, text: string): bigint | number | boolean {
    switch (type) {
        case ScalarType.INT64:
        case ScalarType.UINT64:
            return BigInt(text);
        case ScalarType.BOOL:
            return text === "true";
        default:
            return Number(text);
    }
}

/** What is in a list or map, where a nil has to be sent as something. */
function itemFromTree(field: DescField, tree: Tree): unknown {
    if (!field.message) {
        return scalarFromTree(field, tree);
    }
    if (tree === null && !(field.message.typeName in SPECIAL)) {
        if (keysOf(field.message)) {
            throw new Error(`${field.name}: a list or map of ${field.message.name} holds a nil`);
        }
        return empty(field.message);
    }
    return fromTree(field.message, tree);
}

function scalarFromTree(field: DescField, tree: Tree): unknown {
    switch (field.scalar) {
        case ScalarType.BYTES:
            return tree === null ? Buffer.alloc(0) : bytesFromTree(tree);
        case ScalarType.INT64:
        case ScalarType.UINT64:
            return checked(field, tree, "bigint");
        case ScalarType.INT32:
        case ScalarType.UINT32:
            return Number(checked(field, tree, "bigint"));
        case ScalarType.FLOAT:
        case ScalarType.DOUBLE:
            return checked(field, tree, "number");
        case ScalarType.BOOL:
            return checked(field, tree, "boolean");
        default:
            return checked(field, tree, "string");
    }
}

function checked(field: DescField, tree: Tree, type: string): Tree {
    if (typeof tree !== type) {
        throw new Error(`${field.parent.name}.${field.name} is a ${type}, not a ${typeof tree}`);
    }
    return tree;
}

function floating(field: DescField): boolean {
    return field.scalar === ScalarType.DOUBLE || field.scalar === ScalarType.FLOAT;
}

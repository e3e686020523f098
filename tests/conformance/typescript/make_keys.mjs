// Writes keys.json from the schema: `make_keys.mjs SCHEMA_DIRECTORY KEYS_JSON`. Of each struct, which key of canonical JSON
// the field with a number is; null for an embedded struct. The rule is in schema/README.md.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [schema, target] = process.argv.slice(2);
const { types } = JSON.parse(readFileSync(join(schema, "mattermost.json"), "utf8"));
const goNames = namesIn(readFileSync(join(schema, "overrides.toml"), "utf8"));
const numbers = numbersIn(readFileSync(join(schema, "lock.toml"), "utf8"));

const keys = {};
for (const [name, type] of Object.entries(types)) {
    if (type.kind === "struct" && numbers[name]) {
        const entries = type.fields.map((field) => [numbers[name][field.name], key(field, goNames.has(name))]);
        keys[name] = Object.fromEntries(entries);
    }
}
writeFileSync(target, JSON.stringify(keys));

/** The list `types` in the section `[go_names]`. */
function namesIn(toml) {
    const section = /^\[go_names\]\ntypes = \[([^\]]*)\]/m.exec(toml);
    return new Set([...section[1].matchAll(/"(\w+)"/g)].map((found) => found[1]));
}

/** The sections `[fields.Type]`, which hold nothing but names and numbers. */
function numbersIn(toml) {
    const sections = {};
    let section = {};
    for (const line of toml.split("\n")) {
        const head = /^\[(.*)\]$/.exec(line);
        const entry = /^(\w+) = (\d+)$/.exec(line);
        if (head) {
            section = {};
            if (head[1].startsWith("fields.")) {
                sections[head[1].slice("fields.".length)] = section;
            }
        } else if (entry) {
            section[entry[1]] = Number(entry[2]);
        }
    }
    return sections;
}

function key(field, keepsGoName) {
    if (field.embedded) {
        return null;
    }
    if (field.json && field.json !== "-") {
        return field.json;
    }
    return keepsGoName ? field.name : snakeCase(field.name);
}

function snakeCase(name) {
    return name
        .replace(/([A-Z])([A-Z]+)s(?![a-z])/g, (_, first, rest) => `${first}${rest.toLowerCase()}s`)
        .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
        .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
        .toLowerCase();
}

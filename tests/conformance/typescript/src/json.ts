// JSON in which integers and floats are told apart, and integers are exact: canonical JSON needs both.

/** A document. Integers are bigints, floats numbers; objects are maps, so that no key has a meaning of its own. */
export type Tree = null | boolean | bigint | number | string | Tree[] | Fields;

/** An object. */
export type Fields = Map<string, Tree>;

/** Reads a document. */
export function parse(text: string): Tree {
    const reader = new Reader(text);
    const tree = reader.value();
    reader.end();
    return tree;
}

/** Writes a document in one line. */
export function write(tree: Tree): string {
    if (tree instanceof Map) {
        return `{${[...tree].map(([key, item]) => `${JSON.stringify(key)}:${write(item)}`).join(",")}}`;
    }
    if (Array.isArray(tree)) {
        return `[${tree.map(write).join(",")}]`;
    }
    switch (typeof tree) {
        case "bigint":
            return tree.toString();
        case "number":
            return writeFloat(tree);
        default:
            return JSON.stringify(tree);
    }
}

/** An object from its entries. Those whose value is undefined are left out. */
export function fields(entries: { [key: string]: Tree | undefined }): Fields {
    return new Map(Object.entries(entries).filter((entry): entry is [string, Tree] => entry[1] !== undefined));
}

function writeFloat(value: number): string {
    if (!Number.isFinite(value)) {
        throw new Error(`JSON has no ${value}`);
    }
    const text = Object.is(value, -0) ? "-0" : String(value);
    return /[.e]/.test(text) ? text : `${text}.0`;
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const NUMBER = /-?\d+(\.\d+)?([eE][-+]?\d+)?/y;
const WORD = /true|false|null/y;

class Reader {
    private at = 0;

    constructor(private readonly text: string) {}

    value(): Tree {
        this.take(SPACE);
        switch (this.text[this.at]) {
            case "{":
                return this.object();
            case "[":
                return this.list();
            case '"':
                return this.string();
        }
        const word = this.take(WORD);
        return word === undefined ? this.number() : (JSON.parse(word) as boolean | null);
    }

    end(): void {
        this.take(SPACE);
        if (this.at < this.text.length) {
            this.fail("the end");
        }
    }

    private object(): Fields {
        const tree: Fields = new Map();
        for (let first = true; !this.closes("{", "}", first); first = false) {
            this.take(SPACE);
            const key = this.string();
            this.expect(":");
            tree.set(key, this.value());
        }
        return tree;
    }

    private list(): Tree[] {
        const tree: Tree[] = [];
        for (let first = true; !this.closes("[", "]", first); first = false) {
            tree.push(this.value());
        }
        return tree;
    }

    /** Takes what stands before an item, or the end. */
    private closes(open: string, close: string, first: boolean): boolean {
        if (first) {
            this.expect(open);
        }
        this.take(SPACE);
        if (this.text[this.at] === close) {
            this.at += 1;
            return true;
        }
        if (!first) {
            this.expect(",");
        }
        return false;
    }

    private string(): string {
        return JSON.parse(this.take(STRING) ?? this.fail("a string")) as string;
    }

    private number(): bigint | number {
        const text = this.take(NUMBER) ?? this.fail("a value");
        return /[.eE]/.test(text) ? Number(text) : BigInt(text);
    }

    private expect(mark: string): void {
        this.take(SPACE);
        if (this.text[this.at] !== mark) {
            this.fail(mark);
        }
        this.at += 1;
    }

    private take(pattern: RegExp): string | undefined {
        pattern.lastIndex = this.at;
        const found = pattern.exec(this.text)?.[0];
        this.at += found?.length ?? 0;
        return found;
    }

    private fail(expected: string): never {
        throw new Error(`JSON: ${expected} expected at ${this.at}: ${this.text.slice(this.at, this.at + 20)}`);
    }
}

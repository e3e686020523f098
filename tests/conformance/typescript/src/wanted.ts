// What the host wants a hook to do, from hook.json, and what the hook has received, for hook.out.json.

import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { fromValue } from "./runtime/values";
import type { API } from "./runtime/run";
import { type Fields, fields, parse, type Tree, write } from "./json";

export class Wanted {
    private constructor(
        private readonly directory: string,
        private readonly content: Fields,
    ) {}

    /** Reads the file; nothing if there is none, or if it is about another hook. */
    static async of(hook: string, api: API): Promise<Wanted | undefined> {
        const { configuration } = await api.LoadPluginConfiguration({});
        const settings = fromValue(configuration) as { conformance_dir?: string } | null;
        const directory = settings?.conformance_dir;
        if (directory === undefined) {
            return undefined;
        }
        const text = await readIfThere(join(directory, "hook.json"));
        const content = text === undefined ? undefined : parse(text);
        return content instanceof Map && content.get("hook") === hook ? new Wanted(directory, content) : undefined;
    }

    /** What the hook shall do. */
    get answer(): string {
        return this.content.get("answer") as string;
    }

    get(key: string): Tree | undefined {
        return this.content.get(key);
    }

    list(key: string): Tree[] {
        return (this.content.get(key) ?? []) as Tree[];
    }

    number(key: string): number {
        return Number(this.content.get(key) ?? 0n);
    }

    /** Writes down what the hook has received. */
    async record(received: { [key: string]: Tree | undefined }): Promise<void> {
        const head = { case: this.content.get("case"), hook: this.content.get("hook") };
        const text = write(fields({ ...head, ...received }));
        if (this.answer === "note") {
            // One write of a whole line, because other handlers write, too.
            await appendFile(join(this.directory, "hook.notes"), `${text}\n`);
            return;
        }
        await writeFile(join(this.directory, "hook.out.json"), text);
    }
}

async function readIfThere(path: string): Promise<string | undefined> {
    try {
        return await readFile(path, "utf8");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            return undefined;
        }
        throw error;
    }
}

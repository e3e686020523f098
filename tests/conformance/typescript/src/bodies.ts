// Bytes that are sent in pieces, and bytes that are counted and hashed as they come.

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

import { type Fields, fields, type Tree } from "./json";

/** The pieces of a body, and whether the client shall have them at once. */
export async function* chunks(body: Tree | undefined): AsyncGenerator<{ data: Buffer; flush: boolean }> {
    const list = body instanceof Map ? body.get("chunks") : undefined;
    if (!(body instanceof Map) || !Array.isArray(list)) {
        return;
    }
    const file = await open(body.get("path") as string);
    try {
        for (const chunk of list as Fields[]) {
            const data = Buffer.alloc(Number(chunk.get("size")));
            const { bytesRead } = await file.read(data);
            if (bytesRead < data.length) {
                throw new Error("the file is shorter than its chunks");
            }
            yield { data, flush: chunk.get("flush") === true };
        }
    } finally {
        await file.close();
    }
}

/** What was received. */
export class Digest {
    private size = 0;
    private readonly hash = createHash("sha256");

    /** Counts a piece in. */
    add(data: Uint8Array): void {
        this.size += data.length;
        this.hash.update(data);
    }

    /** The form in which the host wants to hear of it. */
    tree(): Tree {
        return fields({ size: BigInt(this.size), sha256: this.hash.digest("hex") });
    }
}

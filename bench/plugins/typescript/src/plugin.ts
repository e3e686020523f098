// The benchmark's plugin in TypeScript: what `go/goplugin` does for the same messages.

import type { Hooks } from "./runtime/hooks";
import type { Environment } from "./runtime/run";

/** How many API calls a `bench:kvget` or `bench:getuser` hook makes. */
const CALLS = 25;

export function benchPlugin({ api }: Environment): Hooks {
    return {
        async MessageWillBePosted({ post }) {
            const [word, ...rest] = post?.message.split(" ") ?? [];
            if (post && word === "bench:edit") {
                post.message += " (seen)";
                return { post };
            }
            if (word === "bench:kvget") {
                for (let count = 0; count < CALLS; count++) {
                    await api.KVGet({ key: rest.join(" ") });
                }
            } else if (word === "bench:getuser") {
                for (let count = 0; count < CALLS; count++) {
                    await api.GetUser({ userId: rest.join(" ") });
                }
            }
            return undefined;
        },
    };
}

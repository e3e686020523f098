// The token that only the bridge and this program know, and the pipe that it comes through.

import { timingSafeEqual } from "node:crypto";
import type { Readable } from "node:stream";

import { Metadata, type ServerInterceptor, ServerInterceptingCall, status } from "@grpc/grpc-js";

const HEADER = "authorization";

/** Reads the first line of the pipe. `gone` is called when the pipe ends, for then the bridge has. */
export function readToken(pipe: Readable, gone: () => void): Promise<string> {
    return new Promise((resolve) => {
        let text = "";
        pipe.setEncoding("utf8");
        pipe.on("data", (chunk: string) => {
            text += chunk;
            const end = text.indexOf("\n");
            if (end >= 0) {
                resolve(text.slice(0, end));
                text = "";
            }
        });
        pipe.on("end", gone);
        pipe.on("error", gone);
    });
}

/** The metadata of every call of the plugin API. */
export function withToken(token: string): Metadata {
    const metadata = new Metadata();
    metadata.set(HEADER, `Bearer ${token}`);
    return metadata;
}

/** Refuses calls that do not carry the token, before any handler sees them. */
export function requireToken(token: string): ServerInterceptor {
    const expected = Buffer.from(`Bearer ${token}`);
    const refusal = { code: status.UNAUTHENTICATED, details: "the token is missing or wrong" };
    return (_, call) =>
        new ServerInterceptingCall(call, {
            start: (next) =>
                next({
                    onReceiveMetadata(metadata, forward) {
                        if (metadata.get(HEADER).some((value) => same(Buffer.from(value), expected))) {
                            forward(metadata);
                        } else {
                            call.sendStatus(refusal);
                        }
                    },
                }),
        });
}

function same(value: Buffer, expected: Buffer): boolean {
    return value.length === expected.length && timingSafeEqual(value, expected);
}

// Errors of the plugin API: a gRPC status whose details hold Mattermost's own error.

import { Metadata, type ServiceError, status } from "@grpc/grpc-js";

import { Any } from "../stubs/google/protobuf/any";
import { Status } from "../stubs/google/rpc/status";
import { AppError, GoError } from "../stubs/index.mattermost.plugin.v1";

const DETAILS = "grpc-status-details-bin";
const TYPE = "type.googleapis.com/mattermost.plugin.v1.";

/** What an API call fails with, and what a hook may throw to fail with an error of its own. */
export class PluginAPIError extends Error {
    override readonly name = "PluginAPIError";

    constructor(
        message: string,
        /** The status of the call, for example `status.NOT_FOUND`. */
        readonly code: status = status.UNKNOWN,
        /** Mattermost's error, if it is one: its id, the status of HTTP, details for the log. */
        readonly appError?: AppError,
        /** The plain Go error, if it is one. */
        readonly goError?: GoError,
    ) {
        super(message);
    }

    /** The status of HTTP that goes with the error, 0 if it has none. */
    get statusCode(): number {
        return Number(this.appError?.statusCode ?? 0);
    }

    /** What grpc-js reports of a failed call, as an error with a type. */
    static fromStatus(error: Partial<ServiceError>): PluginAPIError {
        const message = error.details || error.message || "the call failed";
        const data = error.metadata?.get(DETAILS)[0];
        const details = Buffer.isBuffer(data) ? Status.decode(data).details : [];
        const app = details.find((detail) => detail.typeUrl === `${TYPE}AppError`);
        const plain = details.find((detail) => detail.typeUrl === `${TYPE}GoError`);
        const appError = app && AppError.decode(app.value);
        const goError = plain && GoError.decode(plain.value);
        return new PluginAPIError(message, error.code ?? status.UNKNOWN, appError, goError);
    }

    /** The form in which grpc-js sends the error as a method's answer. */
    toStatus(): { code: status; details: string; metadata: Metadata } {
        const code = this.code === status.OK ? status.UNKNOWN : this.code;
        const details: Any[] = [];
        if (this.appError) {
            details.push(
                Any.create({ typeUrl: `${TYPE}AppError`, value: bytes(AppError.encode(this.appError).finish()) }),
            );
        }
        const metadata = new Metadata();
        metadata.set(DETAILS, bytes(Status.encode(Status.create({ code, message: this.message, details })).finish()));
        return { code, details: this.message, metadata };
    }
}

function bytes(data: Uint8Array): Buffer {
    return Buffer.from(data);
}

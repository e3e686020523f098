// The plugin API: every method of a service as a function that returns a promise, or an iterable of what streams in.

import { Readable } from "node:stream";

import {
    type CallOptions,
    Client,
    credentials,
    type Metadata,
    type MethodDefinition,
    type ServiceError,
} from "@grpc/grpc-js";

import { PluginAPIError } from "./errors";
import {
    complete,
    type Definition,
    grpcMethod,
    type Method,
    type MethodNamed,
    type MethodNames,
    type Request,
    type Response,
} from "./methods";
import { withToken } from "./token";

/** What one call may be given besides its request. */
export interface CallSettings {
    /** Gives the call up. */
    signal?: AbortSignal;
    /** After how many milliseconds it fails with DEADLINE_EXCEEDED. */
    timeout?: number;
}

type AnyMethod = MethodDefinition<any, any>;

type StreamingCall = NodeJS.WritableStream & { cancel(): void };

type Stream<T> = AsyncIterable<T> | Iterable<T>;

type Call<M extends Method> = M["requestStream"] extends true
    ? M["responseStream"] extends true
        ? (requests: Stream<Request<M>>, settings?: CallSettings) => AsyncIterable<Response<M>>
        : (requests: Stream<Request<M>>, settings?: CallSettings) => Promise<Response<M>>
    : (request: Partial<Request<M>>, settings?: CallSettings) => Promise<Response<M>>;

/** A service of the bridge: `api.GetUser({ userId })`. */
export type ServiceClient<D extends Definition> = { readonly [N in MethodNames<D>]: Call<MethodNamed<D, N>> };

/** Connects to the bridge. The connection is made with the first call and lasts as long as the program. */
export class Connection {
    private readonly client: Client;
    private readonly metadata: Metadata;

    constructor(target: string, token: string) {
        // grpc-js takes 4 MiB at most if it is not told otherwise; the bridge has a limit of its own.
        this.client = new Client(target, credentials.createInsecure(), { "grpc.max_receive_message_length": -1 });
        this.metadata = withToken(token);
    }

    /** The methods of a service. */
    service<D extends Definition>(definition: D): ServiceClient<D> {
        const methods = Object.values(definition.methods).map((method) => [
            method.name,
            this.method(definition, method),
        ]);
        return Object.fromEntries(methods) as ServiceClient<D>;
    }

    close(): void {
        this.client.close();
    }

    private method(service: Definition, method: Method): unknown {
        const definition = grpcMethod(service, method);
        if (!method.requestStream) {
            return (request: object, settings?: CallSettings) =>
                this.unary(definition, complete(method.requestType, request), settings);
        }
        if (!method.responseStream) {
            return (requests: Stream<unknown>, settings?: CallSettings) => this.upload(definition, requests, settings);
        }
        return (requests: Stream<unknown>, settings?: CallSettings) => this.duplex(definition, requests, settings);
    }

    private unary(definition: AnyMethod, request: unknown, settings?: CallSettings): Promise<unknown> {
        return new Promise((resolve, reject) => {
            const call = this.client.makeUnaryRequest(
                definition.path,
                definition.requestSerialize,
                definition.responseDeserialize,
                request,
                this.metadata,
                options(settings),
                (error, response) => (error ? reject(PluginAPIError.fromStatus(error)) : resolve(response)),
            );
            cancelWith(call, settings);
        });
    }

    private upload(definition: AnyMethod, requests: Stream<unknown>, settings?: CallSettings): Promise<unknown> {
        return new Promise((resolve, reject) => {
            const call = this.client.makeClientStreamRequest(
                definition.path,
                definition.requestSerialize,
                definition.responseDeserialize,
                this.metadata,
                options(settings),
                (error, response) => (error ? reject(PluginAPIError.fromStatus(error)) : resolve(response)),
            );
            cancelWith(call, settings);
            send(requests, call, reject);
        });
    }

    private async *duplex(
        definition: AnyMethod,
        requests: Stream<unknown>,
        settings?: CallSettings,
    ): AsyncIterable<unknown> {
        const call = this.client.makeBidiStreamRequest(
            definition.path,
            definition.requestSerialize,
            definition.responseDeserialize,
            this.metadata,
            options(settings),
        );
        cancelWith(call, settings);
        // Who has stopped to read does not want to hear how the call ended.
        call.on("error", () => undefined);
        send(requests, call, (error) => call.destroy(error as Error));
        try {
            yield* call;
        } catch (error) {
            // What the requests' own source has thrown stays what it is.
            throw error instanceof Error && "details" in error
                ? PluginAPIError.fromStatus(error as ServiceError)
                : error;
        } finally {
            call.cancel();
        }
    }
}

function options(settings?: CallSettings): CallOptions {
    return settings?.timeout === undefined ? {} : { deadline: Date.now() + settings.timeout };
}

function cancelWith(call: { cancel(): void }, settings?: CallSettings): void {
    if (settings?.signal?.aborted) {
        call.cancel();
    } else {
        settings?.signal?.addEventListener("abort", () => call.cancel(), { once: true });
    }
}

/**
 * Sends what the iterable yields, no faster than the other side takes it. If the iterable fails the call is given up;
 * if the call is over before the iterable is, the rest is not asked for.
 */
function send(requests: Stream<unknown>, call: StreamingCall, failed: (error: unknown) => void): void {
    const source = Readable.from(requests);
    source.on("error", (error) => {
        failed(error);
        call.cancel();
    });
    call.on("status", () => source.destroy());
    source.pipe(call);
}

// Hooks: the plugin's functions as the service PluginHooks.

import { once } from "node:events";

import {
    type handleBidiStreamingCall,
    type handleUnaryCall,
    type MethodDefinition,
    type ServerDuplexStream,
    type ServiceDefinition,
    status,
    type UntypedServiceImplementation,
} from "@grpc/grpc-js";

import { PluginHooksDefinition } from "../stubs/index.mattermost.plugin.v1";
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

/** What a handler knows besides its request. */
export interface HookContext {
    /** Aborted when the server does not want the answer any more. */
    readonly signal: AbortSignal;
}

type Answer<M extends Method> = Partial<Response<M>> | void;

type Handler<M extends Method> = M["requestStream"] extends true
    ? (requests: AsyncIterable<Request<M>>, context: HookContext) => AsyncIterable<Response<M>>
    : (request: Request<M>, context: HookContext) => Answer<M> | Promise<Answer<M>>;

type HookName = Exclude<MethodNames<typeof PluginHooksDefinition>, "Implemented">;

/**
 * The handlers of a plugin. A handler that returns nothing has no opinion; one that throws does no harm, for the
 * server goes on as if it had said nothing. Hooks with streams are async generators.
 */
export type Hooks = { [N in HookName]?: Handler<MethodNamed<typeof PluginHooksDefinition, N>> };

/** A service in the form in which grpc-js takes it. */
export interface Service {
    definition: ServiceDefinition;
    implementation: UntypedServiceImplementation;
}

/** The service that calls the handlers, and tells the bridge which there are. */
export function hooksService(hooks: Hooks): Service {
    const service: Definition = PluginHooksDefinition;
    const handlers = hooks as Record<string, UntypedHandler | undefined>;
    const names = Object.keys(hooks).filter((name) => handlers[name]);
    const definition: Record<string, MethodDefinition<any, any>> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const method of Object.values(service.methods)) {
        const handler = method.name === "Implemented" ? () => ({ hooks: names }) : handlers[method.name];
        definition[method.name] = grpcMethod(service, method);
        if (handler) {
            implementation[method.name] = method.requestStream ? streaming(method, handler) : unary(method, handler);
        }
    }
    return { definition, implementation };
}

type UntypedHandler = (request: any, context: HookContext) => any;

function unary(method: Method, handler: UntypedHandler): handleUnaryCall<any, any> {
    return async (call, callback) => {
        try {
            const answer = await handler(call.request, { signal: signalOf(call) });
            callback(null, complete(method.responseType, answer));
        } catch (error) {
            callback(failure(method, error));
        }
    };
}

function streaming(method: Method, handler: UntypedHandler): handleBidiStreamingCall<any, any> {
    return async (call) => {
        const signal = signalOf(call);
        try {
            // A handler may stop reading without ending the call.
            const requests = call.iterator({ destroyOnReturn: false });
            for await (const response of handler(requests, { signal }) as AsyncIterable<unknown>) {
                await write(call, response, signal);
            }
            call.end();
        } catch (error) {
            if (!signal.aborted) {
                call.emit("error", failure(method, error));
            }
        }
    };
}

/** Writes no faster than the server takes it. */
async function write(call: ServerDuplexStream<any, any>, response: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!call.write(response)) {
        await once(call, "drain", { signal });
    }
}

function signalOf(call: { on(event: "cancelled", listener: () => void): unknown }): AbortSignal {
    const controller = new AbortController();
    call.on("cancelled", () => controller.abort());
    return controller.signal;
}

/**
 * The status that tells the server what a handler threw. Where it was thrown goes to standard error, which is in the
 * server's log.
 */
function failure(method: Method, error: unknown): ReturnType<PluginAPIError["toStatus"]> {
    if (error instanceof PluginAPIError) {
        return error.toStatus();
    }
    console.error(`${method.name}:`, error);
    return new PluginAPIError(String(error), status.UNKNOWN).toStatus();
}

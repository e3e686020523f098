// What the generated definitions of a service say of its methods, as types and for grpc-js.

import type { MethodDefinition } from "@grpc/grpc-js";

/** The codec of a message, as ts-proto generates it. */
export interface Codec<T> {
    encode(message: T): { finish(): Uint8Array };
    decode(input: Uint8Array): T;
    fromPartial(object: object): T;
}

/** One method in a generated definition. */
export interface Method {
    readonly name: string;
    readonly requestType: Codec<any>;
    readonly requestStream: boolean;
    readonly responseType: Codec<any>;
    readonly responseStream: boolean;
}

/** A service in the generated code, such as `PluginAPIDefinition`. */
export interface Definition {
    readonly fullName: string;
    readonly methods: { readonly [name: string]: Method };
}

/** The messages of a method. */
export type Request<M extends Method> = M["requestType"] extends Codec<infer T> ? T : never;
export type Response<M extends Method> = M["responseType"] extends Codec<infer T> ? T : never;

/** The methods of a service by their Go names, each as the type that `Shape` has for it. */
export type MethodNames<D extends Definition> = D["methods"][keyof D["methods"]]["name"];
export type MethodNamed<D extends Definition, N> = Extract<D["methods"][keyof D["methods"]], { readonly name: N }>;

/** The form in which grpc-js wants a method. */
export function grpcMethod(service: Definition, method: Method): MethodDefinition<any, any> {
    return {
        path: `/${service.fullName}/${method.name}`,
        requestStream: method.requestStream,
        responseStream: method.responseStream,
        requestSerialize: (message) => bytes(method.requestType, message),
        requestDeserialize: (data) => method.requestType.decode(data),
        responseSerialize: (message) => bytes(method.responseType, message),
        responseDeserialize: (data) => method.responseType.decode(data),
        originalName: method.name,
    };
}

function bytes(codec: Codec<any>, message: unknown): Buffer {
    const data = codec.encode(message).finish();
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * A whole message from some of its fields. Only the outermost level is filled up: messages inside are taken as they
 * are, so that one which came from the server goes back with the fields that this program's stubs do not know.
 */
export function complete<T>(codec: Codec<T>, fields: Partial<T> | void): T {
    return { ...codec.fromPartial({}), ...fields };
}

// Errors: canonical JSON <-> the messages AppError, GoError and Error.

import { PluginAPIError } from "./runtime/errors";
import { type Fields, fields, type Tree } from "./json";
import { AppError, GoError, type Error as ErrorMessage } from "./stubs/index.mattermost.plugin.v1";

/** The canonical form of an error inside of a message. */
export function errorToTree(error: ErrorMessage): Tree {
    const kind = error.kind;
    return fields({ $error: kind?.$case === "app" ? appTree(kind.value) : goTree(kind?.value ?? GoError.create()) });
}

/** The other way. */
export function errorFromTree(tree: Tree): ErrorMessage {
    const inner = tree instanceof Map ? tree.get("$error") : undefined;
    if (!(inner instanceof Map)) {
        throw new Error("this is no error");
    }
    const isApp = inner.get("kind") === "app";
    return { kind: isApp ? { $case: "app", value: app(inner) } : { $case: "error", value: go(inner) } };
}

/** The error that a call was answered with; undefined if it is none of the server's. */
export function answeredError(error: PluginAPIError): Fields | undefined {
    return error.appError ? appTree(error.appError) : error.goError && goTree(error.goError);
}

/** The error that a hook shall fail with. */
export function toThrow(tree: Fields): PluginAPIError {
    return new PluginAPIError(text(tree, "message"), undefined, tree.get("kind") === "app" ? app(tree) : undefined);
}

function appTree(error: AppError): Fields {
    return fields({
        kind: "app",
        id: error.id,
        message: error.message,
        detailed_error: error.detailedError,
        request_id: error.requestId,
        status_code: error.statusCode,
        where: error.where,
        skip_translation: error.skipTranslation,
    });
}

function app(tree: Fields): AppError {
    return AppError.create({
        id: text(tree, "id"),
        message: text(tree, "message"),
        detailedError: text(tree, "detailed_error"),
        requestId: text(tree, "request_id"),
        statusCode: (tree.get("status_code") ?? 0n) as bigint,
        where: text(tree, "where"),
        skipTranslation: tree.get("skip_translation") === true,
    });
}

function goTree(error: GoError): Fields {
    return fields({
        kind: "error",
        message: error.message,
        code: error.code ? BigInt(error.code) : undefined,
        id: error.sqlstate || undefined,
        detailed_error: error.detail || undefined,
    });
}

function go(tree: Fields): GoError {
    return GoError.create({
        message: text(tree, "message"),
        code: Number(tree.get("code") ?? 0n),
        sqlstate: text(tree, "id"),
        detail: text(tree, "detailed_error"),
    });
}

function text(tree: Fields, key: string): string {
    return (tree.get(key) ?? "") as string;
}

// A gateway for tests: it starts the plugin as the bridge does, answers its API calls from memory, and calls its hooks.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { Client, credentials, Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";

import { PluginAPIError } from "../src/runtime/errors";
import { complete, type Definition, grpcMethod, type Method } from "../src/runtime/methods";
import { requireToken, withToken } from "../src/runtime/token";
import { PluginAPIDefinition, PluginHooksDefinition } from "../src/stubs/index.mattermost.plugin.v1";

const TOKEN = "5e".repeat(32);

/** After how long a test that waits is a test that failed. */
export const PATIENCE = 10_000;

type API = { [method: string]: (request: any) => object };

/** The bridge's side of one plugin. */
export class Gateway {
    private constructor(
        private readonly directory: string,
        private readonly server: Server,
        private readonly program: ChildProcess,
        private readonly client: Client,
    ) {}

    /** Starts the program `dist/plugin.js` with an API, whose other methods the server does not have. */
    static async start(api: API): Promise<Gateway> {
        const directory = mkdtempSync(join(tmpdir(), "hello-typescript-"));
        const server = serverOf(api);
        const apiTarget = `unix:${directory}/api.sock`;
        const hooksTarget = `unix:${directory}/hooks.sock`;
        await new Promise<void>((resolve, reject) => {
            server.bindAsync(apiTarget, ServerCredentials.createInsecure(), (error) =>
                error ? reject(error) : resolve(),
            );
        });
        const program = spawn(process.execPath, ["dist/plugin.js"], {
            env: {
                PATH: process.env.PATH,
                MATTERMOST_PLUGIN_API_TARGET: apiTarget,
                MATTERMOST_PLUGIN_HOOKS_TARGET: hooksTarget,
            },
            stdio: ["pipe", "inherit", "inherit"],
        });
        program.stdin?.write(`${TOKEN}\n`);
        // The program listens some time after its start; until then the client tries again and again.
        const client = new Client(hooksTarget, credentials.createInsecure(), {
            "grpc.initial_reconnect_backoff_ms": 20,
            "grpc.max_reconnect_backoff_ms": 20,
        });
        const gateway = new Gateway(directory, server, program, client);
        try {
            await promisify(client.waitForReady.bind(client))(Date.now() + PATIENCE);
            return gateway;
        } catch (error) {
            await gateway.close();
            throw error;
        }
    }

    /** Calls a hook, with fields of its request. */
    hook(name: keyof typeof PluginHooksDefinition.methods, request: object = {}, metadata?: Metadata): Promise<any> {
        return this.call(PluginHooksDefinition, name, request, metadata);
    }

    /** Calls a method of any service of the program. */
    call(service: Definition, name: string, request: object, metadata = withToken(TOKEN)): Promise<any> {
        const method = service.methods[name] as Method;
        const { path, requestSerialize, responseDeserialize } = grpcMethod(service, method);
        return new Promise((resolve, reject) => {
            this.client.makeUnaryRequest(
                path,
                requestSerialize,
                responseDeserialize,
                method.requestType.fromPartial(request),
                metadata,
                { deadline: Date.now() + PATIENCE },
                (error, response) => (error ? reject(PluginAPIError.fromStatus(error)) : resolve(response)),
            );
        });
    }

    /** Asks the program to stop, and returns the status with which it did. */
    terminate(): Promise<number | null> {
        this.program.kill("SIGTERM");
        return this.exit();
    }

    /** Closes the pipe, as if the bridge had died. */
    vanish(): Promise<number | null> {
        this.program.stdin?.end();
        return this.exit();
    }

    /** Ends what is left. */
    async close(): Promise<void> {
        this.client.close();
        this.server.forceShutdown();
        this.program.kill("SIGKILL");
        await this.exit();
        rmSync(this.directory, { recursive: true });
    }

    private async exit(): Promise<number | null> {
        if (this.program.exitCode === null && this.program.signalCode === null) {
            await once(this.program, "exit", { signal: AbortSignal.timeout(PATIENCE) });
        }
        return this.program.exitCode;
    }
}

function serverOf(api: API): Server {
    const server = new Server({ interceptors: [requireToken(TOKEN)] });
    const service: Definition = PluginAPIDefinition;
    const methods = Object.values(service.methods).filter((method) => method.name in api);
    const definition = Object.fromEntries(methods.map((method) => [method.name, grpcMethod(service, method)]));
    const implementation = Object.fromEntries(
        methods.map((method) => [
            method.name,
            (call: { request: unknown }, callback: (error: object | null, response?: unknown) => void) => {
                try {
                    callback(null, complete(method.responseType, api[method.name]?.(call.request)));
                } catch (error) {
                    callback(
                        error instanceof PluginAPIError
                            ? error.toStatus()
                            : { code: status.INTERNAL, details: String(error) },
                    );
                }
            },
        ]),
    );
    server.addService(definition, implementation);
    return server;
}

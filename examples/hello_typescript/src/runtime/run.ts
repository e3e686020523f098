// Starts a plugin under the bridge, and stops it.

import { Server, ServerCredentials } from "@grpc/grpc-js";

import { PluginAPIDefinition } from "../stubs/index.mattermost.plugin.v1";
import { Connection, type ServiceClient } from "./api";
import { healthService } from "./health";
import { type Hooks, hooksService } from "./hooks";
import { Log } from "./log";
import { readToken, requireToken } from "./token";

/** Mattermost's plugin API. */
export type API = ServiceClient<typeof PluginAPIDefinition>;

/** What a plugin works with. */
export interface Environment {
    readonly api: API;
    readonly log: Log;
    /** For services beside the plugin API, such as PluginDriver. */
    readonly connection: Connection;
}

/** Runs a plugin until the bridge ends it. */
export async function runPlugin(create: (environment: Environment) => Hooks): Promise<void> {
    // The end of the pipe means that the bridge is gone: nobody is left to answer to.
    const token = await readToken(process.stdin, () => process.exit(0));
    const connection = new Connection(required("MATTERMOST_PLUGIN_API_TARGET"), token);
    const api = connection.service(PluginAPIDefinition);
    const hooks = create({ api, log: new Log(api), connection });
    const server = await serve(hooks, token, required("MATTERMOST_PLUGIN_HOOKS_TARGET"));
    process.on("SIGTERM", () => {
        // Hooks that still run may finish; new ones do not come any more.
        server.tryShutdown(() => process.exit(0));
    });
}

async function serve(hooks: Hooks, token: string, target: string): Promise<Server> {
    const server = new Server({
        interceptors: [requireToken(token)],
        // grpc-js takes 4 MiB at most if it is not told otherwise; the bridge has a limit of its own.
        "grpc.max_receive_message_length": -1,
    });
    for (const { definition, implementation } of [hooksService(hooks), healthService()]) {
        server.addService(definition, implementation);
    }
    await new Promise<void>((resolve, reject) => {
        server.bindAsync(target, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
    });
    return server;
}

function required(name: string): string {
    const value = process.env[name];
    if (!value) {
        throw new Error(`${name} is not set: the program is started by the bridge, see README.md`);
    }
    return value;
}

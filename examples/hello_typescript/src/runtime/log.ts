// The server's log.

import type { PluginAPIDefinition } from "../stubs/index.mattermost.plugin.v1";
import type { ServiceClient } from "./api";
import { type Plain, toValue } from "./values";

/** Writes lines with named fields. Nobody needs to wait for one; a line that cannot be written goes to standard error. */
export class Log {
    constructor(private readonly api: ServiceClient<typeof PluginAPIDefinition>) {}

    debug(message: string, fields: Fields = {}): Promise<void> {
        return this.write("LogDebug", message, fields);
    }

    info(message: string, fields: Fields = {}): Promise<void> {
        return this.write("LogInfo", message, fields);
    }

    warn(message: string, fields: Fields = {}): Promise<void> {
        return this.write("LogWarn", message, fields);
    }

    error(message: string, fields: Fields = {}): Promise<void> {
        return this.write("LogError", message, fields);
    }

    private async write(method: LogMethod, message: string, fields: Fields): Promise<void> {
        const keyValuePairs = Object.entries(fields).flatMap(([name, value]) => [toValue(name), toValue(value)]);
        try {
            await this.api[method]({ message, keyValuePairs });
        } catch (error) {
            console.error(message, fields, error);
        }
    }
}

type Fields = { [name: string]: Plain };
type LogMethod = "LogDebug" | "LogInfo" | "LogWarn" | "LogError";

// A small Mattermost plugin: every hook that a first plugin needs, and a few API calls.

import {
    Command,
    type CommandArgs,
    CommandResponse,
    type MessageWillBePostedResponse,
    type Post,
} from "./stubs/index.mattermost.plugin.v1";
import { PluginAPIError } from "./runtime/errors";
import type { Hooks } from "./runtime/hooks";
import type { Log } from "./runtime/log";
import type { API, Environment } from "./runtime/run";

/** A rejection for this reason makes the post vanish without a word to its author. */
const DISMISS_POST_ERROR = "plugin.message_will_be_posted.dismiss_post";

/** Greets, counts greetings, and keeps an eye on posts. */
export function helloTypeScript({ api, log }: Environment): Hooks {
    return {
        async OnActivate() {
            await api.RegisterCommand({
                command: Command.create({
                    trigger: "hello",
                    autoComplete: true,
                    autoCompleteDesc: "Say hello to TypeScript",
                    autoCompleteHint: "[world]",
                }),
            });
            const { version } = await api.GetServerVersion({});
            await log.info("Hello TypeScript plugin activated!", { server_version: version });
        },

        async OnDeactivate() {
            await log.info("Hello TypeScript plugin deactivated.");
        },

        MessageWillBePosted({ post }) {
            return post && lookAtPost(post);
        },

        async MessageHasBeenPosted({ post }) {
            await log.debug("A post was made", { post_id: post?.id });
        },

        async ExecuteCommand({ args }) {
            const text = args?.command.startsWith("/hello")
                ? await greet(api, log, args)
                : `Unknown command: ${args?.command}`;
            return { response: CommandResponse.create({ responseType: "ephemeral", text }) };
        },
    };
}

/** Rejects, dismisses or edits a post before anybody sees it; most pass unchanged. */
function lookAtPost(post: Post): Partial<MessageWillBePostedResponse> | undefined {
    const text = post.message.toLowerCase();
    if (text.includes("badword")) {
        return { rejectionReason: "Message blocked: contains prohibited content" };
    }
    if (text.includes("dismiss me")) {
        return { rejectionReason: DISMISS_POST_ERROR };
    }
    if (text.includes(":typescript:")) {
        post.message = post.message.replaceAll(":typescript:", "🟦");
        return { post };
    }
    return undefined;
}

/** Greets by name, and says how often this user was greeted. */
async function greet(api: API, log: Log, args: CommandArgs): Promise<string> {
    const name = await nameOf(api, log, args.userId);
    const greeting = args.command.includes("world") ? "Hello, World! :earth_americas:" : `Hello, @${name}!`;
    const count = await countGreeting(api, args.userId);
    return `${greeting} You were greeted ${count === 1 ? "for the first time" : `${count} times now`}.`;
}

async function nameOf(api: API, log: Log, userId: string): Promise<string> {
    try {
        const { user } = await api.GetUser({ userId });
        return user?.username ?? "stranger";
    } catch (error) {
        if (!(error instanceof PluginAPIError)) {
            throw error;
        }
        await log.warn("Cannot look up who said hello", { error: error.message, status_code: error.statusCode });
        return "stranger";
    }
}

/** Counts in the key-value store, so that the number survives a restart and two servers agree on it. */
async function countGreeting(api: API, userId: string): Promise<number> {
    const key = `greetings-${userId}`;
    for (;;) {
        const { value: before } = await api.KVGet({ key });
        const count = Number(before.toString()) + 1;
        const { stored } = await api.KVCompareAndSet({ key, oldValue: before, newValue: Buffer.from(`${count}`) });
        if (stored) {
            return count;
        }
    }
}

// The plugin as the bridge sees it: a program of its own, with real gRPC in both directions.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { Metadata, status } from "@grpc/grpc-js";

import { PluginAPIError } from "../src/runtime/errors";
import {
    HealthDefinition,
    HealthCheckResponse_ServingStatus as ServingStatus,
} from "../src/stubs/grpc/health/v1/health";
import { AppError, Command, type Post, User } from "../src/stubs/index.mattermost.plugin.v1";
import { Gateway } from "./gateway";

const ALICE = "alice-id";

/** The methods that the plugin calls, in memory. */
class FakeServer {
    readonly commands: Command[] = [];
    readonly log: string[] = [];
    readonly store = new Map<string, Buffer>();
    /** What another server stores in between, once. */
    interloper?: Buffer;

    readonly api = {
        RegisterCommand: ({ command }: { command: Command }) => {
            this.commands.push(command);
            return {};
        },
        GetServerVersion: () => ({ version: "11.6.0" }),
        GetUser: ({ userId }: { userId: string }) => {
            if (userId !== ALICE) {
                const appError = AppError.create({
                    id: "user.missing",
                    message: "there is no such user",
                    statusCode: 404,
                });
                throw new PluginAPIError(appError.message, status.NOT_FOUND, appError);
            }
            return { user: User.create({ id: ALICE, username: "alice" }) };
        },
        KVGet: ({ key }: { key: string }) => ({ value: this.store.get(key) ?? Buffer.alloc(0) }),
        KVCompareAndSet: ({ key, oldValue, newValue }: { key: string; oldValue: Buffer; newValue: Buffer }) => {
            if (this.interloper) {
                this.store.set(key, this.interloper);
                this.interloper = undefined;
            }
            const stored = oldValue.equals(this.store.get(key) ?? Buffer.alloc(0));
            if (stored) {
                this.store.set(key, newValue);
            }
            return { stored };
        },
        LogDebug: this.writes("debug"),
        LogInfo: this.writes("info"),
        LogWarn: this.writes("warn"),
    };

    private writes(level: string) {
        return ({ message, keyValuePairs }: { message: string; keyValuePairs: { kind?: { value: unknown } }[] }) => {
            this.log.push([level, message, ...keyValuePairs.map((value) => value.kind?.value)].join(" "));
            return {};
        };
    }
}

describe("the plugin", () => {
    let server: FakeServer;
    let gateway: Gateway;

    beforeEach(async () => {
        server = new FakeServer();
        gateway = await Gateway.start(server.api);
    });

    afterEach(() => gateway.close());

    async function posted(message: string): Promise<{ post?: Post; rejectionReason: string }> {
        return gateway.hook("messageWillBePosted", { context: {}, post: { message, createAt: 9007199254740993n } });
    }

    async function said(command: string, userId = ALICE): Promise<string> {
        const { response } = await gateway.hook("executeCommand", { context: {}, args: { command, userId } });
        assert.equal(response.responseType, "ephemeral");
        return response.text;
    }

    it("handles what it says", async () => {
        const { hooks } = await gateway.hook("implemented");
        const expected = [
            "ExecuteCommand",
            "MessageHasBeenPosted",
            "MessageWillBePosted",
            "OnActivate",
            "OnDeactivate",
        ];
        assert.deepEqual(hooks.sort(), expected);
    });

    it("registers the command when it is activated", async () => {
        await gateway.hook("onActivate");
        assert.deepEqual(
            server.commands.map((command) => command.trigger),
            ["hello"],
        );
        assert.deepEqual(server.log, ["info Hello TypeScript plugin activated! server_version 11.6.0"]);
    });

    it("lets most posts pass", async () => {
        const { post, rejectionReason } = await posted("Good morning");
        assert.equal(post, undefined);
        assert.equal(rejectionReason, "");
    });

    it("rejects some posts and dismisses others", async () => {
        assert.equal((await posted("a BadWord here")).rejectionReason, "Message blocked: contains prohibited content");
        const dismissed = "plugin.message_will_be_posted.dismiss_post";
        assert.equal((await posted("please dismiss me")).rejectionReason, dismissed);
    });

    it("edits a post and leaves the rest of it alone", async () => {
        const { post } = await posted("I like :typescript:");
        assert.equal(post?.message, "I like 🟦");
        assert.equal(post?.createAt, 9007199254740993n);
    });

    it("sees posts that were made", async () => {
        await gateway.hook("messageHasBeenPosted", { post: { id: "the-post" } });
        assert.deepEqual(server.log, ["debug A post was made post_id the-post"]);
    });

    it("counts greetings for each user", async () => {
        assert.equal(await said("/hello"), "Hello, @alice! You were greeted for the first time.");
        assert.equal(await said("/hello"), "Hello, @alice! You were greeted 2 times now.");
        assert.match(await said("/hello world"), /^Hello, World! :earth_americas:/);
    });

    it("greets a user who cannot be looked up as a stranger", async () => {
        assert.equal(await said("/hello", "nobody"), "Hello, @stranger! You were greeted for the first time.");
        assert.deepEqual(server.log, [
            "warn Cannot look up who said hello error there is no such user status_code 404",
        ]);
    });

    it("loses no greeting when two servers count at once", async () => {
        server.interloper = Buffer.from("5");
        assert.equal(await said("/hello"), "Hello, @alice! You were greeted 6 times now.");
    });

    it("leaves other commands alone", async () => {
        assert.equal(await said("/help"), "Unknown command: /help");
    });

    it("refuses callers without the token", async () => {
        const refused = { code: status.UNAUTHENTICATED };
        await assert.rejects(gateway.hook("onActivate", {}, new Metadata()), refused);
        const wrong = new Metadata();
        wrong.set("authorization", "Bearer 00");
        await assert.rejects(gateway.call(HealthDefinition, "check", { service: "plugin" }, wrong), refused);
        assert.deepEqual(server.commands, []);
    });

    it("says that it is healthy, but not for others", async () => {
        const { status: answer } = await gateway.call(HealthDefinition, "check", { service: "plugin" });
        assert.equal(answer, ServingStatus.SERVING);
        const asked = gateway.call(HealthDefinition, "check", { service: "other" });
        await assert.rejects(asked, { code: status.NOT_FOUND });
    });

    it("stops when it is asked to", async () => {
        await gateway.hook("onDeactivate");
        assert.deepEqual(server.log, ["info Hello TypeScript plugin deactivated."]);
        assert.equal(await gateway.terminate(), 0);
    });

    it("ends with the bridge", async () => {
        assert.equal(await gateway.vanish(), 0);
    });
});

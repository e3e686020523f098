//! The plugin: it greets, counts greetings, and keeps an eye on posts.

use mmp_plugin::model::{Command, CommandArgs, CommandResponse, Context, Post};
use mmp_plugin::{Api, Decision, HookError, Hooks, Result};

/// The plugin's state: its way to the server. What must last is kept in the server's key-value store.
pub(crate) struct HelloRust {
    api: Api,
}

impl HelloRust {
    /// A plugin that talks to this server.
    pub(crate) fn new(api: Api) -> Self {
        Self { api }
    }

    /// The name of a user; one who cannot be looked up is greeted as a stranger.
    async fn name_of(&self, user_id: &str) -> String {
        match self.api.get_user(user_id).await {
            Ok(user) => user.username.to_string(),
            Err(error) => {
                self.api.log_warn("Cannot look up who said hello", &[("error", &error)]);
                "stranger".to_owned()
            }
        }
    }

    /// Counts in the key-value store, so that the number survives a restart and two servers agree on it.
    async fn count_greeting(&self, user_id: &str) -> Result<u64, HookError> {
        let key = format!("greetings-{user_id}");
        loop {
            let before = self.api.kv_get(&key).await?;
            let count = if before.is_empty() { 1 } else { String::from_utf8_lossy(&before).parse::<u64>()? + 1 };
            if self.api.kv_compare_and_set(&key, before, count.to_string()).await? {
                return Ok(count);
            }
        }
    }
}

fn ephemeral(text: String) -> CommandResponse {
    CommandResponse { response_type: "ephemeral".into(), text: text.into(), ..CommandResponse::default() }
}

#[mmp_plugin::hooks]
impl Hooks for HelloRust {
    async fn on_activate(&self) -> Result<(), HookError> {
        let command = Command {
            trigger: "hello".into(),
            auto_complete: true,
            auto_complete_desc: "Say hello to Rust".into(),
            auto_complete_hint: "[world]".into(),
            ..Command::default()
        };
        self.api.register_command(command).await?;
        let version = self.api.get_server_version().await?;
        self.api.log_info("Hello Rust plugin activated!", &[("server_version", &version)]);
        Ok(())
    }

    async fn on_deactivate(&self) -> Result<(), HookError> {
        self.api.log_info("Hello Rust plugin deactivated.", &[]);
        Ok(())
    }

    async fn message_will_be_posted(&self, _context: &Context, post: &Post) -> Decision<Post> {
        let text = post.message.to_lowercase();
        if text.contains("badword") {
            return Decision::reject("Message blocked: contains prohibited content");
        }
        if text.contains("dismiss me") {
            return Decision::dismiss();
        }
        if text.contains(":rust:") {
            let message = post.message.replace(":rust:", "🦀");
            return Decision::change(Post { message: message.into(), ..post.clone() });
        }
        Decision::accept()
    }

    async fn message_has_been_posted(&self, _context: &Context, post: &Post) {
        self.api.log_debug("A post was made", &[("post_id", &post.id)]);
    }

    async fn execute_command(&self, _context: &Context, args: &CommandArgs) -> Result<CommandResponse, HookError> {
        if !args.command.starts_with("/hello") {
            return Ok(ephemeral(format!("Unknown command: {}", args.command)));
        }
        let greeting = if args.command.contains("world") {
            "Hello, World! :earth_americas:".to_owned()
        } else {
            format!("Hello, @{}!", self.name_of(&args.user_id).await)
        };
        let times = match self.count_greeting(&args.user_id).await? {
            1 => "for the first time".to_owned(),
            count => format!("{count} times now"),
        };
        Ok(ephemeral(format!("{greeting} You were greeted {times}.")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use mmp_plugin::model::{AppError, User, rpc};
    use mmp_plugin::testing::FakeServer;

    use super::*;

    type Store = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

    /// A server with one user and a key-value store, in which `interloper` counts once between the plugin's look and its step.
    fn server(interloper: Option<u64>) -> FakeServer {
        let server = FakeServer::new();
        let store = Store::default();
        let interloper = Mutex::new(interloper);
        server.on("GetUser", |args: &rpc::GetUserArgs| {
            if args.a == "alice-id" {
                let alice = User { id: args.a.clone(), username: "alice".into(), ..User::default() };
                return rpc::GetUserReturns { a: Some(Box::new(alice)), b: None };
            }
            let missing = AppError { message: "there is no such user".into(), status_code: 404, ..AppError::default() };
            rpc::GetUserReturns { a: None, b: Some(Box::new(missing)) }
        });
        let reading = Arc::clone(&store);
        server.on("KVGet", move |args: &rpc::KVGetArgs| {
            let value = reading.lock().unwrap().get(args.a.as_str()).cloned().unwrap_or_default();
            rpc::KVGetReturns { a: value.into(), b: None }
        });
        server.on("KVCompareAndSet", move |args: &rpc::KVCompareAndSetArgs| {
            let mut store = store.lock().unwrap();
            if let Some(count) = interloper.lock().unwrap().take() {
                store.insert(args.a.to_string(), count.to_string().into_bytes());
            }
            let current = store.get(args.a.as_str()).cloned().unwrap_or_default();
            let same = current == args.b.as_bytes();
            if same {
                store.insert(args.a.to_string(), args.c.as_bytes().to_vec());
            }
            rpc::KVCompareAndSetReturns { a: same, b: None }
        });
        server
    }

    async fn decide(message: &str) -> Decision<Post> {
        let post = Post { id: "p".into(), message: message.into(), ..Post::default() };
        HelloRust::new(FakeServer::new().api()).message_will_be_posted(&Context::default(), &post).await
    }

    async fn say(plugin: &HelloRust, command: &str, user_id: &str) -> String {
        let args = CommandArgs { command: command.into(), user_id: user_id.into(), ..CommandArgs::default() };
        let response = plugin.execute_command(&Context::default(), &args).await.unwrap();
        assert_eq!(response.response_type, "ephemeral");
        response.text.to_string()
    }

    #[tokio::test]
    async fn activation_registers_the_command() {
        let server = FakeServer::new();
        let commands = Arc::new(Mutex::new(Vec::new()));
        let registered = Arc::clone(&commands);
        server.on("RegisterCommand", move |args: &rpc::RegisterCommandArgs| {
            registered.lock().unwrap().push(args.a.clone().unwrap().trigger.to_string());
            rpc::RegisterCommandReturns::default()
        });
        server.on("GetServerVersion", |_: &rpc::GetServerVersionArgs| rpc::GetServerVersionReturns {
            a: "11.6.0".into(),
        });
        HelloRust::new(server.api()).on_activate().await.unwrap();
        assert_eq!(*commands.lock().unwrap(), ["hello"]);
        assert_eq!(server.log_lines(), ["Hello Rust plugin activated! server_version=11.6.0"]);
    }

    #[tokio::test]
    async fn most_posts_pass() {
        assert_eq!(decide("Good morning").await, Decision::accept());
    }

    #[tokio::test]
    async fn some_posts_are_rejected_or_dismissed() {
        assert_eq!(decide("a BadWord here").await, Decision::reject("Message blocked: contains prohibited content"));
        assert_eq!(decide("please dismiss me").await, Decision::dismiss());
    }

    #[tokio::test]
    async fn a_post_is_edited() {
        let changed = decide("I like :rust:").await.value.unwrap();
        assert_eq!((changed.message.as_str(), changed.id.as_str()), ("I like 🦀", "p"));
    }

    #[tokio::test]
    async fn greetings_are_counted_for_each_user() {
        let plugin = HelloRust::new(server(None).api());
        assert_eq!(say(&plugin, "/hello", "alice-id").await, "Hello, @alice! You were greeted for the first time.");
        assert_eq!(say(&plugin, "/hello", "alice-id").await, "Hello, @alice! You were greeted 2 times now.");
        let world = say(&plugin, "/hello world", "alice-id").await;
        assert_eq!(world, "Hello, World! :earth_americas: You were greeted 3 times now.");
    }

    #[tokio::test]
    async fn a_user_who_cannot_be_looked_up_is_a_stranger() {
        let server = server(None);
        let plugin = HelloRust::new(server.api());
        assert_eq!(say(&plugin, "/hello", "nobody").await, "Hello, @stranger! You were greeted for the first time.");
        assert_eq!(server.log_lines(), ["Cannot look up who said hello error=there is no such user"]);
    }

    #[tokio::test]
    async fn two_servers_that_count_at_once_lose_no_greeting() {
        let plugin = HelloRust::new(server(Some(5)).api());
        assert_eq!(say(&plugin, "/hello", "alice-id").await, "Hello, @alice! You were greeted 6 times now.");
    }

    #[tokio::test]
    async fn other_commands_are_not_its_business() {
        let plugin = HelloRust::new(FakeServer::new().api());
        assert_eq!(say(&plugin, "/help", "alice-id").await, "Unknown command: /help");
    }
}

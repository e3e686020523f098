//! What the administrators read, and who writes to them.

use serde_json::{Value, json};

/// The most characters of the reason.
const REASON: usize = 500;

/// The most characters of a user name, and of a display name.
const NAME: usize = 64;

/// What the end of a made bot's name is.
const SUFFIX: &str = "-supervisor";

/// What the message is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// The plugin's id.
    pub(crate) plugin: &'a str,
    /// Why it is degraded.
    pub(crate) why: &'a str,
    /// The trigger of the status command, if there is one.
    pub(crate) status_command: Option<&'a str>,
}

/// The message.
pub(super) fn message(facts: &Facts<'_>) -> String {
    let Facts { plugin, why, status_command } = facts;
    let status = status_command.map(|trigger| format!("`/{trigger} status`, ")).unwrap_or_default();
    format!(
        "#### The plugin {plugin} does not stay alive\n\n\
        Its worker has ended too often; the last time:\n\n{}\n\n\
        **What happens meanwhile:** the server goes on without the plugin. Its hooks get the server's own answers, or refuse where the plugin wants that; its commands and pages say that it is not available. \
        Once a minute it is started again, and goes on if that succeeds. There is no other message of this kind until the plugin is restarted.\n\n\
        **Where to look:** {status}the server's log (lines of `{plugin}`), the support packet (`{plugin}/supervisor.json`).\n\n\
        **What to do:** remove the cause; the next try then succeeds. To have it at once, or to be rid of it, disable the plugin in **System Console > Plugins > Plugin Management** and enable it again when it is mended.",
        code_block(why)
    )
}

/// A text as a block of code, which nothing in it can end: its beginning, without back-ticks and control characters. In such a block there are no mentions and no links.
pub(crate) fn code_block(text: &str) -> String {
    let readable = |c: char| match c {
        '`' => '\'',
        '\n' | '\t' => c,
        c if c.is_control() => ' ',
        c => c,
    };
    let mut shown: String = text.trim().chars().take(REASON).map(readable).collect();
    if text.trim().chars().nth(REASON).is_some() {
        shown.push_str(" ...");
    }
    format!("```text\n{shown}\n```")
}

/// A bot for a plugin that has none. `model.IsValidUsername` allows up to 64 of these characters.
pub(super) fn bot(plugin: &str) -> Value {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let name: Vec<char> = plugin.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    // The end of an id says more than its beginning, which is that of a domain.
    let name: String = name[name.len().saturating_sub(NAME - SUFFIX.len())..].iter().collect();
    let display_name: String = format!("Supervisor of {plugin}").chars().take(NAME).collect();
    json!({
        "username": format!("{name}{SUFFIX}"),
        "display_name": display_name,
        "description": format!("Tells the administrators when the plugin {plugin} does not stay alive."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_stays_in_its_block() {
        let text = code_block("```\n@all [x](http://a.example)\u{1b}\n````");
        assert_eq!(text.matches("```").count(), 2, "{text}");
        assert!(text.starts_with("```text\n'''\n@all") && text.ends_with("''''\n```"), "{text}");
        let long = code_block(&"ä".repeat(REASON + 1));
        assert_eq!(long.chars().filter(|c| *c == 'ä').count(), REASON);
        assert!(long.ends_with(" ...\n```"));
        assert!(!code_block(&"ä".repeat(REASON)).contains("..."));
    }

    #[test]
    fn the_message_says_what_to_do() {
        let facts = Facts { plugin: "com.example.a", why: "exited with code 1", status_command: Some("a") };
        let text = message(&facts);
        for part in ["com.example.a", "exited with code 1", "`/a status`", "server's log", "System Console"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!message(&Facts { status_command: None, ..facts }).contains("status`"));
    }

    #[test]
    fn the_names_of_bots_are_valid() {
        for (plugin, name) in [
            ("com.example.a", "com.example.a-supervisor".to_owned()),
            ("a b\u{e4}", "a-b--supervisor".to_owned()),
            (&format!("com.example.{}", "x".repeat(60)), format!("{}-supervisor", "x".repeat(53))),
        ] {
            let bot = bot(plugin);
            assert_eq!(bot["username"], name);
            assert!(name.len() <= NAME && bot["display_name"].as_str().unwrap().chars().count() <= NAME);
        }
    }
}

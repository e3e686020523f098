//! What `hook.json` says, and `hook.out.json`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use mmp_gob::Gob;
use mmp_plugin::HookError;
use mmp_transcode::generated;
use mmp_transcode::schema::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Conformance;
use crate::bodies::BodySpec;
use crate::canonical::{self, Fault};
use crate::errors;

/// The file.
#[derive(Deserialize)]
pub(crate) struct Told {
    case: i64,
    hook: String,
    answer: String,
    pub(crate) returns: Option<Vec<Value>>,
    error: Option<Map<String, Value>>,
    message: Option<String>,
    #[serde(default)]
    pub(crate) read: i64,
    pub(crate) status: Option<i64>,
    pub(crate) headers: Option<Map<String, Value>>,
    pub(crate) body: Option<BodySpec>,
    pub(crate) fail: Option<String>,
    pub(crate) hijack: Option<String>,
}

/// What a hook without streams is to answer.
pub(crate) enum Answer<R> {
    Returns(Box<R>),
    Fails(HookError),
    Echo,
    Change(String),
    Nothing,
}

/// The settings of the plugin.
#[derive(Deserialize)]
struct Settings {
    conformance_dir: PathBuf,
}

impl Conformance {
    async fn directory(&self) -> Option<PathBuf> {
        self.api.load_plugin_configuration::<Settings>().await.ok().map(|settings| settings.conformance_dir)
    }

    /// What the file says of this hook, if it is about it.
    pub(crate) async fn told(&self, hook: &str) -> Option<Told> {
        let text = std::fs::read(self.directory().await?.join("hook.json")).ok()?;
        let told: Told = serde_json::from_slice(&text).ok()?;
        (told.hook == hook).then_some(told)
    }

    /// Writes down what a hook received.
    pub(crate) async fn received<A: Gob>(&self, told: &Told, args: &A, more: Value) -> Result<(), Fault> {
        let args = canonical::args_of(method(&told.hook)?, args)?;
        let mut line = json!({"case": told.case, "hook": told.hook, "args": args});
        if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
            line.extend(more);
        }
        let directory = self.directory().await.ok_or("there is no directory")?;
        if told.answer == "note" {
            return note(&directory, &line).map_err(canonical::text);
        }
        std::fs::write(directory.join("hook.out.json"), line.to_string()).map_err(canonical::text)
    }

    /// Does what the file says of a hook without streams. A mistake in that is a panic, which the host gets to see as a wrong answer and in the log.
    pub(crate) async fn answer<A: Gob, R: Gob + Default>(&self, hook: &str, args: &A) -> Answer<R> {
        let Some(told) = self.told(hook).await else { return Answer::Nothing };
        let answer = async {
            self.received(&told, args, json!({})).await?;
            Ok::<_, Fault>(match told.answer.as_str() {
                "returns" => {
                    let results = told.returns.as_deref().unwrap_or_default();
                    Answer::Returns(Box::new(canonical::returns(method(hook)?, results)?))
                }
                "error" => Answer::Fails(errors::told(told.error.as_ref().ok_or("there is no error")?)),
                "echo" => Answer::Echo,
                "change" => Answer::Change(told.message.clone().unwrap_or_default()),
                "nothing" | "note" => Answer::Nothing,
                other => return Err(format!("there is no answer {other}")),
            })
        };
        answer.await.unwrap_or_else(|fault: Fault| fail(&HookError::new(fault)))
    }
}

/// Appends a whole line at once, because other handlers write, too.
fn note(directory: &Path, line: &Value) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(directory.join("hook.notes"))?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Fails in a hook that has no error result.
pub(crate) fn fail(error: &HookError) -> ! {
    std::panic::panic_any(error.to_string())
}

/// The hook's entry in the table.
pub(crate) fn method(hook: &str) -> Result<&'static Method, Fault> {
    generated::hook_by_name(hook).ok_or_else(|| format!("there is no hook {hook}"))
}

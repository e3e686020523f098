//! The three services.

use std::collections::BTreeMap;

use super::comments::{comment, with_values};
use super::driver;
use super::file::File;
use super::groups::Groups;
use super::streams::{self, directions};
use crate::calls::Call;
use crate::handling;
use crate::project::Project;
use crate::schema::{Method, Type};

/// The files of the services.
pub(super) fn files(project: &Project, groups: &Groups) -> Vec<File> {
    let calls = |calls: &[Call]| calls.iter().map(|call| (call.method.name.clone(), call.clone())).collect();
    let (api, hooks): (BTreeMap<_, _>, BTreeMap<_, _>) = (calls(&project.calls.api), calls(&project.calls.hooks));
    let docs = &project.docs;
    let mut api_file = File::new("plugin_api", include_str!("fixed/about_plugin_api.txt"));
    groups.api_files().into_iter().for_each(|file| api_file.import(file));
    let rpcs = project
        .schema
        .api
        .iter()
        .map(|method| rpc(project, method, docs.api.get(&method.name), "API", &api_errors(api.get(&method.name))));
    add(&mut api_file, "PluginAPI", "The plugin API of the Mattermost server, served by the bridge.", rpcs);

    let mut hooks_file = File::new("plugin_hooks", include_str!("fixed/about_plugin_hooks.txt"));
    groups.hook_files().into_iter().for_each(|file| hooks_file.import(file));
    let rpcs = project.schema.hooks.iter().map(|hook| {
        let about = match hooks.get(&hook.name) {
            Some(call) => hook_answers(project, call),
            None => IMPLEMENTED.to_owned(),
        };
        let doc = docs.hooks.get(&hook.name).filter(|_| hooks.contains_key(&hook.name));
        rpc(project, hook, doc, "Hooks", &about)
    });
    add(&mut hooks_file, "PluginHooks", "The hooks of a plugin, served by the plugin.", rpcs);

    let mut driver_file = File::new("plugin_driver", include_str!("fixed/about_plugin_driver.txt"));
    driver_file.import(driver::FILE);
    let rpcs =
        project.schema.driver.iter().map(|method| rpc(project, method, docs.driver.get(&method.name), "Driver", ""));
    add(&mut driver_file, "PluginDriver", "The server's own database, served by the bridge.", rpcs);
    vec![api_file, hooks_file, driver_file]
}

/// Written for whoever serves it, unlike the text in `docs.toml`.
const IMPLEMENTED: &str = "Answers which hooks the plugin wants to receive. It is the first call, before the plugin is activated, and \
                           every plugin must serve it.";

fn add(file: &mut File, service: &str, doc: &str, rpcs: impl Iterator<Item = String>) {
    let rpcs: Vec<String> = rpcs.collect();
    let doc = comment("", doc);
    file.add(&[service], &format!("{doc}service {service} {{\n{}}}", rpcs.join("\n")));
}

fn rpc(project: &Project, method: &Method, doc: Option<&String>, interface: &str, about: &str) -> String {
    let name = &method.name;
    let since = match method.since.as_str() {
        "" => String::new(),
        since => format!(" Since Mattermost {since}."),
    };
    let doc = doc.map(|doc| with_values(project, doc)).unwrap_or_default();
    let doc = comment("  ", &format!("{doc}\n\n{about}\n\nGo: `{interface}.{name}`.{since}"));
    let (request, response) = directions(name);
    let stream = |is_stream: bool| if is_stream { "stream " } else { "" };
    format!("{doc}  rpc {name}({}{name}Request) returns ({}{name}Response);\n", stream(request), stream(response))
}

/// How an API method fails.
fn api_errors(call: Option<&Call>) -> String {
    match call.and_then(|call| call.error.as_ref()) {
        Some(error) if matches!(error.ty, Type::Ptr(_)) => "Fails with an `AppError`.".to_owned(),
        Some(_) => "Fails with an `AppError` or a `GoError`.".to_owned(),
        None => String::new(),
    }
}

/// What an empty response and a failure of a hook mean.
fn hook_answers(project: &Project, call: &Call) -> String {
    let rejects = call.results.iter().any(|slot| slot.field_in_proto == "rejection_reason");
    let empty = project.overrides.proto.empty.get(&call.method.name).map(String::as_str);
    let empty = empty.unwrap_or(match (call.results.as_slice(), rejects) {
        ([], _) => "The response has no fields.",
        ([_], true) => "An empty response rejects nothing.",
        (_, true) => "An empty response changes and rejects nothing.",
        _ if call.echo.is_some() => "An empty response changes nothing.",
        _ => "An empty response stands for zero values.",
    });
    let failure = streams::failure(&call.method.name).unwrap_or(match &call.error {
        Some(error) if matches!(error.ty, Type::Ptr(_)) => {
            "A status other than OK is the hook's error: the `AppError` of its details, or one made of its message."
        }
        Some(_) => "A status other than OK is the hook's error.",
        None => "A status other than OK is logged, and the answer is the server's own default.",
    });
    let time = handling::sentence(&project.overrides, call.deadline);
    format!("{empty} {failure}\n\n{time}")
}

//! The requests and responses of API methods and hooks.

use super::comments::with_values;
use super::file::File;
use super::groups::Groups;
use super::message::{Field, Message};
use super::models::{Models, values};
use super::streams;
use super::types::{FieldType, field_type};
use crate::calls::{Call, Slot};
use crate::error::{Result, no_faults};
use crate::messages::beside_arguments;
use crate::project::Project;

/// The files of the API and of the hooks.
pub(super) fn files(project: &Project, models: &Models, groups: &Groups) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for name in groups.api_files() {
        let about = format!("Requests and responses of the plugin API: {}.", subject(name, "_api"));
        let calls = project.calls.api.iter().filter(|call| groups.of_api(&call.method.name) == name);
        files.push(file(project, models, name, &about, calls)?);
    }
    for name in groups.hook_files() {
        let about = format!("Requests and responses of hooks: {}.", subject(name, "_hooks"));
        let calls = project.calls.hooks.iter().filter(|call| groups.of_hook(&call.method.name) == name);
        let mut file = file(project, models, name, &about, calls)?;
        if groups.of_hook("Implemented") == name {
            file.add(&["ImplementedRequest", "ImplementedResponse"], IMPLEMENTED);
        }
        files.push(file);
    }
    Ok(files)
}

/// `Implemented` is no frame, so no call describes it.
const IMPLEMENTED: &str = "\
// The request of `Implemented`.
message ImplementedRequest {}

// The response of `Implemented`.
message ImplementedResponse {
  // The names of the hooks that the plugin wants to receive, as they are in the service `PluginHooks`.
  // The server calls no other.
  repeated string hooks = 1;
}";

fn subject(file: &str, suffix: &str) -> String {
    file.trim_end_matches(suffix).replace('_', " ")
}

fn file<'a>(
    project: &Project,
    models: &Models,
    name: &str,
    about: &str,
    calls: impl Iterator<Item = &'a Call>,
) -> Result<File> {
    let mut file = File::new(name, about);
    let mut faults = Vec::new();
    for call in calls {
        if let Err(fault) = add(project, models, &mut file, call, &mut faults) {
            faults.push(format!("{}: {fault}", call.method.name));
        }
    }
    no_faults(faults)?;
    Ok(file)
}

/// Adds the messages of a method.
pub(super) fn add(
    project: &Project,
    models: &Models,
    file: &mut File,
    call: &Call,
    faults: &mut Vec<String>,
) -> Result<(), String> {
    if call.method.params.iter().any(|param| param.stream) {
        return streams::add(project, models, file, call, faults);
    }
    let name = &call.method.name;
    request(project, models, call, &format!("{name}Request"), &format!("The request of `{name}`."))?
        .add_to(file, faults);
    response(project, models, call, &format!("{name}Response"), &format!("The response of `{name}`."))?
        .add_to(file, faults);
    Ok(())
}

/// A message with the arguments.
pub(super) fn request(
    project: &Project,
    models: &Models,
    call: &Call,
    message: &str,
    doc: &str,
) -> Result<Message, String> {
    let mut message = Message::new(message, doc);
    for slot in &call.args {
        let is_param = call.method.params.iter().any(|param| param.name == slot.name);
        let doc = if is_param { project.docs.param(&call.method.name, &slot.name) } else { None };
        let doc = doc.unwrap_or(if call.streams.is_empty() { "" } else { streams::WITHOUT_BODY });
        let known = values(project, &slot.ty);
        message.field(field(project, models, slot, format!("{} {known}", with_values(project, doc)))?);
    }
    for name in beside_arguments(&call.method.name) {
        message.field(streams::beside(project, call, name));
    }
    message.reserve_fields(project.lock.reserved.request.get(&call.method.name));
    Ok(message)
}

/// A message with the results.
pub(super) fn response(
    project: &Project,
    models: &Models,
    call: &Call,
    message: &str,
    doc: &str,
) -> Result<Message, String> {
    let mut message = Message::new(message, doc);
    for slot in &call.results {
        let doc = project.docs.result(&call.method.name, &slot.field_in_proto).unwrap_or_default();
        message.field(field(project, models, slot, with_values(project, doc))?);
    }
    message.reserve_fields(project.lock.reserved.response.get(&call.method.name));
    Ok(message)
}

fn field(project: &Project, models: &Models, slot: &Slot, doc: String) -> Result<Field, String> {
    let ty: FieldType = field_type(project, models, &slot.ty)?;
    // `renumber` never gives numbers that do not fit.
    let number = u16::try_from(slot.tag).unwrap_or_default();
    Ok(Field { name: slot.field_in_proto.clone(), number, ty, doc, note: String::new() })
}

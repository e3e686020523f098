//! The messages of methods that carry streams. Frames carry streams beside arguments; here a stream is a stream of messages, of which
//! the first has the arguments. How they go on is written by hand, a text for each method.

use super::file::File;
use super::fixed::declared;
use super::message::Field;
use super::methods::{request, response};
use super::models::Models;
use super::types::FieldType;
use crate::calls::Call;
use crate::project::Project;

/// A method whose request, response or both are streams.
struct Streamed {
    method: &'static str,
    /// Whether the request is a stream.
    request: bool,
    /// Whether the response is one.
    response: bool,
    /// What holds the results: a message of its own within the stream, the response, or no message that is made here.
    results: Results,
    /// What a failure of a hook means; empty for API methods.
    failure: &'static str,
    /// The messages of the streams.
    text: &'static str,
}

enum Results {
    Message(&'static str),
    Response,
    InText,
}

const STREAMED: [Streamed; 6] = [
    Streamed {
        method: "ServeHTTP",
        request: true,
        response: true,
        results: Results::InText,
        failure: "A status other than OK makes a response with status 500, or breaks one off that has begun.",
        text: include_str!("fixed/serve_http.proto"),
    },
    Streamed {
        method: "ServeMetrics",
        request: true,
        response: true,
        results: Results::InText,
        failure: "A status other than OK makes a response with status 500, or breaks one off that has begun.",
        text: include_str!("fixed/serve_metrics.proto"),
    },
    Streamed {
        method: "FileWillBeUploaded",
        request: true,
        response: true,
        results: Results::Message("FileWillBeUploadedResult"),
        failure: "A status other than OK is logged; the file is refused if new contents were sent, and stays as it is otherwise.",
        text: include_str!("fixed/file_will_be_uploaded.proto"),
    },
    Streamed {
        method: "UploadData",
        request: true,
        response: false,
        results: Results::Response,
        failure: "",
        text: include_str!("fixed/upload_data.proto"),
    },
    Streamed {
        method: "InstallPlugin",
        request: true,
        response: false,
        results: Results::Response,
        failure: "",
        text: include_str!("fixed/install_plugin.proto"),
    },
    Streamed {
        method: "PluginHTTP",
        request: true,
        response: true,
        results: Results::InText,
        failure: "",
        text: include_str!("fixed/plugin_http.proto"),
    },
];

/// What a request of HTTP is, beside which its body travels as a stream.
pub(super) const WITHOUT_BODY: &str = "The request without its body.";

fn streamed(method: &str) -> Option<&'static Streamed> {
    STREAMED.iter().find(|streamed| streamed.method == method)
}

/// Whether the request and the response of a method are streams.
pub(super) fn directions(method: &str) -> (bool, bool) {
    streamed(method).map_or((false, false), |streamed| (streamed.request, streamed.response))
}

/// What a failure of a hook with streams means.
pub(super) fn failure(hook: &str) -> Option<&'static str> {
    streamed(hook).map(|streamed| streamed.failure)
}

/// Adds the messages of a method that carries streams.
pub(super) fn add(
    project: &Project,
    models: &Models,
    file: &mut File,
    call: &Call,
    faults: &mut Vec<String>,
) -> Result<(), String> {
    let name = &call.method.name;
    let Some(streamed) = streamed(name) else {
        return Err("it carries a stream, and backends/proto/streams.rs does not say how".into());
    };
    file.import("streams");
    file.add(&declared(streamed.text), streamed.text);
    request(project, models, call, &format!("{name}Start"), &format!("How `{name}` begins."))?.add_to(file, faults);
    let results = match streamed.results {
        Results::Message(message) => response(project, models, call, message, &format!("The results of `{name}`."))?,
        Results::Response => {
            response(project, models, call, &format!("{name}Response"), &format!("The response of `{name}`."))?
        }
        Results::InText => return Ok(()),
    };
    results.add_to(file, faults);
    Ok(())
}

/// A field of the first message that is no argument.
pub(super) fn beside(project: &Project, call: &Call, name: &str) -> Field {
    let (text, doc) = match name {
        "headers" => ("map<string, HeaderValues>", "The headers that the server has set for the response already."),
        _ => ("string", "The bridge's own metrics in Prometheus' text format, to be sent along with the plugin's."),
    };
    let numbers = project.lock.request.get(&call.method.name);
    let number = numbers.and_then(|numbers| numbers.get(name)).copied().unwrap_or_default();
    let ty = FieldType::new(text, "streams");
    Field { name: name.to_owned(), number, ty, doc: doc.to_owned(), note: String::new() }
}

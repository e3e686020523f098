//! The API client: the mixins for threads and for asyncio.

use std::collections::{BTreeMap, BTreeSet};

use super::DIR;
use super::docs::{document, document_with, returns};
use super::methods::result;
use super::models::Models;
use super::params::{FORMS, STREAM, Signature, mentions, signature};
use super::settings::Settings;
use super::source::{bracketed, code_only, file, has_word};
use super::types::structs_in;
use crate::backends::Output;
use crate::calls::Call;
use crate::names::{python_method, screaming_case, snake_case};
use crate::project::Project;
use crate::text::Text;

/// Which of the two clients.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Colour {
    Sync,
    Async,
}

impl Colour {
    fn package(self) -> &'static str {
        if self == Self::Sync { "api" } else { "async_api" }
    }

    fn prefix(self) -> &'static str {
        if self == Self::Sync { "" } else { "Async" }
    }

    fn def(self) -> &'static str {
        if self == Self::Sync { "def" } else { "async def" }
    }

    fn base(self) -> &'static str {
        if self == Self::Sync { "Caller" } else { "AsyncCaller" }
    }

    fn wait(self) -> &'static str {
        if self == Self::Sync { "" } else { "await " }
    }
}

/// The files.
pub(super) fn outputs(project: &Project, settings: &Settings, models: &Models) -> Vec<Output> {
    let mut outputs = Vec::new();
    let mixins = mixins(project, settings);
    for colour in [Colour::Sync, Colour::Async] {
        for (mixin, calls) in &mixins {
            let path = format!("{DIR}/{}/{}.py", colour.package(), snake_case(mixin));
            outputs.push(Output::new(path, module(project, settings, models, colour, mixin, calls)));
        }
        outputs.push(Output::new(format!("{DIR}/{}/__init__.py", colour.package()), package(colour, &mixins)));
    }
    outputs
}

/// The calls of each mixin, in the order of their ids; without settings there is one mixin.
fn mixins<'a>(project: &'a Project, settings: &Settings) -> BTreeMap<String, Vec<&'a Call>> {
    let mut mixins: BTreeMap<String, Vec<&Call>> = BTreeMap::new();
    for call in &project.calls.api {
        let name = &call.method.name;
        let found = settings.mixins.iter().find(|(_, methods)| methods.contains(name));
        mixins.entry(found.map_or_else(|| "Server".into(), |(mixin, _)| mixin.clone())).or_default().push(call);
    }
    mixins
}

fn package(colour: Colour, mixins: &BTreeMap<String, Vec<&Call>>) -> String {
    let about = if colour == Colour::Sync { "The plugin API for threads." } else { "The plugin API for asyncio." };
    let mut text = file(about);
    text.blank();
    let class = |mixin: &str| format!("{}{mixin}Mixin", colour.prefix());
    let mut modules: Vec<(String, String)> = mixins.keys().map(|mixin| (snake_case(mixin), class(mixin))).collect();
    modules.sort();
    for (module, class) in &modules {
        text.line(format_args!("from .{module} import {class}"));
    }
    text.blank();
    text.blank();
    let classes: Vec<String> = modules.into_iter().map(|(_, class)| class).collect();
    text.line(bracketed(0, &format!("class {}ApiMixins(", colour.prefix()), &classes, "):"));
    text.line("    \"\"\"Every API method, by subject.\"\"\"");
    text.finish()
}

fn module(
    project: &Project,
    settings: &Settings,
    models: &Models,
    colour: Colour,
    mixin: &str,
    calls: &[&Call],
) -> String {
    let mut body = Text::default();
    let mut named = BTreeSet::new();
    let mut built = BTreeSet::new();
    for call in calls {
        let signature = signature(project, settings, call);
        named.extend(call.args.iter().chain(&call.results).flat_map(|slot| structs_in(project, &slot.ty)));
        for structure in signature.unfolded.iter().chain(&signature.built) {
            named.extend(project.flat_fields(structure).iter().flat_map(|(_, field)| structs_in(project, &field.ty)));
        }
        built.extend(signature.built.iter().cloned());
        body.blank();
        method(&mut body, project, settings, colour, call, &signature);
    }
    for (alias, name) in settings.aliases.iter().filter(|(_, name)| calls.iter().any(|call| call.method.name == **name))
    {
        body.blank();
        body.line(format_args!("    {alias} = {}", python_method(name)));
    }
    let body = body.finish();
    let class = format!("{}{mixin}Mixin", colour.prefix());
    let mut text = imports(models, &body, &named, &built, colour, mixin);
    text.blank();
    text.blank();
    text.line(format_args!("class {class}({}):", colour.base()));
    text.line(format_args!("    \"\"\"API methods: {}.\"\"\"", snake_case(mixin).replace('_', " ")));
    text.finish() + &body
}

/// The imports that the text of a module needs.
fn imports(
    models: &Models,
    body: &str,
    named: &BTreeSet<String>,
    built: &BTreeSet<String>,
    colour: Colour,
    mixin: &str,
) -> Text {
    let mut text = file(&format!("The plugin API: {}.", snake_case(mixin).replace('_', " ")));
    let code = code_only(body);
    let uses = |word: &str| has_word(&code, word);
    let typed: BTreeSet<String> = named.iter().filter(|name| uses(name) && !built.contains(*name)).cloned().collect();
    let foreign = stream_imports(colour, &uses);
    let typing: Vec<&str> = ["TYPE_CHECKING", "Any", "TypeVar", "overload"]
        .into_iter()
        .filter(|word| {
            if *word == "TYPE_CHECKING" {
                !typed.is_empty() || !foreign.is_empty()
            } else if *word == "TypeVar" {
                uses("T")
            } else {
                uses(word)
            }
        })
        .collect();
    text.blank();
    if uses("Sequence") {
        text.line("from collections.abc import Sequence");
    }
    if !typing.is_empty() {
        text.line(format_args!("from typing import {}", typing.join(", ")));
    }
    if !typing.is_empty() || uses("Sequence") {
        text.blank();
    }
    if body.contains("_convert.") {
        text.line("from ... import _convert");
    }
    text.line(format_args!("from ..._caller import {}", colour.base()));
    if code.contains("methods.") {
        text.line("from .. import methods");
    }
    for line in models.imports(0, "..models.", built) {
        text.line(line);
    }
    if !typed.is_empty() || !foreign.is_empty() {
        text.blank();
        text.line("if TYPE_CHECKING:");
        for line in foreign {
            text.line(line);
        }
        for line in models.imports(4, "..models.", &typed) {
            text.line(line);
        }
    }
    if uses("T") {
        text.blank();
        text.line("T = TypeVar(\"T\")");
    }
    text
}

/// The imports of types that are not generated: those of streams.
fn stream_imports(colour: Colour, uses: &dyn Fn(&str) -> bool) -> Vec<String> {
    let is_sync = colour == Colour::Sync;
    let mut lines = Vec::new();
    if uses("HTTPResponse") || uses("AsyncHTTPResponse") {
        if is_sync {
            lines.push("    from ..._http.client import HeadersLike, HTTPResponse".into());
        } else {
            lines.push("    from ..._http.async_client import AsyncHTTPResponse".into());
            lines.push("    from ..._http.client import HeadersLike".into());
        }
    }
    if uses(STREAM) {
        let import =
            if is_sync { "_streams.sources import" } else { "_streams.async_sources import AsyncStreamSource as" };
        lines.push(format!("    from ...{import} {STREAM}"));
    }
    lines
}

fn method(text: &mut Text, project: &Project, settings: &Settings, colour: Colour, call: &Call, signature: &Signature) {
    let name = python_method(&call.method.name);
    let def = colour.def();
    match call.method.name.as_str() {
        "LoadPluginConfiguration" => {
            text.line("    @overload");
            text.line(format_args!("    {def} {name}(self, *, type: None = None) -> dict[str, Any]: ..."));
            text.line("    @overload");
            text.line(format_args!("    {def} {name}(self, *, type: type[T]) -> T: ..."));
            text.line(format_args!("    {def} {name}(self, *, type: Any = None) -> Any:"));
            let params = [(
                "type".to_owned(),
                "A Struct, a dataclass or another type that the settings shall become.".to_owned(),
            )];
            document(text, project, call, &params, "The settings, as a dict or as the wanted type.");
            text.line(format_args!(
                "        return _convert.settings({}self._call(methods.LOAD_PLUGIN_CONFIGURATION, ()), type)",
                colour.wait()
            ));
        }
        "LogDebug" | "LogInfo" | "LogWarn" | "LogError" => {
            text.line(format_args!("    {def} {name}(self, message: str, **fields: Any) -> None:"));
            let params = [
                ("message".to_owned(), "The line's text.".to_owned()),
                ("**fields".to_owned(), "Fields of the line, by name.".to_owned()),
            ];
            document(text, project, call, &params, "");
            text.line(format_args!(
                "        {}self._call(methods.{}, (message, _convert.key_values(fields)))",
                colour.wait(),
                screaming_case(&call.method.name)
            ));
        }
        "PluginHTTP" => plugin_http(text, project, colour, call),
        _ => ordinary(text, project, settings, colour, call, signature),
    }
}

fn ordinary(
    text: &mut Text,
    project: &Project,
    settings: &Settings,
    colour: Colour,
    call: &Call,
    signature: &Signature,
) {
    let name = python_method(&call.method.name);
    let result = result(project, settings, call);
    text.line(bracketed(
        4,
        &format!("{} {name}(", colour.def()),
        &signature.declarations(),
        &format!(") -> {result}:"),
    ));
    let params: Vec<(String, String)> = signature
        .params
        .iter()
        .filter(|param| !param.doc.is_empty())
        .map(|param| (param.name.clone(), mentions(project, &param.doc)))
        .collect();
    document_with(text, project, call, &params, &returns(&result), &signature.unfolded);
    let method = format!("methods.{}", screaming_case(&call.method.name));
    let keyword = if result == "None" { "" } else { "return " };
    let args = match signature.args.as_slice() {
        [one] => format!("({one},)"),
        args => format!("({})", args.join(", ")),
    };
    if let Some(stream) = &signature.stream {
        text.line(format_args!("        {keyword}{}self._upload({method}, {args}, {stream})", colour.wait()));
        return;
    }
    let line = format!("        {keyword}{}self._call({method}, {args})", colour.wait());
    if line.chars().count() <= 120 {
        text.line(line);
        return;
    }
    long_call(text, colour, keyword, &method, signature);
}

/// A call whose arguments do not fit into a line: one an line, the struct that is built in a variable of its own.
fn long_call(text: &mut Text, colour: Colour, keyword: &str, method: &str, signature: &Signature) {
    let mut args = Vec::new();
    for arg in &signature.args {
        match signature.unfolded.iter().find(|name| arg.starts_with(&format!("{name}("))) {
            Some(structure) => {
                let inner = &arg[structure.len() + 1..arg.len() - 1];
                let values: Vec<String> = inner.split(", ").map(str::to_owned).collect();
                let variable = if signature.unfolded.len() == 1 { "options".to_owned() } else { snake_case(structure) };
                text.line(bracketed(8, &format!("{variable} = {structure}("), &values, ")"));
                args.push(variable);
            }
            None => args.push(arg.clone()),
        }
    }
    let tuple = if let [one] = args.as_slice() { format!("({one},)") } else { format!("({})", args.join(", ")) };
    let line = format!("        {keyword}{}self._call({method}, {tuple})", colour.wait());
    if line.chars().count() <= 120 {
        text.line(line);
    } else {
        text.line(bracketed(8, &format!("{keyword}{}self._call(", colour.wait()), &[method.to_owned(), tuple], ")"));
    }
}

fn plugin_http(text: &mut Text, project: &Project, colour: Colour, call: &Call) {
    let declarations = vec![
        "self".to_owned(),
        "method: str".into(),
        "url: str".into(),
        "headers: HeadersLike | None = None".into(),
        format!("body: {STREAM} = b\"\""),
    ];
    let suffix = format!(") -> {}HTTPResponse:", colour.prefix());
    text.line(bracketed(4, &format!("{} plugin_http(", colour.def()), &declarations, &suffix));
    let params = [
        ("method", "The HTTP method."),
        ("url", "The path, beginning with the id of the plugin that is asked: `/com.example.other/api/items`."),
        ("headers", "The request's headers, each with a value or several."),
        ("body", &format!("The request's body. {FORMS}")),
    ]
    .map(|(name, doc)| (name.to_owned(), doc.to_owned()));
    let returns = "The status and the headers; the body is read from it. No answer is a PluginAPIError.";
    document(text, project, call, &params, returns);
    text.line(format_args!("        return {}self._plugin_http(method, url, headers, body)", colour.wait()));
}

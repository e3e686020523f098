//! Plans: the calls that the host wants.

use mmp_gob::Gob;
use mmp_plugin::http::PluginRequest;
use mmp_plugin::model::{HTTPRequestSubset, rpc};
use mmp_plugin::{Error, Result as CallResult};
use mmp_transcode::generated;
use mmp_transcode::schema::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Conformance;
use crate::bodies::{BodySpec, digest};
use crate::canonical::{self, Fault, text};
use crate::{errors, generated as tables};

/// A line of a plan.
#[derive(Deserialize)]
pub(crate) struct Line {
    case: i64,
    #[serde(default)]
    service: String,
    method: String,
    args: Vec<Value>,
    body: Option<BodySpec>,
}

/// A call of the plan, for the generated tables.
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    method: &'static Method,
    args: &'a [Value],
}

/// What a call is told as, or what is wrong with the line.
pub(crate) type Outcome = Result<Value, Fault>;

impl Call<'_> {
    /// The arguments.
    pub(crate) fn args<A: Gob + Default>(&self) -> Result<A, Fault> {
        canonical::args(self.method, self.args)
    }

    /// The results, in the RPC struct, or the error.
    pub(crate) fn outcome<R: Gob + Default>(&self, result: CallResult<R>) -> Outcome {
        match result {
            Ok(reply) => Ok(json!({"results": canonical::results_of(self.method, &reply)?})),
            Err(Error::Nothing { .. }) => Ok(json!({"results": canonical::results_of(self.method, &R::default())?})),
            Err(error) => Ok(errors::outcome(&error)),
        }
    }
}

impl Conformance {
    /// Runs the plan if the command says so, and returns the text of the answer.
    pub(crate) async fn run_plan(&self, command: &str) -> Option<String> {
        let path = command.strip_prefix("/conformance ")?.split_whitespace().last()?;
        Some(self.run_lines(path).await.err().unwrap_or_else(|| "done".to_owned()))
    }

    async fn run_lines(&self, path: &str) -> Result<(), Fault> {
        let plan = std::fs::read_to_string(path).map_err(text)?;
        let mut out = String::new();
        for line in plan.lines().filter(|line| !line.is_empty()) {
            let line: Line = serde_json::from_str(line).map_err(text)?;
            let mut told = self.run_line(&line).await.unwrap_or_else(|fault| json!({"failed": fault}));
            told["case"] = line.case.into();
            out.push_str(&told.to_string());
            out.push('\n');
        }
        std::fs::write(format!("{path}.out"), out).map_err(text)
    }

    async fn run_line(&self, line: &Line) -> Outcome {
        let of_driver = line.service == "driver";
        let find = if of_driver { generated::driver_by_name } else { generated::api_by_name };
        let method = find(&line.method).ok_or_else(|| format!("there is no method {}", line.method))?;
        let call = Call { name: &line.method, method, args: &line.args };
        if of_driver {
            return tables::call_driver(&self.driver, &call).await;
        }
        if let Some(body) = &line.body {
            let told = self.stream(&call, body).await;
            return match &body.broken {
                // The call fails with what the source said.
                Some(_) => told.map(|told| match told.get("failed") {
                    Some(why) => json!({"broken": why}),
                    None => json!({"failed": format!("the body was broken off, but the call ended with {told}")}),
                }),
                None => told,
            };
        }
        match line.method.as_str() {
            "LoadPluginConfiguration" => match self.api.load_plugin_configuration::<Value>().await {
                Ok(settings) => Ok(json!({"results": [settings]})),
                Err(error) => Ok(errors::outcome(&error)),
            },
            "LogDebug" | "LogInfo" | "LogWarn" | "LogError" => self.log(&call),
            _ => tables::call_api(&self.api, &call).await,
        }
    }

    fn log(&self, call: &Call<'_>) -> Outcome {
        let args: rpc::LogInfoArgs = call.args()?;
        let texts: Vec<String> = args.b.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect();
        let pairs: Vec<(&str, &dyn std::fmt::Display)> =
            texts.chunks_exact(2).map(|pair| (pair[0].as_str(), &pair[1] as &dyn std::fmt::Display)).collect();
        match call.name {
            "LogDebug" => self.api.log_debug(&args.a, &pairs),
            "LogInfo" => self.api.log_info(&args.a, &pairs),
            "LogWarn" => self.api.log_warn(&args.a, &pairs),
            _ => self.api.log_error(&args.a, &pairs),
        }
        Ok(json!({"results": []}))
    }

    async fn stream(&self, call: &Call<'_>, body: &BodySpec) -> Outcome {
        let content = body.body()?;
        match call.name {
            "UploadData" => {
                let args: rpc::UploadDataArgs = call.args()?;
                let file = self.api.upload_data(*args.a.unwrap_or_default(), content).await;
                call.outcome(file.map(|file| rpc::UploadDataReturns { a: file.map(Box::new), ..Default::default() }))
            }
            "InstallPlugin" => {
                let args: rpc::InstallPluginArgs = call.args()?;
                let manifest = self.api.install_plugin(content, args.b).await;
                call.outcome(
                    manifest.map(|manifest| rpc::InstallPluginReturns {
                        a: Some(Box::new(manifest)),
                        ..Default::default()
                    }),
                )
            }
            _ => {
                let args: rpc::PluginHTTPStreamArgs = call.args()?;
                let mut request = request(*args.request.unwrap_or_default());
                request.body = content;
                let mut response = match self.api.plugin_http(request).await {
                    Ok(response) => response,
                    Err(error) => return Ok(errors::outcome(&error)),
                };
                let content = match digest(&mut response.body, -1).await {
                    Ok(content) => content,
                    Err(why) => return Ok(json!({"failed": why})),
                };
                let header = response.headers.iter().map(|(name, values)| (name.clone(), values.to_vec())).collect();
                let reply = rpc::PluginHTTPStreamReturns { status_code: response.status, header: Some(header) };
                let mut told = call.outcome(Ok(reply))?;
                told["body"] = content;
                Ok(told)
            }
        }
    }
}

fn request(subset: HTTPRequestSubset) -> PluginRequest {
    let url = subset.url.map(|url| url.0).unwrap_or_default();
    let mut request = PluginRequest::new(subset.method, url);
    request.proto = subset.proto;
    request.proto_major = subset.proto_major;
    request.proto_minor = subset.proto_minor;
    request.host = subset.host;
    request.remote_addr = subset.remote_addr;
    request.request_uri = subset.request_uri;
    for (name, values) in subset.header.unwrap_or_default() {
        values.into_iter().for_each(|value| request.headers.add(&name, value));
    }
    request
}

//! The hooks with streams.

use mmp_gob::{GoString, Url};
use mmp_plugin::http::{Request, Response};
use mmp_plugin::model::{Context, FileInfo, HTTPRequestSubset, rpc};
use mmp_plugin::{Decision, FileReader, FileWriter, HookError};
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::Conformance;
use crate::bodies::{Digest, digest};
use crate::canonical::{self, Fault, text};
use crate::told::{Told, fail, method};

impl Conformance {
    /// ServeHTTP or ServeMetrics, whose arguments are the same.
    pub(crate) async fn serve(
        &self,
        hook: &str,
        context: &Context,
        request: Request,
        response: &mut Response,
    ) -> Result<(), HookError> {
        let Some(told) = self.told(hook).await else { return Ok(()) };
        self.respond(&told, context, request, response).await.map_err(HookError::new)
    }

    async fn respond(
        &self,
        told: &Told,
        context: &Context,
        mut request: Request,
        response: &mut Response,
    ) -> Result<(), Fault> {
        let args = received(context, &request);
        let preset = fields(response).await?;
        let body = digest(&mut request.body, told.read).await?;
        if let Some(begins) = &told.hijack {
            let content = take_over(response, begins).await?;
            return self.received(told, &args, json!({"body": content, "headers": preset})).await;
        }
        self.received(told, &args, json!({"body": body, "headers": preset})).await?;
        for (name, values) in told.headers.iter().flatten() {
            response.remove_header(name);
            for value in values.as_array().into_iter().flatten() {
                response.add_header(name, value.as_str().unwrap_or_default());
            }
        }
        if let Some(status) = told.status {
            response.set_status(u16::try_from(status).unwrap_or_default());
        }
        for (bytes, flush) in told.body.as_ref().map(|body| body.pieces()).transpose()?.into_iter().flatten() {
            response.write(bytes).await.map_err(text)?;
            if flush {
                response.flush().await.map_err(text)?;
            }
        }
        told.fail.clone().map_or(Ok(()), Err)
    }

    /// FileWillBeUploaded.
    pub(crate) async fn upload(
        &self,
        context: &Context,
        info: &FileInfo,
        file: &mut FileReader,
        output: &mut FileWriter,
    ) -> Decision<FileInfo> {
        let Some(told) = self.told("FileWillBeUploaded").await else { return Decision::accept() };
        let answer = async {
            let args = rpc::FileWillBeUploadedArgs {
                a: Some(Box::new(context.clone())),
                b: Some(Box::new(info.clone())),
                ..Default::default()
            };
            let body = digest(file, told.read).await?;
            self.received(&told, &args, json!({"body": body})).await?;
            for (bytes, _) in told.body.as_ref().map(|body| body.pieces()).transpose()?.into_iter().flatten() {
                output.write_all(&bytes).await.map_err(text)?;
            }
            if let Some(message) = &told.fail {
                return Err(message.clone());
            }
            let Some(returns) = &told.returns else { return Ok(Decision::accept()) };
            let returns: rpc::FileWillBeUploadedReturns = canonical::returns(method("FileWillBeUploaded")?, returns)?;
            Ok(Decision { value: returns.a.map(|info| *info), reason: returns.b })
        };
        answer.await.unwrap_or_else(|fault: Fault| fail(&HookError::new(fault)))
    }
}

/// Echoes what comes on the client's connection.
async fn take_over(response: &mut Response, begins: &str) -> Result<Value, Fault> {
    let mut connection = response.hijack().await.map_err(text)?;
    connection.write(begins).await.map_err(text)?;
    let mut digest = Digest::default();
    loop {
        let bytes = connection.read().await.map_err(text)?;
        if bytes.is_empty() {
            return Ok(digest.told());
        }
        digest.add(&bytes);
        connection.write(&bytes).await.map_err(text)?;
    }
}

/// The response headers that are set already.
async fn fields(response: &mut Response) -> Result<Value, Fault> {
    let headers = response.headers().await.map_err(text)?;
    let texts = |values: &[GoString]| values.iter().map(|value| value.as_str().into()).collect::<Vec<Value>>();
    let fields: Map<String, Value> =
        headers.iter().map(|(name, values)| (name.to_string(), texts(values).into())).collect();
    Ok(fields.into())
}

/// The arguments as they were on the wire.
fn received(context: &Context, request: &Request) -> rpc::ServeHTTPArgs {
    let header = request.headers.iter().map(|(name, values)| (name.clone(), values.to_vec())).collect();
    let request = HTTPRequestSubset {
        method: request.method.clone(),
        url: Some(Box::new(Url(request.url.clone()))),
        proto: request.proto.clone(),
        proto_major: request.proto_major,
        proto_minor: request.proto_minor,
        header: Some(header),
        host: request.host.clone(),
        remote_addr: request.remote_addr.clone(),
        request_uri: request.request_uri.clone(),
        ..Default::default()
    };
    rpc::ServeHTTPArgs {
        request: Some(Box::new(request)),
        context: Some(Box::new(context.clone())),
        ..Default::default()
    }
}

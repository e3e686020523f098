//! API methods to which bytes stream: uploads, the installation of plugins, requests to other plugins.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use mmp_gob::{Gob, Url};
use tokio::io::AsyncReadExt as _;
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::api::Api;
use crate::error::{Error, Method, Result};
use crate::http::{Body, BodyReader, Headers, PluginRequest, PluginResponse};
use crate::model::{FileInfo, HTTPRequestSubset, Manifest, UploadSession, rpc};
use crate::runtime::shared::{Shared, State};
use crate::streams::{Accepted, Flow};

/// How much of a body is read at once.
const PART: usize = 64 * 1024;

/// How the header says who asks, for requests without any: gob leaves an empty map out, and the server would end at that.
const USER_AGENT: &str = concat!("mmp-plugin/", env!("CARGO_PKG_VERSION"));

/// Methods: uploads and other plugins.
impl Api {
    /// Sends the data of an upload, all of it or the part that is missing. Returns the file when it is complete.
    ///
    /// Mattermost's `UploadData`, since 7.6.
    pub async fn upload_data(&self, us: UploadSession, data: impl Into<Body> + Send) -> Result<Option<FileInfo>> {
        const METHOD: Method = Method { name: "UploadData", rpc: "Plugin.UploadData", since: "7.6" };
        let (number, mut sending) = self.send_body(METHOD, data.into())?;
        let args = rpc::UploadDataArgs { a: Some(Box::new(us)), plugin_stream_id: number };
        let reply: rpc::UploadDataReturns = sending.answer(self, METHOD, &args).await?;
        match Error::from_any(&reply.b) {
            Some(error) => Err(error),
            None => Ok(reply.a.map(|file| *file)),
        }
    }

    /// Installs a plugin from its bundle, a gzipped tar archive, and returns its manifest. `replace` allows to replace an installed version.
    ///
    /// Mattermost's `InstallPlugin`, since 5.18.
    pub async fn install_plugin(&self, bundle: impl Into<Body> + Send, replace: bool) -> Result<Manifest> {
        const METHOD: Method = Method { name: "InstallPlugin", rpc: "Plugin.InstallPlugin", since: "5.18" };
        let (number, mut sending) = self.send_body(METHOD, bundle.into())?;
        let args = rpc::InstallPluginArgs { plugin_stream_id: number, b: replace };
        let reply: rpc::InstallPluginReturns = sending.answer(self, METHOD, &args).await?;
        match reply.b {
            Some(error) => Err(Error::App(error)),
            None => Ok(*reply.a.ok_or(Error::Nothing { method: METHOD.name })?),
        }
    }

    /// Sends a request to another plugin. Both bodies stream: the other plugin may answer while it reads.
    ///
    /// Mattermost's `PluginHTTP`, since 5.18; the streams need a server since 10.1.
    pub async fn plugin_http(&self, request: PluginRequest) -> Result<PluginResponse> {
        const METHOD: Method = Method { name: "PluginHTTP", rpc: "Plugin.PluginHTTPStream", since: "5.18" };
        if request.url.is_empty() {
            return Err(Error::Stream("PluginHTTP: the request has no URL".to_owned()));
        }
        let shared = self.shared(METHOD)?;
        let answer = accept(&shared, Flow::Plain);
        let has_body = request.body.0.is_some();
        let (subset, body) = outgoing(request);
        let (number, mut sending) = if has_body { self.send_body(METHOD, body)? } else { (0, Sending::nothing()) };
        let args = rpc::PluginHTTPStreamArgs {
            response_body_stream: answer.0,
            request: Some(Box::new(subset)),
            request_body_stream: number,
        };
        let reply: rpc::PluginHTTPStreamReturns = sending.answer(self, METHOD, &args).await?;
        // The target has no response. The server has opened its stream and never closes it.
        if reply.status_code == 0 {
            return Err(Error::Nothing { method: METHOD.name });
        }
        let broken = sending.go_on();
        let stream = answer.1.stream().await.map_err(Error::Stream)?;
        Ok(PluginResponse::new(
            reply.status_code,
            Headers::from_wire(reply.header),
            BodyReader::of_exchange(stream, broken),
        ))
    }

    /// Offers a body to the server, and sends it as the server asks for it.
    fn send_body(&self, method: Method, body: Body) -> Result<(u32, Sending)> {
        let shared = self.shared(method)?;
        let (number, accepted) = accept(&shared, Flow::Serve);
        let (failed, failure) = oneshot::channel();
        let task = shared.runtime.spawn(async move {
            pump(&accepted, body, failed).await;
        });
        Ok((number, Sending { task: Some(task), failure: Failure(Some(failure)) }))
    }
}

fn accept(shared: &Arc<Shared>, flow: Flow) -> (u32, Accepted) {
    let number = shared.with(|State { session, core, .. }| core.streams.accept(session.link(), flow));
    (number, Accepted::new(shared, number))
}

/// A body on its way to the server.
struct Sending {
    task: Option<tokio::task::JoinHandle<()>>,
    failure: Failure,
}

/// Why a body broke off, once it has.
pub(crate) struct Failure(Option<oneshot::Receiver<String>>);

impl Failure {
    /// The reason, if it is known. A body that was sent to its end has none.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Option<String> {
        let outcome = Pin::new(self.0.as_mut()?).poll(context);
        let Poll::Ready(outcome) = outcome else { return None };
        self.0 = None;
        outcome.ok()
    }

    /// The reason, if it is known already.
    fn known(&mut self) -> Option<String> {
        match self.0.as_mut()?.try_recv() {
            Err(TryRecvError::Empty) => None,
            // The receiver is used up by either, and must not be asked again.
            outcome => {
                self.0 = None;
                outcome.ok()
            }
        }
    }

    /// Waits until the body breaks off, which may never happen.
    async fn wait(&mut self) -> String {
        poll_fn(|context| self.poll(context).map_or(Poll::Pending, Poll::Ready)).await
    }
}

impl Sending {
    fn nothing() -> Self {
        Self { task: None, failure: Failure(None) }
    }

    /// Calls, and waits for the answer or for the body to break off.
    async fn answer<A: Gob, R: Gob + Default + Send>(&mut self, api: &Api, method: Method, args: &A) -> Result<R> {
        let call = api.call(method, args);
        if self.task.is_none() {
            return call.await;
        }
        let (reply, broken) = tokio::select! {
            biased;
            why = self.failure.wait() => (None, Some(why)),
            reply = call => (Some(reply), None),
        };
        // The server's answer to a body that broke off may come while this side is between its looks at the two.
        match (reply, broken.or_else(|| self.failure.known())) {
            (Some(reply), None) => reply,
            (_, why) => {
                let why = why.unwrap_or_default();
                Err(Error::Stream(format!("{}: the body broke off: {why}", method.name)))
            }
        }
    }

    /// The body goes on although the call was answered; what is returned says why, should it break off.
    fn go_on(mut self) -> Failure {
        self.task = None;
        Failure(self.failure.0.take())
    }
}

impl Drop for Sending {
    /// Once there is an answer, nobody reads what is left.
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Sends a body as it is asked for. A body whose reader fails is broken off, so that the server does not take the part for the whole; the caller hears of it first, since the server will answer that.
async fn pump(accepted: &Accepted, body: Body, failed: oneshot::Sender<String>) {
    // If the server does not want it, its answer says why.
    let Ok(mut stream) = accepted.stream().await else { return };
    let Some(mut reader) = body.into_reader() else { return stream.close() };
    let mut part = vec![0; PART];
    loop {
        let asked = poll_fn(|context| stream.poll_asked(context)).await;
        if asked == 0 {
            return;
        }
        let space = part.get_mut(..asked.min(PART)).unwrap_or_default();
        match reader.read(space).await {
            Ok(0) => return stream.close(),
            Ok(count) => {
                if !stream.serve(space.get(..count).unwrap_or_default()) {
                    return;
                }
            }
            Err(error) => {
                // The caller may have its answer already.
                let _ = failed.send(error.to_string());
                return stream.break_off();
            }
        }
    }
}

fn outgoing(request: PluginRequest) -> (HTTPRequestSubset, Body) {
    let mut headers = request.headers;
    if headers.is_empty() {
        headers.set("User-Agent", USER_AGENT);
    }
    let subset = HTTPRequestSubset {
        method: request.method,
        url: Some(Box::new(Url(request.url))),
        proto: request.proto,
        proto_major: request.proto_major,
        proto_minor: request.proto_minor,
        header: headers.into_wire(),
        host: request.host,
        remote_addr: request.remote_addr,
        request_uri: request.request_uri,
        ..HTTPRequestSubset::default()
    };
    (subset, request.body)
}

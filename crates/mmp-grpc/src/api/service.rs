//! What every request goes through before it is a call: route, token, deadline.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tonic::Status;
use tonic::body::Body;
use tonic::server::Grpc;

use super::deadline::Deadline;
use super::handler::Handler;
use super::limits::Limits;
use super::rare::Rare;
use super::reflection::Reflection;
use super::routes::{self, Route};
use super::{auth, plugin_http, unary, upload};
use crate::codec::RawCodec;
use crate::context::Context;
use crate::frames::Level;

/// The answer to a request. Dropping it gives the call up.
pub(super) type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// The services; clones share everything.
#[derive(Clone)]
pub(super) struct Service(Arc<Shared>);

/// What all calls share.
struct Shared {
    context: Context,
    limits: Limits,
    refused: Rare,
    failed: Rare,
    reflection: Option<Reflection>,
}

impl Service {
    /// The services of a gateway.
    ///
    /// # Errors
    /// When the description of the services, which is for development, cannot be read.
    pub(super) fn new(context: Context) -> Result<Service, String> {
        let settings = &context.settings;
        let reflection = settings.development.then(|| Reflection::new(settings.database)).transpose()?;
        let limits = Limits::new(settings.max_message, context.link.clone());
        Ok(Service(Arc::new(Shared { context, limits, refused: Rare::default(), failed: Rare::default(), reflection })))
    }

    /// Answers a request.
    pub(super) fn answer(&self, request: Request<Incoming>) -> Answer {
        // A broken connection must not look like the end of a body: tonic takes a cancelled stream for one that has ended.
        let request = request.map(|body| Body::new(body.map_err(broken_off)));
        if routes::is_reflection(request.uri().path()) {
            return match &self.0.reflection {
                Some(reflection) => reflection.answer(request),
                None => refuse(Status::unimplemented("server reflection is served in development only")),
            };
        }
        match self.admit(&request) {
            Ok((route, deadline)) => self.call(route, deadline, request),
            Err(status) => refuse(status),
        }
    }

    /// Decides by the head of a request alone; its body has not been read.
    fn admit(&self, request: &Request<Body>) -> Result<(Route, Deadline), Status> {
        let Context { token, settings, .. } = &self.0.context;
        auth::check(token, request.headers()).inspect_err(|_| self.tell_refused(request.uri().path()))?;
        let route = routes::route(request.uri().path(), settings.database)?;
        Ok((route, Deadline::of(request.headers())?))
    }

    fn call(&self, route: Route, deadline: Deadline, request: Request<Body>) -> Answer {
        let (link, limits) = (self.0.context.link.clone(), self.0.limits.clone());
        let mut grpc = Grpc::new(RawCodec).max_decoding_message_size(limits.most());
        match route {
            Route::Unary(method) => {
                let handler = Handler::new(move |messages| deadline.limit(unary::call(method, messages, link, limits)));
                Box::pin(async move { grpc.client_streaming(handler, request).await })
            }
            Route::Upload(method) => {
                let handler =
                    Handler::new(move |messages| deadline.limit(upload::call(method, messages, link, limits)));
                Box::pin(async move { grpc.client_streaming(handler, request).await })
            }
            Route::PluginHttp(method) => {
                let handler = Handler::new(move |messages| {
                    std::future::ready(Ok(plugin_http::call(method, messages, link, limits, deadline)))
                });
                Box::pin(async move { grpc.streaming(handler, request).await })
            }
        }
    }

    fn tell_refused(&self, path: &str) {
        if let Some(times) = self.0.refused.count(Instant::now()) {
            let message = "a gRPC call without the plugin's token was refused";
            let path: String = path.chars().take(100).collect();
            self.0.context.link.log(Level::Error, message, &[("method", &path), ("times", &times.to_string())]);
        }
    }

    /// A connection ended in a way that HTTP/2 does not have.
    pub(super) fn connection_failed(&self, error: &hyper::Error) {
        if let Some(times) = self.0.failed.count(Instant::now()) {
            let fields = [("error", error.to_string()), ("times", times.to_string())];
            let fields = fields.each_ref().map(|(key, value)| (*key, value.as_str()));
            self.0.context.link.log(Level::Debug, "a gRPC connection of the plugin's program broke", &fields);
        }
    }
}

fn refuse(status: Status) -> Answer {
    Box::pin(std::future::ready(status.into_http()))
}

fn broken_off(error: hyper::Error) -> Status {
    Status::aborted(format!("the call was broken off: {error}"))
}

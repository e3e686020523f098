//! Server reflection, with which tools such as grpcurl list and describe the services. The schema is public, so no token is asked for.

use http::{Request, Response};
use tonic::body::Body;
use tonic_reflection::server::Builder;

use super::service::Answer;

/// The proto files, as `build.rs` compiled them.
const FILES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/mattermost_plugin.binpb"));

/// Both versions of the reflection service: some tools know only the older one.
pub(super) struct Reflection {
    v1: Box<dyn Fn(Request<Body>) -> Answer + Send + Sync>,
    v1alpha: Box<dyn Fn(Request<Body>) -> Answer + Send + Sync>,
}

impl Reflection {
    /// Lists what is served here, the database driver only if it is; describes everything that the proto files define, the hooks, too.
    ///
    /// # Errors
    /// When the proto files cannot be read.
    pub(super) fn new(database: bool) -> Result<Reflection, String> {
        let builder = |own: &str| {
            let driver = database.then_some("mattermost.plugin.v1.PluginDriver");
            let services = [Some("mattermost.plugin.v1.PluginAPI"), driver, Some(own)];
            services
                .into_iter()
                .flatten()
                .fold(Builder::configure(), Builder::with_service_name)
                .register_encoded_file_descriptor_set(FILES)
        };
        let failed = |error| format!("cannot describe the gRPC services: {error}");
        let v1 = builder("grpc.reflection.v1.ServerReflection").build_v1().map_err(failed)?;
        let v1alpha = builder("grpc.reflection.v1alpha.ServerReflection").build_v1alpha().map_err(failed)?;
        Ok(Reflection { v1: answering(v1), v1alpha: answering(v1alpha) })
    }

    /// Answers a request for one of the two.
    pub(super) fn answer(&self, request: Request<Body>) -> Answer {
        let service = if request.uri().path().contains(".v1alpha.") { &self.v1alpha } else { &self.v1 };
        service(request)
    }
}

/// A generated service as a function.
fn answering<S>(service: S) -> Box<dyn Fn(Request<Body>) -> Answer + Send + Sync>
where
    S: tower_service::Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    Box::new(move |request| {
        // Generated services are always ready.
        let answer = service.clone().call(request);
        Box::pin(async move {
            match answer.await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        })
    })
}

//! ServeHTTP and ServeMetrics, from the server's request to its reply.

use std::sync::Arc;

use mmp_gob::Error as GobError;

use super::body::BodyReader;
use super::headers::Headers;
use super::request::Request;
use super::response::Response;
use super::writer::{Nothing, Writer};
use crate::generated::hooks::{Hooks, SERVE_HTTP, SERVE_METRICS};
use crate::model::HTTPRequestSubset;
use crate::model::rpc::ServeHTTPArgs;
use crate::runtime::hook_call::{HookCall, caught};
use crate::runtime::log::Level;
use crate::streams::Flow;

/// Which of the two hooks it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HttpHook {
    Http,
    Metrics,
}

/// The server waits five seconds for both streams to be dialled, so that is done at once. Both hooks have the same arguments.
pub(crate) fn serve<H: Hooks>(
    plugin: &Arc<H>,
    call: &mut HookCall<'_, '_, '_>,
    hook: HttpHook,
) -> Result<(), GobError> {
    let args: ServeHTTPArgs = call.args()?;
    let (writer, preset) = match Writer::dial(call, args.response_writer_stream) {
        Ok(dialled) => dialled,
        Err(error) => {
            call.refuse(&format!("the server's response writer cannot be reached: {error}"));
            return Ok(());
        }
    };
    let body = match args.request_body_stream {
        0 => None,
        number => call.streams.dial(call.link, call.shared, number, Flow::PullAll).ok(),
    };
    let number = if hook == HttpHook::Http { SERVE_HTTP } else { SERVE_METRICS };
    let (plugin, to) = (Arc::clone(plugin), call.reply_to(number));
    call.shared.spawn(number, async move {
        let context = args.context.unwrap_or_default();
        let request = incoming(*args.request.unwrap_or_default(), BodyReader::new(body));
        let mut response = Response::new(Arc::clone(&writer), preset);
        let served = match hook {
            HttpHook::Http => caught(plugin.serve_http(&context, request, &mut response)).await,
            HttpHook::Metrics => caught(plugin.serve_metrics(&context, request, &mut response)).await,
        };
        match served {
            Ok(Ok(())) => {
                // A client that does not wait for the end is no fault.
                let _ = response.finish().await;
            }
            Ok(Err(error)) => {
                to.log(Level::Error, format!("{}: {error}", to.name()));
                response.fail().await;
            }
            Err(panic) => {
                to.say_panicked(&*panic);
                response.fail().await;
            }
        }
        if response.hijacked {
            // It may be closed already.
            let _ = writer.tell("Plugin.HjConnClose", &Nothing::default()).await;
        }
        // The connection to the response writer is closed before the reply.
        drop((response, writer));
        to.send_empty();
    });
    Ok(())
}

fn incoming(request: HTTPRequestSubset, body: BodyReader) -> Request {
    Request {
        method: request.method,
        url: request.url.map(|url| url.0).unwrap_or_default(),
        proto: request.proto,
        proto_major: request.proto_major,
        proto_minor: request.proto_minor,
        headers: Headers::from_wire(request.header),
        host: request.host,
        remote_addr: request.remote_addr,
        request_uri: request.request_uri,
        body,
    }
}

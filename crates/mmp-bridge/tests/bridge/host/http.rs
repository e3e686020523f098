//! HTTP requests that the host passes to the plugin.

use mmp_gob::{GoString, Ptr, Url};
use mmp_model::{HTTPRequestSubset, rpc};

use super::calls::{Call, Empty, context};
use super::pulled::Pulled;
use super::response_writer::{Answer, Headers, ResponseWriter, WriterCall};
use super::streams::Route;
use super::{Host, LIMIT};

/// A request, and the response headers that the server has set.
#[derive(Debug)]
pub(crate) struct Request {
    method: String,
    url: String,
    headers: Headers,
    preset: Headers,
    body: Option<Pulled>,
}

impl Request {
    /// One without a body.
    pub(crate) fn get(url: &str) -> Request {
        let (headers, preset) = (Headers::new(), Headers::new());
        Request { method: "GET".into(), url: url.into(), headers, preset, body: None }
    }

    /// One with a body whose length is said.
    pub(crate) fn post(url: &str, body: &[u8]) -> Request {
        let length = body.len().to_string();
        Request::post_without_length(url, Pulled::new(body.to_vec())).with("Content-Length", &length)
    }

    /// One with a body whose length nobody knows.
    pub(crate) fn post_without_length(url: &str, body: Pulled) -> Request {
        Request { method: "POST".into(), body: Some(body), ..Request::get(url) }
    }

    /// The same with a header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Request {
        self.headers.entry(name.into()).or_default().push(value.into());
        self
    }

    /// The same with a header that the response has already.
    pub(crate) fn preset(mut self, name: &str, values: &[&str]) -> Request {
        self.preset.insert(name.into(), values.iter().map(ToString::to_string).collect());
        self
    }

    fn subset(&self) -> Ptr<HTTPRequestSubset> {
        let go = |text: &str| GoString::from(text);
        let values = |values: &Vec<String>| values.iter().map(|value| go(value)).collect();
        Some(Box::new(HTTPRequestSubset {
            method: go(&self.method),
            url: Some(Box::new(Url(go(&self.url)))),
            proto: go("HTTP/1.1"),
            proto_major: 1,
            proto_minor: 1,
            header: Some(self.headers.iter().map(|(name, list)| (go(name), values(list))).collect()),
            host: go("chat.example"),
            remote_addr: go("192.0.2.1:5000"),
            request_uri: go(&format!("/plugins/com.example.test{}", self.url)),
            ..HTTPRequestSubset::default()
        }))
    }
}

/// A request that was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exchange(usize);

/// Its state.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(super) token: u64,
    pub(crate) writer: ResponseWriter,
    pub(crate) body: Pulled,
}

impl Host {
    /// Calls ServeHTTP.
    pub(crate) fn serve(&mut self, request: Request) -> Exchange {
        self.serve_by("ServeHTTP", request)
    }

    /// Calls ServeHTTP or ServeMetrics, whose arguments are the same.
    pub(crate) fn serve_by(&mut self, hook: &str, mut request: Request) -> Exchange {
        let streams = &mut self.api.streams;
        let at = streams.exchanges.len();
        let link = self.session.link();
        let writer = streams.offer(link, Route::Writer(at));
        let body = request.body.as_ref().map_or(0, |_| streams.offer(link, Route::Body(at)));
        let arguments = rpc::ServeHTTPArgs {
            response_writer_stream: writer,
            request: request.subset(),
            context: context(),
            request_body_stream: body,
        };
        let call = self.call(hook, &arguments, Empty::default());
        self.api.streams.exchanges.push(Serving {
            token: call.token(),
            writer: ResponseWriter::new(std::mem::take(&mut request.preset)),
            body: request.body.unwrap_or_default(),
        });
        Exchange(at)
    }

    /// The state of a request.
    pub(crate) fn exchange(&mut self, exchange: Exchange) -> &mut Serving {
        &mut self.api.streams.exchanges[exchange.0]
    }

    /// Decides about the calls of a response writer from now on.
    pub(crate) fn decide(&mut self, exchange: Exchange, decide: impl FnMut(&WriterCall) -> Answer + 'static) {
        self.exchange(exchange).writer.decide = Box::new(decide);
    }

    /// Leaves the writes of a response unanswered.
    pub(crate) fn hold_writes(&mut self, exchange: Exchange) {
        self.decide(exchange, |call| match call {
            WriterCall::Write(_) => Answer::Later,
            _ => Answer::Done,
        });
    }

    /// What the plugin has called so far, the first call left out, which is always for the headers.
    pub(crate) fn calls(&mut self, exchange: Exchange) -> Vec<WriterCall> {
        let calls = &self.exchange(exchange).writer.calls;
        assert!(calls.first().is_none_or(|first| *first == WriterCall::Header), "{calls:?}");
        calls.get(1..).unwrap_or_default().to_vec()
    }

    /// Waits for a call that is left unanswered.
    #[track_caller]
    pub(crate) fn waiting(&mut self, exchange: Exchange) -> WriterCall {
        self.until("a call of the response writer", LIMIT, |host| host.exchange(exchange).writer.waiting().cloned())
    }

    /// Waits for a call, answered or not.
    #[track_caller]
    pub(crate) fn called(&mut self, exchange: Exchange, call: &WriterCall) {
        self.until(&format!("{call:?}"), LIMIT, |host| host.calls(exchange).contains(call).then_some(()));
    }

    /// Answers the call that waits.
    pub(crate) fn answer(&mut self, exchange: Exchange, answer: Answer) {
        self.api.streams.exchanges[exchange.0].writer.answer(self.session.link(), answer);
    }

    /// Waits for a read from a connection that was taken over.
    #[track_caller]
    pub(crate) fn waiting_read(&mut self, exchange: Exchange) -> WriterCall {
        self.until("a read", LIMIT, |host| host.exchange(exchange).writer.waiting_read().cloned())
    }

    /// Answers the read that waits.
    pub(crate) fn answer_read(&mut self, exchange: Exchange, result: Result<&[u8], &str>) {
        self.api.streams.exchanges[exchange.0].writer.answer_read(self.session.link(), result);
    }

    /// The client sends more of the request's body.
    pub(crate) fn send_body(&mut self, exchange: Exchange, bytes: &[u8]) {
        self.api.streams.exchanges[exchange.0].body.add(self.session.link(), bytes);
    }

    /// The client sends no more.
    pub(crate) fn end_body(&mut self, exchange: Exchange) {
        self.api.streams.exchanges[exchange.0].body.end(self.session.link());
    }

    /// Breaks the request's body off.
    pub(crate) fn reset_body(&mut self, exchange: Exchange) {
        let stream = self.exchange(exchange).body.stream.expect("the plugin has dialled it");
        self.session.link().reset(stream);
    }

    /// Reads the requests for the body again, after [`Pulled::deaf`].
    pub(crate) fn listen(&mut self, exchange: Exchange) {
        self.api.streams.exchanges[exchange.0].body.listen(self.session.link());
    }

    /// Closes the stream of the response writer, which a server that works does not.
    pub(crate) fn close_writer(&mut self, exchange: Exchange) {
        let conn = self.exchange(exchange).writer.conn.expect("the plugin has dialled it");
        self.session.link().close(conn);
    }

    /// Whether the plugin has answered a request.
    pub(crate) fn is_served(&mut self, exchange: Exchange) -> bool {
        let token = self.exchange(exchange).token;
        self.api.is_done(token)
    }

    /// Waits for the answer to a request.
    #[track_caller]
    pub(crate) fn answered(&mut self, exchange: Exchange) {
        let call = Call::<Empty>::of(self.exchange(exchange).token);
        self.wait(call).unwrap();
    }

    /// Waits for the answer to a request, which comes behind the end of the response writer.
    #[track_caller]
    pub(crate) fn served(&mut self, exchange: Exchange) {
        self.answered(exchange);
        assert!(self.exchange(exchange).writer.closed, "the response writer is closed first");
    }

    /// Waits for the answer to a request; the calls of the response writer.
    #[track_caller]
    pub(crate) fn response(&mut self, exchange: Exchange) -> Vec<WriterCall> {
        self.served(exchange);
        self.calls(exchange)
    }
}

/// Headers from names and lists of values.
pub(crate) fn headers<const N: usize>(list: [(&str, &[&str]); N]) -> Headers {
    let values = |values: &[&str]| values.iter().map(ToString::to_string).collect();
    list.iter().map(|(name, list)| ((*name).to_owned(), values(list))).collect()
}

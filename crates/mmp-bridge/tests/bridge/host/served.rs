//! API calls with streams as the host has them: the test decides when their streams are dialled, how much is read, and what the answer is.

use mmp_gob::{Error, Gob, Plans};
use mmp_goplugin::endpoint::{Kind, Link};
use mmp_goplugin::netrpc::{Body, RequestHead};
use mmp_goplugin::pull::put_request;
use mmp_goplugin::yamux::StreamId;
use mmp_model::rpc;

use super::{Host, LIMIT};

/// A call that reached the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Served(usize);

/// How the plugin's stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
}

/// What it was called with.
#[derive(Debug, Clone)]
pub(crate) enum Arguments {
    Install(rpc::InstallPluginArgs),
    Upload(rpc::UploadDataArgs),
    Http(rpc::PluginHTTPStreamArgs),
    Buffered(rpc::PluginHTTPArgs),
}

impl Arguments {
    fn read(name: &str, plans: &mut Plans, body: Body<'_, '_>) -> Option<Result<Arguments, Error>> {
        fn decoded<A: Gob + Default>(plans: &mut Plans, body: Body<'_, '_>) -> Result<A, Error> {
            let Body { type_id, cursor, types } = body;
            let mut arguments = A::default();
            plans.decode(cursor, types, type_id, &mut arguments).map(|()| arguments)
        }
        Some(match name {
            "InstallPlugin" => decoded(plans, body).map(Arguments::Install),
            "UploadData" => decoded(plans, body).map(Arguments::Upload),
            "PluginHTTPStream" => decoded(plans, body).map(Arguments::Http),
            "PluginHTTP" => decoded(plans, body).map(Arguments::Buffered),
            _ => return None,
        })
    }

    /// The numbers of the body and of the response; 0 for none.
    fn numbers(&self) -> (u32, u32) {
        match self {
            Arguments::Install(arguments) => (arguments.plugin_stream_id, 0),
            Arguments::Upload(arguments) => (arguments.plugin_stream_id, 0),
            Arguments::Http(arguments) => (arguments.request_body_stream, arguments.response_body_stream),
            Arguments::Buffered(_) => (0, 0),
        }
    }
}

#[derive(Debug)]
struct Call {
    name: String,
    seq: u64,
    arguments: Arguments,
    body: Option<StreamId>,
    response: Option<StreamId>,
    received: Vec<u8>,
    body_end: Option<End>,
    response_end: Option<End>,
}

/// All such calls of a host.
#[derive(Debug, Default)]
pub(crate) struct ServedCalls {
    calls: Vec<Call>,
    taken: usize,
    /// Whether the server is so old that it does not know the streaming form of PluginHTTP.
    pub(crate) is_old: bool,
}

impl ServedCalls {
    /// Takes a call of the API if it is one with streams.
    pub(super) fn take(
        &mut self,
        plans: &mut Plans,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Option<Result<(), Error>> {
        let name = request.method.trim_start_matches("Plugin.");
        if self.is_old && name == "PluginHTTPStream" {
            return None;
        }
        let arguments = Arguments::read(name, plans, body)?;
        Some(arguments.map(|arguments| {
            self.calls.push(Call {
                name: name.to_owned(),
                seq: request.seq,
                arguments,
                body: None,
                response: None,
                received: Vec::new(),
                body_end: None,
                response_end: None,
            });
        }))
    }

    fn of(&mut self, stream: StreamId) -> Option<(&mut Call, bool)> {
        let call = self.calls.iter_mut().find(|call| [call.body, call.response].contains(&Some(stream)))?;
        let is_body = call.body == Some(stream);
        Some((call, is_body))
    }

    /// Bytes came on a raw stream. False if it is another one.
    pub(super) fn data(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) -> bool {
        let Some((call, is_body)) = self.of(stream) else { return false };
        assert!(is_body, "the plugin has nothing to say on the stream of a response");
        link.consume(stream, bytes.len());
        call.received.extend_from_slice(bytes);
        true
    }

    /// A raw stream was ended by the plugin.
    pub(super) fn ended(&mut self, stream: StreamId, end: End) {
        match self.of(stream) {
            Some((call, true)) => call.body_end = Some(end),
            Some((call, false)) => call.response_end = Some(end),
            None => {}
        }
    }
}

impl Host {
    /// Waits for the next such call.
    #[track_caller]
    pub(crate) fn served_call(&mut self) -> Served {
        let next = self.api.served.taken;
        self.api.served.taken += 1;
        self.until("an API call with streams", LIMIT, |host| {
            (host.api.served.calls.len() > next).then_some(Served(next))
        })
    }

    /// How many such calls have come that the test has not looked at.
    pub(crate) fn served_calls_waiting(&self) -> usize {
        self.api.served.calls.len() - self.api.served.taken
    }

    fn of_served(&mut self, served: Served) -> &mut Call {
        &mut self.api.served.calls[served.0]
    }

    /// What it was called with.
    pub(crate) fn served_arguments(&mut self, served: Served) -> Arguments {
        self.of_served(served).arguments.clone()
    }

    /// Dials the streams, as Mattermost does first of all.
    pub(crate) fn dial(&mut self, served: Served) {
        let (body, response) = self.of_served(served).arguments.numbers();
        let link = self.session.link();
        let mut dial = |number| (number != 0).then(|| link.dial(number, Kind::Raw).unwrap());
        let (body, response) = (dial(body), dial(response));
        let call = self.of_served(served);
        (call.body, call.response) = (body, response);
    }

    /// Waits for a call and dials its streams.
    #[track_caller]
    pub(crate) fn dialled_call(&mut self) -> Served {
        let served = self.served_call();
        self.dial(served);
        served
    }

    /// Asks for so many bytes of the body.
    pub(crate) fn pull(&mut self, served: Served, count: i64) {
        let stream = self.of_served(served).body.expect("the body's stream is dialled");
        let mut request = Vec::new();
        put_request(&mut request, count);
        self.session.link().send(stream, &request).unwrap();
    }

    /// How many bytes of the body have come.
    pub(crate) fn pulled(&mut self, served: Served) -> usize {
        self.of_served(served).received.len()
    }

    /// Waits until so many bytes of the body have come, all together, and returns them.
    #[track_caller]
    pub(crate) fn body(&mut self, served: Served, count: usize) -> Vec<u8> {
        self.until("the body", LIMIT, |host| (host.pulled(served) >= count).then_some(()));
        let received = self.of_served(served).received.clone();
        assert_eq!(received.len(), count);
        received
    }

    /// Waits for the end of the body.
    #[track_caller]
    pub(crate) fn body_end(&mut self, served: Served) -> End {
        self.until("the end of the body", LIMIT, |host| host.of_served(served).body_end)
    }

    /// Waits for the plugin to close the stream of the response.
    #[track_caller]
    pub(crate) fn response_end(&mut self, served: Served) -> End {
        self.until("the end of the response's stream", LIMIT, |host| host.of_served(served).response_end)
    }

    /// Reads no more of the body.
    pub(crate) fn close_body(&mut self, served: Served) {
        let stream = self.of_served(served).body.expect("the body's stream is dialled");
        self.session.link().close(stream);
    }

    /// Sends a part of the response.
    pub(crate) fn respond(&mut self, served: Served, bytes: &[u8]) {
        let stream = self.of_served(served).response.expect("the response's stream is dialled");
        self.session.link().send(stream, bytes).unwrap();
    }

    /// How many bytes of the response the plugin takes now.
    pub(crate) fn response_window(&mut self, served: Served) -> usize {
        let stream = self.of_served(served).response.expect("the response's stream is dialled");
        self.session.link().writable(stream)
    }

    /// The response is complete.
    pub(crate) fn end_response(&mut self, served: Served) {
        let stream = self.of_served(served).response.expect("the response's stream is dialled");
        self.session.link().close(stream);
    }

    /// The response is broken off.
    pub(crate) fn reset_response(&mut self, served: Served) {
        let stream = self.of_served(served).response.expect("the response's stream is dialled");
        self.session.link().reset(stream);
    }

    /// Answers a call.
    pub(crate) fn answer_call<R: Gob>(&mut self, served: Served, reply: &R) {
        let Call { name, seq, .. } = self.of_served(served);
        let (name, seq) = (name.clone(), *seq);
        self.api.reply(self.session.link(), seq, &name, reply);
    }
}

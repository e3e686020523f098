//! How many hooks per second the protocol itself allows: a host and a plugin in memory, without sockets.
//!
//! `cargo run -p mmp-goplugin --release --example echo_bench`

use std::time::Instant;

use mmp_gob::Error;
use mmp_gob::varint::{put_bytes, put_int};
use mmp_goplugin::endpoint::{Handler, Link};
use mmp_goplugin::host::{HostHandler, HostSession};
use mmp_goplugin::netrpc::{Body, ConnError, RequestHead, put_message};
use mmp_goplugin::plugin::{PluginHandler, PluginSession};
use mmp_goplugin::yamux::StreamId;

const CALLS: u32 = 1_000_000;

/// Answers with its argument, or counts answers.
#[derive(Default)]
struct Echo {
    hooks: Option<StreamId>,
    answers: u32,
}

fn blob(bytes: &[u8]) -> impl FnOnce(&mut Vec<u8>) -> Result<(), ConnError> {
    move |out| {
        put_message(out, |out| {
            put_int(out, i64::from(mmp_gob::ids::BYTES));
            out.push(0);
            put_bytes(out, bytes);
        });
        Ok(())
    }
}

impl Handler for Echo {
    fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), Error> {
        let argument = body.cursor.bytes()?;
        let replied = link.reply(conn, request.seq, request.method, blob(argument));
        replied.map_err(|error| Error::Rejected(error.to_string().into()))
    }

    fn response(&mut self, _: &mut Link, _: StreamId, _: u64, body: Body<'_, '_>) -> Result<(), Error> {
        body.cursor.bytes()?;
        self.answers += 1;
        Ok(())
    }
}

impl PluginHandler for Echo {
    fn quit(&mut self, _: &mut Link) {}
}

impl HostHandler for Echo {
    fn dispensed(&mut self, _: &mut Link, conn: StreamId) {
        self.hooks = Some(conn);
    }
}

/// Both sides, and how long the plugin's side took.
struct Pair {
    plugin: PluginSession,
    host: HostSession,
    server: Echo,
    client: Echo,
}

impl Pair {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let now = Instant::now();
        let mut pair = Self {
            plugin: PluginSession::new(now),
            host: HostSession::new(now)?,
            server: Echo::default(),
            client: Echo::default(),
        };
        pair.host.dispense()?;
        for _ in 0..4 {
            pair.round();
        }
        Ok(pair)
    }

    /// Moves everything once in each direction.
    fn round(&mut self) {
        self.plugin.receive(self.host.pending_output(), &mut self.server);
        self.host.advance_output(self.host.pending_output().len());
        self.host.receive(self.plugin.pending_output(), &mut self.client);
        self.plugin.advance_output(self.plugin.pending_output().len());
    }
}

fn run(size: usize, depth: u32) -> Result<String, Box<dyn std::error::Error>> {
    let mut pair = Pair::new()?;
    let hooks = pair.client.hooks.ok_or("not dispensed")?;
    let argument = vec![7; size];
    let begin = Instant::now();
    for _ in 0..CALLS / depth {
        for token in 0..depth {
            pair.host.link().call(hooks, "Plugin.MessageWillBePosted", u64::from(token), blob(&argument))?;
        }
        pair.round();
    }
    let each = begin.elapsed() / CALLS;
    if pair.client.answers != CALLS / depth * depth {
        return Err(format!("{} answers", pair.client.answers).into());
    }
    let rate = 1.0 / each.as_secs_f64();
    Ok(format!("{size:>6} bytes, {depth:>2} at once: {each:>8.0?} for both sides, {rate:>9.0} calls/s\n"))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::io::Write;
    let mut out = std::io::stdout();
    for (size, depth) in [(20, 1), (600, 1), (600, 16), (1200, 16), (20_000, 1)] {
        out.write_all(run(size, depth)?.as_bytes())?;
    }
    Ok(())
}

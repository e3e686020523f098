//! The server's database driver: one row of two columns, whatever is asked for.

use mmp_gob::{Any, Encoder, Error, GoString, Gob, Plans};
use mmp_goplugin::endpoint::Link;
use mmp_goplugin::netrpc::{Body, ConnError, RequestHead};
use mmp_goplugin::yamux::StreamId;
use mmp_model::rpc;

use super::{Host, LIMIT};

/// The driver's connection.
#[derive(Debug, Default)]
pub(crate) struct Driver {
    pub(super) offered: Option<u32>,
    pub(crate) conn: Option<StreamId>,
    encoder: Encoder,
    plans: Plans,
    /// The calls that came, and what they were called with.
    pub(crate) calls: Vec<String>,
    /// Whether calls are left unanswered.
    pub(crate) holds: bool,
    /// Those that are: sequence number, method and argument.
    held: Vec<(u64, String)>,
    /// How many ids were handed out.
    ids: usize,
}

impl Driver {
    /// Takes a call, and answers it if it is not to be held.
    pub(super) fn serve(&mut self, link: &mut Link, request: RequestHead<'_>, body: Body<'_, '_>) -> Result<(), Error> {
        let name = request.method.trim_start_matches("Plugin.");
        let said = self.read(name, body)?;
        self.calls.push(format!("{name} {said}"));
        if self.holds {
            self.held.push((request.seq, name.to_owned()));
        } else {
            self.answer(link, request.seq, name);
        }
        Ok(())
    }

    /// What a call was called with.
    fn read(&mut self, name: &str, body: Body<'_, '_>) -> Result<String, Error> {
        let Body { type_id, cursor, types } = body;
        let plans = &mut self.plans;
        macro_rules! read {
            ($kind:ty) => {{
                let mut value = <$kind>::default();
                plans.decode(cursor, types, type_id, &mut value)?;
                value
            }};
        }
        Ok(match name {
            "Conn" => read!(bool).to_string(),
            "ConnQuery" => {
                let arguments = read!(rpc::DbConnArgs);
                format!("{} {} {}", arguments.a, arguments.b, arguments.c.len())
            }
            "Tx" => read!(rpc::DbTxArgs).a.to_string(),
            "Stmt" => read!(rpc::DbStmtArgs).a.to_string(),
            "StmtQuery" => read!(rpc::DbStmtQueryArgs).a.to_string(),
            "RowsNext" => {
                let arguments = read!(rpc::DbRowScanArg);
                format!("{} {}", arguments.a, arguments.b.len())
            }
            "RowsColumnTypeDatabaseTypeName" => {
                let arguments = read!(rpc::DbRowsColumnArg);
                format!("{} {}", arguments.a, arguments.b)
            }
            _ => read!(GoString).to_string(),
        })
    }

    fn answer(&mut self, link: &mut Link, seq: u64, name: &str) {
        match name {
            "Conn" | "ConnQuery" | "Tx" | "Stmt" | "StmtQuery" => {
                self.ids += 1;
                let id = format!("{}-{}", name.to_lowercase(), self.ids);
                self.reply(link, seq, name, &rpc::DbStrErrReturn { a: id.as_str().into(), ..Default::default() });
            }
            "RowsNext" => {
                let seven = Any::new("string", &GoString::from("seven")).unwrap();
                let row = vec![Any::new("int64", &7_i64).unwrap(), seven];
                self.reply(link, seq, name, &rpc::DbRowScanReturn { b: row, ..Default::default() });
            }
            "RowsColumns" => {
                self.reply(link, seq, name, &rpc::DbStrSliceReturn { a: vec!["number".into(), "name".into()] });
            }
            "RowsColumnTypeDatabaseTypeName" => self.reply(link, seq, name, &GoString::from("INT8")),
            _ => self.reply(link, seq, name, &rpc::DbErrReturn::default()),
        }
    }

    fn reply<R: Gob>(&mut self, link: &mut Link, seq: u64, method: &str, reply: &R) {
        let encoder = &mut self.encoder;
        // The plugin may be gone; then nobody waits for this.
        let _ = link.reply(self.conn.unwrap(), seq, &format!("Plugin.{method}"), |out| {
            encoder.encode(reply, out).unwrap();
            Ok::<(), ConnError>(())
        });
    }
}

impl Host {
    /// Closes the driver's connection alone, as a server does that cannot encode a reply.
    pub(crate) fn close_driver(&mut self) {
        let driver = self.api.driver.conn.expect("the plugin is active");
        self.session.link().close(driver);
    }

    /// Waits until so many calls of the driver have come, and takes the last of them.
    #[track_caller]
    pub(crate) fn driver_called(&mut self, count: usize) -> String {
        self.until("calls of the driver", LIMIT, |host| {
            let calls = &host.api.driver.calls;
            (calls.len() >= count).then(|| calls.last().cloned().unwrap_or_default())
        })
    }

    /// Answers the calls that were held; later ones are answered at once.
    pub(crate) fn release_driver(&mut self) {
        self.api.driver.holds = false;
        for (seq, name) in std::mem::take(&mut self.api.driver.held) {
            self.api.driver.answer(self.session.link(), seq, &name);
        }
    }
}

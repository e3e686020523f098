//! The client of the database driver.

use mmp_gob::Gob;

use crate::api::{Api, Service};
use crate::error::{Method, Result};

/// The server's own connection to its database, method by method as it is on the wire: the counterpart of Go's `database/sql/driver`.
///
/// It is a low-level interface for plugins that bring a database library of their own. Two warnings: the server may crash when it is given an id of a connection, statement, transaction or
/// result that it has not given out, or that was closed; and a server without a database, as some tests have it, crashes at any call. Values may be integers, floats, booleans, bytes, texts
/// and nil; a time as a parameter or in a column ends the connection.
///
/// [`rows_next`](Self::rows_next) takes as many nil values as the rows have columns, and at the end fails with the code 1, which is `io.EOF`.
#[derive(Clone, Debug)]
pub struct Driver {
    api: Api,
}

impl Driver {
    pub(crate) fn new(api: Api) -> Self {
        Self { api }
    }

    pub(crate) async fn call<A: Gob, R: Gob + Default + Send>(&self, method: Method, args: &A) -> Result<R> {
        self.api.call_service(Service::Driver, method, args).await
    }
}

//! The response to a request.

use std::sync::Arc;

use mmp_gob::{Bytes, GoString};
use mmp_goplugin::netrpc::CallError;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::connection::Connection;
use super::headers::Headers;
use super::writer::{Fields, Nothing, Writer};
use crate::error::{Error, Result};
use crate::runtime::calls::Answer;

/// Parts of the body are gathered up to this size: each costs a round trip to the server.
const PART: usize = 32 * 1024;

/// net/http's error for a body where there can be none.
const NO_BODY: &str = "http: request method or response status code does not allow body";

/// The response to a request: status and header fields first, then the body. It is complete when the handler returns.
pub struct Response {
    writer: Arc<Writer>,
    /// The answer with the fields that the server has set, until it is read.
    preset: Option<Answer<Fields>>,
    headers: Option<Headers>,
    changes: Vec<Change>,
    status: u16,
    /// Whether status and headers were sent.
    begun: bool,
    buffer: Vec<u8>,
    /// Whether a body is of no use: the request was HEAD, or the status has none.
    no_body: bool,
    pub(super) hijacked: bool,
}

/// What the handler has said of the headers before they were known.
enum Change {
    Set(String, GoString),
    Add(String, GoString),
    Remove(String),
}

impl Response {
    pub(super) fn new(writer: Arc<Writer>, preset: Answer<Fields>) -> Self {
        Self {
            writer,
            preset: Some(preset),
            headers: None,
            changes: Vec::new(),
            status: 200,
            begun: false,
            buffer: Vec::new(),
            no_body: false,
            hijacked: false,
        }
    }

    /// Sets the status, 200 by default. One outside 100 to 999 becomes 500. Has no effect when a part of the body was sent.
    pub fn set_status(&mut self, status: u16) -> &mut Self {
        self.status = if (100..=999).contains(&status) { status } else { 500 };
        self
    }

    /// Gives a header field one value. Has no effect when a part of the body was sent; the same holds for the other methods of headers.
    pub fn set_header(&mut self, name: &str, value: impl Into<GoString>) -> &mut Self {
        self.changes.push(Change::Set(name.to_owned(), value.into()));
        self
    }

    /// Adds a value to a header field.
    pub fn add_header(&mut self, name: &str, value: impl Into<GoString>) -> &mut Self {
        self.changes.push(Change::Add(name.to_owned(), value.into()));
        self
    }

    /// Removes a header field, one that the server has set included.
    pub fn remove_header(&mut self, name: &str) -> &mut Self {
        self.changes.push(Change::Remove(name.to_owned()));
        self
    }

    /// The header fields as they will be sent, those that the server has set included.
    pub async fn headers(&mut self) -> Result<&Headers> {
        if self.headers.is_none() {
            let preset = match self.preset.take() {
                Some(preset) => {
                    preset.await.map_err(|_| broken("the connection to the server is gone"))?.map_err(failed)?
                }
                None => None,
            };
            self.headers = Some(Headers::from_wire(preset));
        }
        let headers = self.headers.get_or_insert_default();
        for change in self.changes.drain(..) {
            match change {
                Change::Set(name, value) => headers.set(&name, value),
                Change::Add(name, value) => headers.add(&name, value),
                Change::Remove(name) => headers.remove(&name),
            }
        }
        Ok(headers)
    }

    /// Adds to the body. Small parts are gathered before they are sent; [`flush`](Self::flush) sends them at once.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.buffer.extend_from_slice(bytes.as_ref());
        if self.buffer.len() >= PART { self.send().await } else { Ok(()) }
    }

    /// Adds all that a reader gives to the body.
    pub async fn write_from(&mut self, mut reader: impl AsyncRead + Unpin + Send) -> Result<()> {
        let mut part = vec![0; PART];
        loop {
            let count = reader.read(&mut part).await.map_err(|error| broken(&error.to_string()))?;
            if count == 0 {
                return Ok(());
            }
            self.write(part.get(..count).unwrap_or_default()).await?;
        }
    }

    /// Sends what was written to the client, without waiting for more.
    pub async fn flush(&mut self) -> Result<()> {
        self.send().await?;
        self.writer.tell("Plugin.Flush", &Nothing::default()).await.map_err(failed)
    }

    /// Takes the connection over: what is read and written from now on is no HTTP of the server's. Only HTTP/1 connections can be taken over.
    pub async fn hijack(&mut self) -> Result<Connection> {
        self.writer.tell("Plugin.HijackResponse", &Nothing::default()).await.map_err(failed)?;
        self.hijacked = true;
        Ok(Connection::new(Arc::clone(&self.writer)))
    }

    /// Whether a part of the response was sent, so that the status cannot be changed any more.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Sends status and headers, unless they were sent. A status of 200 says itself by the body.
    async fn begin(&mut self) -> Result<()> {
        if self.begun {
            return Ok(());
        }
        if !self.changes.is_empty() {
            let fields = self.headers().await?.to_wire();
            self.writer.tell("Plugin.SyncHeader", &fields).await.map_err(failed)?;
        }
        self.begun = true;
        if self.status != 200 {
            self.writer.tell("Plugin.WriteHeader", &i64::from(self.status)).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<()> {
        self.begin().await?;
        let bytes = std::mem::take(&mut self.buffer);
        if bytes.is_empty() || self.no_body {
            return Ok(());
        }
        match self.writer.tell("Plugin.Write", &Bytes::from(bytes)).await {
            Err(CallError::Server(text)) if text == NO_BODY => self.no_body = true,
            result => result.map_err(failed)?,
        }
        Ok(())
    }

    /// The handler has returned.
    pub(super) async fn finish(&mut self) -> Result<()> {
        if self.hijacked { Ok(()) } else { self.send().await }
    }

    /// The handler has failed: an error status if there is still time for one, else the connection is broken, so that the response does not look complete.
    pub(super) async fn fail(&mut self) {
        self.buffer.clear();
        if self.hijacked {
            return;
        }
        if self.begun {
            if self.hijack().await.is_ok() {
                let _ = self.writer.tell("Plugin.HjConnClose", &Nothing::default()).await;
            }
            return;
        }
        self.changes.clear();
        self.set_status(500).set_header("Content-Type", "text/plain; charset=utf-8");
        self.set_header("X-Content-Type-Options", "nosniff");
        // If the client is gone, nobody misses it.
        let _ = self.write("Internal Server Error\n").await;
        let _ = self.finish().await;
    }
}

pub(super) fn broken(why: &str) -> Error {
    Error::Stream(format!("the response cannot be sent: {why}"))
}

pub(super) fn failed(error: CallError) -> Error {
    broken(&error.to_string())
}

//! Bodies: what the host's files say is sent, and what was received.

use std::fs::File;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};

use mmp_plugin::http::Body;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

use crate::canonical::{Fault, text};

/// The content of a file, in pieces.
#[derive(Deserialize, Clone)]
pub(crate) struct BodySpec {
    path: String,
    #[serde(default)]
    chunks: Option<Vec<Chunk>>,
    pub(crate) broken: Option<String>,
}

#[derive(Deserialize, Clone)]
struct Chunk {
    size: usize,
    #[serde(default)]
    flush: bool,
}

/// A piece, and whether it is to be flushed.
pub(crate) type Piece = (Vec<u8>, bool);

impl BodySpec {
    /// The pieces.
    pub(crate) fn pieces(&self) -> Result<Vec<Piece>, Fault> {
        let mut file = File::open(&self.path).map_err(text)?;
        let chunks = self.chunks.iter().flatten();
        let pieces = chunks.map(|chunk| {
            let mut bytes = vec![0; chunk.size];
            file.read_exact(&mut bytes)?;
            Ok((bytes, chunk.flush))
        });
        pieces.collect::<io::Result<_>>().map_err(text)
    }

    /// The body as the SDK takes it; one that is to be broken off fails behind its pieces.
    pub(crate) fn body(&self) -> Result<Body, Fault> {
        let bytes: Vec<u8> = self.pieces()?.into_iter().flat_map(|(bytes, _)| bytes).collect();
        Ok(match &self.broken {
            None => bytes.into(),
            Some(why) => Body::from_reader(tokio::io::AsyncReadExt::chain(io::Cursor::new(bytes), Broken(why.clone()))),
        })
    }
}

struct Broken(String);

impl AsyncRead for Broken {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::Error::other(self.0.clone())))
    }
}

/// How many bytes came, and their hash.
#[derive(Default)]
pub(crate) struct Digest {
    hash: Sha256,
    size: u64,
}

impl Digest {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }

    pub(crate) fn told(self) -> Value {
        let hash: String = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        json!({"size": self.size, "sha256": hash})
    }
}

/// Reads so many bytes, all of them if the number is negative.
pub(crate) async fn digest(reader: &mut (impl AsyncRead + Unpin), limit: i64) -> Result<Value, Fault> {
    let mut digest = Digest::default();
    let mut reader = reader.take(u64::try_from(limit).unwrap_or(u64::MAX));
    let mut part = vec![0; 64 * 1024];
    loop {
        let count = reader.read(&mut part).await.map_err(text)?;
        if count == 0 {
            return Ok(digest.told());
        }
        digest.add(&part[..count]);
    }
}

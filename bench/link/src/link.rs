//! What the compared links have in common.

use std::time::Duration;

use anyhow::Result;

use crate::frames::Frames;
use crate::grpc::Grpc;
use crate::post::Request;
use crate::server::Server;
use crate::venv::Python;

/// How long a server may be silent before the benchmark fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A connected server.
pub(crate) trait Link {
    /// Its process.
    fn server(&self) -> &Server;

    /// Makes `count` calls, `concurrent` at once, checks the answers and returns how long each took.
    fn calls(&mut self, request: &Request, concurrent: usize, count: usize) -> Result<Vec<Duration>>;
}

/// The links that are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Frames to the SDK's worker, `def` handler.
    FramesSync,
    /// Frames to the SDK's worker, `async def` handler.
    FramesAsync,
    /// tonic to grpcio with threads.
    GrpcSync,
    /// tonic to grpc.aio.
    GrpcAio,
}

impl Variant {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Variant; 4] =
        [Variant::FramesSync, Variant::FramesAsync, Variant::GrpcSync, Variant::GrpcAio];

    /// What it is called in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Variant::FramesSync => "frames, def",
            Variant::FramesAsync => "frames, async def",
            Variant::GrpcSync => "grpcio",
            Variant::GrpcAio => "grpc.aio",
        }
    }

    /// Whether it is one of those that the others are compared with.
    pub(crate) fn is_grpc(self) -> bool {
        matches!(self, Variant::GrpcSync | Variant::GrpcAio)
    }

    /// Starts its server and connects.
    pub(crate) fn start(self, python: &Python) -> Result<Box<dyn Link>> {
        Ok(match self {
            Variant::FramesSync => Box::new(Frames::start(python, "python_sync")?),
            Variant::FramesAsync => Box::new(Frames::start(python, "python_async")?),
            Variant::GrpcSync => Box::new(Grpc::start(python, "sync")?),
            Variant::GrpcAio => Box::new(Grpc::start(python, "aio")?),
        })
    }
}

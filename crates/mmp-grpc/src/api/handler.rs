//! A function as the service that tonic calls with the messages of a request.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tonic::{Request, Response, Status, Streaming};

/// What answers a request's messages.
type Work<R> = Pin<Box<dyn Future<Output = Result<R, Status>> + Send>>;

/// Answers the messages of one request. Everything is boxed, because the compiler cannot see through closures and futures in one another that they may be sent between threads.
pub(super) struct Handler<R>(Option<Begin<R>>);

type Begin<R> = Box<dyn FnOnce(Streaming<Bytes>) -> Work<R> + Send>;

impl<R> Handler<R> {
    /// What this function begins is the answer.
    pub(super) fn new<W>(begin: impl FnOnce(Streaming<Bytes>) -> W + Send + 'static) -> Handler<R>
    where
        W: Future<Output = Result<R, Status>> + Send + 'static,
    {
        Handler(Some(Box::new(move |messages| Box::pin(begin(messages)))))
    }
}

impl<R: 'static> tower_service::Service<Request<Streaming<Bytes>>> for Handler<R> {
    type Response = Response<R>;
    type Error = Status;
    type Future = Work<Response<R>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let answer = self.0.take().map(|begin| begin(request.into_inner()));
        Box::pin(async move {
            match answer {
                Some(answer) => answer.await.map(Response::new),
                None => Err(Status::internal("a request was handled twice")),
            }
        })
    }
}

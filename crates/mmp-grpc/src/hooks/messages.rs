//! The messages of hooks with streams (`streams.proto` and those of the hooks), as far as this side looks into them. What the table describes stays bytes.

use bytes::Bytes;

/// What goes to the program: `ServeHTTPRequest`, `ServeMetricsRequest`, `FileWillBeUploadedRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamRequest {
    #[prost(oneof = "ToProgram", tags = "1, 2, 3, 4")]
    pub(super) message: Option<ToProgram>,
}

/// One of them.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum ToProgram {
    #[prost(bytes = "bytes", tag = "1")]
    Start(Bytes),
    #[prost(bytes = "bytes", tag = "2")]
    Data(Bytes),
    #[prost(message, tag = "3")]
    End(StreamEnd),
    #[prost(message, tag = "4")]
    Hijacked(Hijacked),
}

/// The end of a stream: complete, or broken off with this error.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamEnd {
    #[prost(string, tag = "1")]
    pub(super) error: String,
}

/// The connection was taken over, or not with this error.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Hijacked {
    #[prost(string, tag = "1")]
    pub(super) error: String,
}

/// What comes from the program: `ServeHTTPResponse`, `ServeMetricsResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HttpResponse {
    #[prost(oneof = "FromProgram", tags = "1, 2, 3, 4, 5")]
    pub(super) message: Option<FromProgram>,
}

/// One of them.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum FromProgram {
    #[prost(bytes = "bytes", tag = "1")]
    Head(Bytes),
    #[prost(message, tag = "2")]
    Data(ResponseData),
    #[prost(message, tag = "3")]
    End(StreamEnd),
    #[prost(message, tag = "4")]
    Hijack(Hijack),
    #[prost(message, tag = "5")]
    Deadline(Deadline),
}

/// A part of a response's body.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ResponseData {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) data: Bytes,
    #[prost(bool, tag = "2")]
    pub(super) flush: bool,
    #[prost(bool, tag = "3")]
    pub(super) buffered: bool,
}

/// Take the connection over.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Hijack {}

/// A deadline of a connection that was taken over.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Deadline {
    #[prost(int32, tag = "1")]
    pub(super) which: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) time: Option<Timestamp>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// What comes from the program: `FileWillBeUploadedResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FileResponse {
    #[prost(oneof = "FromFile", tags = "1, 2, 3")]
    pub(super) message: Option<FromFile>,
}

/// One of them.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum FromFile {
    #[prost(bytes = "bytes", tag = "1")]
    Result(Bytes),
    #[prost(bytes = "bytes", tag = "2")]
    Data(Bytes),
    #[prost(message, tag = "3")]
    End(StreamEnd),
}

//! `google.rpc.Status`, which gRPC carries in the trailer `grpc-status-details-bin`: the form in which a status has more to say than a code and a sentence.

use bytes::Bytes;
use prost::Message as _;

/// How the type URL of every detail begins.
const TYPE_URL: &str = "type.googleapis.com/mattermost.plugin.v1.";

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// The trailer's bytes: a status with one message of the package `mattermost.plugin.v1` as its detail.
pub fn encode(code: tonic::Code, message: &str, type_name: &str, value: Bytes) -> Bytes {
    let detail = Any { type_url: format!("{TYPE_URL}{type_name}"), value };
    RpcStatus { code: code as i32, message: message.to_owned(), details: vec![detail] }.encode_to_vec().into()
}

/// Finds the detail of this type in the trailer's bytes. What stands before the last slash of a type URL may be anything.
pub fn find(details: &[u8], type_name: &str) -> Option<Bytes> {
    let (_, package) = TYPE_URL.split_once('/')?;
    let status = RpcStatus::decode(details).ok()?;
    let is_it = |any: &Any| {
        let (_, full_name) = any.type_url.rsplit_once('/').unwrap_or(("", &any.type_url));
        full_name.strip_prefix(package) == Some(type_name)
    };
    status.details.into_iter().find(is_it).map(|any| any.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_found_by_its_type() {
        let details = encode(tonic::Code::NotFound, "gone", "AppError", Bytes::from_static(b"\x0a\x01x"));
        assert_eq!(find(&details, "AppError").as_deref(), Some(&b"\x0a\x01x"[..]));
        assert_eq!(find(&details, "GoError"), None);
        assert_eq!(find(b"\xff", "AppError"), None);
    }

    #[test]
    fn the_bytes_are_those_of_google_rpc_status() {
        let details = encode(tonic::Code::NotFound, "m", "E", Bytes::from_static(b"v"));
        let any = b"\x0a\x2atype.googleapis.com/mattermost.plugin.v1.E\x12\x01v";
        let expected = [b"\x08\x05\x12\x01m\x1a".as_slice(), &[any.len() as u8], any].concat();
        assert_eq!(details, expected);
    }
}

//! The messages of streamed calls: what the call begins with, bytes, and the end.

use bytes::Bytes;
use prost::Message as _;

/// A message of `UploadData`, `InstallPlugin` or `PluginHTTP`, in either direction: all of them have the same form.
#[derive(Clone, PartialEq, prost::Message)]
struct Wrapper {
    #[prost(oneof = "Part", tags = "1, 2, 3")]
    part: Option<Part>,
}

/// What one message holds.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Part {
    /// The first message: the arguments, or in the answer of `PluginHTTP` status and headers. They go through the transcoder's table.
    #[prost(bytes = "bytes", tag = "1")]
    First(Bytes),
    /// Bytes of the body.
    #[prost(bytes = "bytes", tag = "2")]
    Data(Bytes),
    /// The end of the body.
    #[prost(message, tag = "3")]
    End(StreamEnd),
}

/// The message `StreamEnd` of `streams.proto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamEnd {
    /// Why the body was broken off; empty if it is complete.
    #[prost(string, tag = "1")]
    pub(super) error: String,
}

impl Part {
    /// Reads a message. None: it holds nothing that this version knows.
    ///
    /// # Errors
    /// When it is not protobuf.
    pub(super) fn read(message: Bytes) -> Result<Option<Part>, prost::DecodeError> {
        Ok(Wrapper::decode(message)?.part)
    }

    /// The bytes of a message.
    pub(super) fn write(self) -> Bytes {
        Wrapper { part: Some(self) }.encode_to_vec().into()
    }

    /// The end of a body that was broken off.
    pub(super) fn broken_off(error: String) -> Part {
        Part::End(StreamEnd { error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_back() {
        for part in
            [Part::First(Bytes::from_static(b"\x0a\x01x")), Part::Data(Bytes::new()), Part::broken_off("e".into())]
        {
            assert_eq!(Part::read(part.clone().write()).unwrap(), Some(part));
        }
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        assert_eq!(Part::read(Bytes::new()).unwrap(), None);
        assert_eq!(Part::read(Bytes::from_static(b"\x22\x01x")).unwrap(), None);
        assert!(Part::read(Bytes::from_static(b"\x12\x05x")).is_err());
    }
}

//! What the server does not check of a request of PluginHTTP, and would end at: one without a URL, or whose headers are a nil map.

use std::borrow::Cow;

use mmp_transcode::msgpack::{self, Reader, Token};

/// The header of a request that has none, because gob leaves an empty map out: as net/http's own client, the bridge says who it is.
const USER_AGENT: &str = concat!("mattermost-plugin-bridge/", env!("CARGO_PKG_VERSION"));

/// The arguments `[request]` as they can be sent.
///
/// # Errors
/// When the request has no URL.
pub(crate) fn checked(arguments: &[u8]) -> Result<Cow<'_, [u8]>, &'static str> {
    let Some(entries) = entries_of(arguments) else {
        // What is no request is refused with its arguments.
        return Ok(Cow::Borrowed(arguments));
    };
    let value = |wanted: &[u8]| entries.iter().rev().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    if !value(b"url").is_some_and(|url| matches!(Reader::new(url).token(), Ok(Token::Str(text)) if !text.is_empty())) {
        return Err("the request has no URL");
    }
    match value(b"header").map(|header| Reader::new(header).token()) {
        None | Some(Ok(Token::Nil | Token::Map(0))) => Ok(Cow::Owned(with_user_agent(&entries))),
        Some(_) => Ok(Cow::Borrowed(arguments)),
    }
}

/// The entries of the request, if the arguments are one.
fn entries_of(arguments: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut reader = Reader::new(arguments);
    let (Ok(Token::Array(1)), Ok(Token::Map(count))) = (reader.token(), reader.token()) else { return None };
    let mut entries = Vec::new();
    for _ in 0..count {
        let (Ok(Token::Str(key)), Ok(value)) = (reader.token(), reader.raw()) else { return None };
        entries.push((key, value));
    }
    Some(entries)
}

fn with_user_agent(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
    let others = || entries.iter().filter(|(key, _)| *key != b"header");
    let mut out = Vec::new();
    msgpack::put_array_len(&mut out, 1);
    msgpack::put_map_len(&mut out, others().count() + 1);
    for (key, value) in others() {
        msgpack::put_str_lossy(&mut out, key);
        out.extend_from_slice(value);
    }
    msgpack::put_str(&mut out, "header");
    msgpack::put_map_len(&mut out, 1);
    msgpack::put_str(&mut out, "User-Agent");
    msgpack::put_array_len(&mut out, 1);
    msgpack::put_str(&mut out, USER_AGENT);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_with_headers_is_sent_as_it_is() {
        let arguments = b"\x91\x82\xa3url\xa2/a\xa6header\x81\xa1A\x91\xa1b";
        assert!(matches!(checked(arguments), Ok(Cow::Borrowed(same)) if same == arguments));
    }

    #[test]
    fn a_request_without_headers_gets_one() {
        for header in [&b""[..], b"\xa6header\x80", b"\xa6header\xc0"] {
            let mut arguments = vec![0x91, 0x81 + u8::from(!header.is_empty())];
            arguments.extend_from_slice(header);
            arguments.extend_from_slice(b"\xa3url\xa2/a");
            let sent = checked(&arguments).unwrap();
            let mut expected = b"\x91\x82\xa3url\xa2/a\xa6header\x81\xaaUser-Agent\x91".to_vec();
            msgpack::put_str(&mut expected, USER_AGENT);
            assert_eq!(*sent, expected, "{header:x?}");
        }
    }

    #[test]
    fn a_request_without_a_url_is_refused() {
        for arguments in [&b"\x91\x80"[..], b"\x91\x81\xa3url\xc0", b"\x91\x81\xa3url\xa0"] {
            assert!(checked(arguments).is_err(), "{arguments:x?}");
        }
        assert!(checked(b"\x91\xc0").is_ok() && checked(b"\x90").is_ok(), "the schema refuses these");
    }
}

//! The headers of a response, as the worker sends them.

use mmp_transcode::msgpack::{Reader, Token};

/// Names and their values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Headers(pub(crate) Vec<(Vec<u8>, Vec<Vec<u8>>)>);

impl Headers {
    /// Sets a header to one value.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Headers {
        self.0.retain(|(known, _)| known != name.as_bytes());
        self.0.push((name.as_bytes().to_vec(), vec![value.as_bytes().to_vec()]));
        self
    }

    /// The length of the body, as net/http understands it.
    pub(crate) fn content_length(&self) -> Option<usize> {
        let (_, values) = self.0.iter().find(|(name, _)| name == b"Content-Length")?;
        std::str::from_utf8(values.first()?).ok()?.parse().ok()
    }

    /// The headers of a map, as the host's are kept.
    pub(crate) fn of_map(map: &[u8]) -> Headers {
        Headers::read(&mut Reader::new(map)).unwrap_or_default()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Headers> {
        let Ok(Token::Map(count)) = reader.token() else { return None };
        let mut headers = Vec::new();
        for _ in 0..count {
            let Ok(Token::Str(name)) = reader.token() else { return None };
            let Ok(Token::Array(length)) = reader.token() else { return None };
            let mut values = Vec::new();
            for _ in 0..length {
                let Ok(Token::Str(value)) = reader.token() else { return None };
                values.push(value.to_vec());
            }
            headers.push((name.to_vec(), values));
        }
        Some(Headers(headers))
    }
}

/// Reads the payload of HEAD: the status, and the headers. A status that Go would not send becomes 500.
pub(crate) fn read_head(payload: &[u8]) -> Option<(u16, Headers)> {
    let mut reader = Reader::new(payload);
    let Ok(Token::Array(2)) = reader.token() else { return None };
    let status = match reader.token() {
        Ok(Token::Int(status)) => u16::try_from(status).ok().filter(|status| (100..=999).contains(status)),
        Ok(Token::Uint(_)) => None,
        _ => return None,
    };
    Some((status.unwrap_or(500), Headers::read(&mut reader)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read() {
        let head = b"\x92\xcc\xc9\x81\xa1A\x92\xa1x\xa1y";
        let headers = Headers(vec![(b"A".to_vec(), vec![b"x".to_vec(), b"y".to_vec()])]);
        assert_eq!(read_head(head), Some((201, headers)));
    }

    #[test]
    fn a_status_out_of_range_becomes_500() {
        for payload in [
            &b"\x92\x00\x80"[..],
            b"\x92\xcd\x03\xe8\x80",
            b"\x92\xff\x80",
            b"\x92\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x80",
        ] {
            assert_eq!(read_head(payload), Some((500, Headers::default())), "{payload:x?}");
        }
    }

    #[test]
    fn garbage_is_no_head() {
        for payload in [&b""[..], b"\x91\x01", b"\x92\xc0\x80", b"\x92\x01\x81\x01\x01", b"\x92\x01\x81\xa1A\xa1b"] {
            assert_eq!(read_head(payload), None, "{payload:x?}");
        }
    }
}

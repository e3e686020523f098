//! Looking for one entry of a map.

use super::{Reader, Token};
use crate::error::Error;

/// The text that a map has under a key, if it has one there; the last of several. What is not UTF-8 becomes U+FFFD.
///
/// # Errors
/// When the bytes are no map.
pub fn text_in_map(map: &[u8], key: &str) -> Result<Option<String>, Error> {
    let mut reader = Reader::new(map);
    let count = match reader.token()? {
        Token::Map(count) => count,
        other => return Err(Error::expected("a map", other.name())),
    };
    let mut found = None;
    for _ in 0..count {
        let (name, value) = (reader.token()?, reader.raw()?);
        if name == Token::Str(key.as_bytes())
            && let Token::Str(text) = Reader::new(value).token()?
        {
            found = Some(String::from_utf8_lossy(text).into_owned());
        }
    }
    Ok(found)
}

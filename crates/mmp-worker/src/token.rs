//! The token that only the bridge and its worker know.

use std::io;

/// A secret of 32 random bytes, written as 64 hexadecimal digits. It is given to the worker on its standard input and shown by every connection.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new random token.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> io::Result<Token> {
        let mut bytes = [0u8; 32];
        let mut filled = 0;
        while filled < bytes.len() {
            filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())?;
        }
        Ok(Token(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// A token that this process was given; None if it is none.
    pub fn parse(text: &str) -> Option<Token> {
        let digits = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| Token(text.to_owned()))
    }

    /// The digits, for the worker alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `shown` is this token, in a time that does not depend on where they differ.
    pub fn matches(&self, shown: &str) -> bool {
        let (own, shown) = (self.0.as_bytes(), shown.as_bytes());
        own.len() == shown.len() && own.iter().zip(shown).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_not_shown() {
        let (a, b) = (Token::random().unwrap(), Token::random().unwrap());
        assert!(a.matches(a.reveal()));
        assert!(!a.matches(b.reveal()));
        assert!(!a.matches(&a.reveal()[..63]));
        assert!(!format!("{a:?}").contains(&a.reveal()[..8]));
    }

    #[test]
    fn a_token_that_was_given_is_the_same() {
        let token = Token::random().unwrap();
        assert!(token.matches(Token::parse(token.reveal()).unwrap().reveal()));
        for bad in ["", "abc", &"g".repeat(64), &"0".repeat(65)] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }
}

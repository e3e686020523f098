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
}

//! Who may call: whoever shows the token that only the gateway and its program know.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use mmp_worker::token::Token;
use tonic::Status;

/// What a refused caller is told. It does not say what was wrong with a token.
const REFUSED: &str = "this call needs the metadata \"authorization: Bearer <token>\" with the token of this start of the plugin: the first line that the plugin's program finds on its standard input";

/// Checks the token that a call shows, in a time that does not depend on where it differs.
///
/// # Errors
/// UNAUTHENTICATED, with a sentence that says what to do.
pub(super) fn check(token: &Token, headers: &HeaderMap) -> Result<(), Status> {
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    if shown.is_some_and(|shown| token.matches(shown)) { Ok(()) } else { Err(Status::unauthenticated(REFUSED)) }
}

/// The token of `Bearer <token>`; the scheme's name is in any case (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn only_the_token_opens() {
        let token = Token::random().unwrap();
        let right = token.reveal();
        assert!(check(&token, &shown(&format!("Bearer {right}"))).is_ok());
        assert!(check(&token, &shown(&format!("bearer {right}"))).is_ok());
        for wrong in
            [format!("Basic {right}"), right.to_owned(), format!("Bearer {}", &right[1..]), "Bearer".to_owned()]
        {
            let status = check(&token, &shown(&wrong)).unwrap_err();
            assert_eq!(status.code(), tonic::Code::Unauthenticated);
            assert!(!status.message().contains(&right[..8]));
        }
        assert!(check(&token, &HeaderMap::new()).is_err());
    }
}

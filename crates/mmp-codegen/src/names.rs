//! How names are derived from Go's; every backend uses these rules and no others.

use crate::schema::Field;

/// Go's name in snake_case, by the rule of the earlier Python SDK: a capital that begins a word, or one that follows a small
/// letter or digit, starts a new part (`CreateOAuthApp` -> `create_o_auth_app`, `KVGet` -> `kv_get`).
/// A plural of an acronym stays one part (`userIDs` -> `user_ids`), which that rule alone would tear apart.
pub fn snake_case(go: &str) -> String {
    split_before_lowercase_capital(&split_before_word(&lower_plural_acronyms(go))).to_lowercase()
}

/// Go's name in SCREAMING_SNAKE_CASE, for Rust statics and constants.
pub fn screaming_case(go: &str) -> String {
    snake_case(go).to_uppercase()
}

/// The method's name in Python.
pub fn python_method(go: &str) -> String {
    snake_case(go)
}

/// A parameter's name in Python; a reserved word gets an underscore behind it.
pub fn python_param(go: &str) -> String {
    escape(snake_case(go), PYTHON_KEYWORDS)
}

/// A field's name in Rust; a reserved word gets an underscore behind it.
pub fn rust_field(go: &str) -> String {
    escape(snake_case(go), RUST_KEYWORDS)
}

/// A field's key in frames, which is its attribute in Python: the JSON name, else the Go name in snake_case, or as it is if
/// the type is listed under `go_names`.
pub fn key(field: &Field, go_names: bool) -> String {
    match field.json.as_deref() {
        Some(json) if !json.is_empty() && json != "-" => json.to_owned(),
        _ if go_names => field.name.clone(),
        _ => snake_case(&field.name),
    }
}

/// `(.)([A-Z][a-z]+)` -> `\1_\2`, without overlaps.
fn split_before_word(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 8);
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        out.push(c);
        at += 1;
        let word = chars.get(at).is_some_and(char::is_ascii_uppercase)
            && chars.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if word {
            out.push('_');
            out.push(chars[at]);
            at += 1;
            while let Some(c) = chars.get(at).filter(|c| c.is_ascii_lowercase()) {
                out.push(*c);
                at += 1;
            }
        }
    }
    out
}

/// `([a-z0-9])([A-Z])` -> `\1_\2`.
fn split_before_lowercase_capital(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    let mut previous = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (previous.is_ascii_lowercase() || previous.is_ascii_digit()) {
            out.push('_');
        }
        out.push(c);
        previous = c;
    }
    out
}

/// `IDs` -> `Ids` where a run of capitals is followed by a single `s` and the end of the word.
fn lower_plural_acronyms(name: &str) -> String {
    let mut chars: Vec<char> = name.chars().collect();
    let mut start = 0;
    while start < chars.len() {
        let end = start + chars[start..].iter().take_while(|c| c.is_ascii_uppercase()).count();
        let plural = end - start >= 2
            && chars.get(end) == Some(&'s')
            && chars.get(end + 1).is_none_or(|c| !c.is_ascii_lowercase());
        if plural {
            for c in &mut chars[start + 1..end] {
                *c = c.to_ascii_lowercase();
            }
        }
        start = end.max(start + 1);
    }
    chars.into_iter().collect()
}

fn escape(name: String, keywords: &[&str]) -> String {
    if keywords.contains(&name.as_str()) { name + "_" } else { name }
}

const PYTHON_KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

const RUST_KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_keeps_the_earlier_spellings() {
        for (go, expected) in [
            ("CreateOAuthApp", "create_o_auth_app"),
            ("PublishWebSocketEvent", "publish_web_socket_event"),
            ("PluginHTTP", "plugin_http"),
            ("KVGet", "kv_get"),
            ("KVSetWithOptions", "kv_set_with_options"),
            ("GetLDAPUserAttributes", "get_ldap_user_attributes"),
            ("SetUserStatusTimedDND", "set_user_status_timed_dnd"),
            ("GetGroupByRemoteID", "get_group_by_remote_id"),
            ("GetPluginID", "get_plugin_id"),
            ("OnSAMLLogin", "on_saml_login"),
            ("RequestId", "request_id"),
            ("IPAddress", "ip_address"),
            ("APIMuxId", "api_mux_id"),
            ("teamID", "team_id"),
            ("page", "page"),
            ("A", "a"),
            ("", ""),
        ] {
            assert_eq!(snake_case(go), expected, "{go}");
        }
    }

    #[test]
    fn plural_acronyms_stay_whole() {
        for (go, expected) in [
            ("userIDs", "user_ids"),
            ("TeamIDsToJoin", "team_ids_to_join"),
            ("URLs", "urls"),
            ("AllowedURLs", "allowed_urls"),
            ("IDsomething", "i_dsomething"),
            ("OAuthApps", "o_auth_apps"),
        ] {
            assert_eq!(snake_case(go), expected, "{go}");
        }
    }

    #[test]
    fn reserved_words_are_escaped() {
        assert_eq!(python_param("from"), "from_");
        assert_eq!(python_param("type"), "type");
        assert_eq!(rust_field("Type"), "type_");
        assert_eq!(screaming_case("OAuthApp"), "O_AUTH_APP");
    }

    #[test]
    fn keys_follow_json_unless_told_otherwise() {
        let field = |json: Option<&str>| Field::new("SiteURL", json, "string");
        assert_eq!(key(&field(Some("site_url2")), false), "site_url2");
        assert_eq!(key(&field(Some("-")), false), "site_url");
        assert_eq!(key(&field(Some("")), false), "site_url");
        assert_eq!(key(&field(None), false), "site_url");
        assert_eq!(key(&field(None), true), "SiteURL");
        assert_eq!(key(&field(Some("-")), true), "SiteURL");
        assert_eq!(key(&field(Some("x")), true), "x");
    }
}

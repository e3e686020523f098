//! Type expressions, as Go writes them: `*Post`, `[]*Post`, `map[string]any`.

use std::fmt;

use serde::Deserialize;

/// A leaf that Go defines itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are Go's own names")]
pub enum Basic {
    Bool,
    Int,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Float32,
    Float64,
    String,
    /// `[]byte`
    Bytes,
    /// An empty interface.
    Any,
    /// The interface `error`.
    Error,
    /// `time.Time`
    Time,
    /// `url.URL`
    Url,
    /// `json.RawMessage`
    Json,
    /// `struct{}`
    Unit,
}

const BASICS: [(&str, Basic); 21] = [
    ("bool", Basic::Bool),
    ("int", Basic::Int),
    ("int8", Basic::Int8),
    ("int16", Basic::Int16),
    ("int32", Basic::Int32),
    ("int64", Basic::Int64),
    ("uint", Basic::Uint),
    ("uint8", Basic::Uint8),
    ("uint16", Basic::Uint16),
    ("uint32", Basic::Uint32),
    ("uint64", Basic::Uint64),
    ("float32", Basic::Float32),
    ("float64", Basic::Float64),
    ("string", Basic::String),
    ("bytes", Basic::Bytes),
    ("any", Basic::Any),
    ("error", Basic::Error),
    ("time", Basic::Time),
    ("url", Basic::Url),
    ("json", Basic::Json),
    ("struct{}", Basic::Unit),
];

impl Basic {
    /// The name in type expressions.
    pub fn name(self) -> &'static str {
        BASICS.iter().find(|(_, basic)| *basic == self).map_or("", |(name, _)| name)
    }
}

/// A parsed type expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Type {
    /// A leaf.
    Basic(Basic),
    /// A key of `types` (or, for the arguments and replies of methods, of `wire`).
    Named(String),
    /// `*T`
    Ptr(Box<Type>),
    /// `[]T`
    List(Box<Type>),
    /// `map[K]V`
    Map(Box<Type>, Box<Type>),
}

impl Type {
    /// Parses an expression; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (ty, rest) = parse(text).map_err(|fault| format!("type expression `{text}`: {fault}"))?;
        if rest.is_empty() { Ok(ty) } else { Err(format!("type expression `{text}`: `{rest}` is left over")) }
    }

    /// Every name that the expression refers to.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Basic(_) => Vec::new(),
            Self::Named(name) => vec![name],
            Self::Ptr(inner) | Self::List(inner) => inner.names(),
            Self::Map(key, value) => [key.names(), value.names()].concat(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic(basic) => f.write_str(basic.name()),
            Self::Named(name) => f.write_str(name),
            Self::Ptr(inner) => write!(f, "*{inner}"),
            Self::List(inner) => write!(f, "[]{inner}"),
            Self::Map(key, value) => write!(f, "map[{key}]{value}"),
        }
    }
}

impl TryFrom<String> for Type {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

fn parse(text: &str) -> Result<(Type, &str), String> {
    if let Some(rest) = text.strip_prefix('*') {
        let (inner, rest) = parse(rest)?;
        return Ok((Type::Ptr(Box::new(inner)), rest));
    }
    if let Some(rest) = text.strip_prefix("[]") {
        let (inner, rest) = parse(rest)?;
        return Ok((Type::List(Box::new(inner)), rest));
    }
    if let Some(rest) = text.strip_prefix("map[") {
        let (key, rest) = parse(rest)?;
        let rest = rest.strip_prefix(']').ok_or("`]` expected after the map's key")?;
        let (value, rest) = parse(rest)?;
        return Ok((Type::Map(Box::new(key), Box::new(value)), rest));
    }
    if let Some(rest) = text.strip_prefix("struct{}") {
        return Ok((Type::Basic(Basic::Unit), rest));
    }
    leaf(text)
}

fn leaf(text: &str) -> Result<(Type, &str), String> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("a name expected at `{text}`"));
    }
    let basic = BASICS.iter().find(|(known, _)| *known == name);
    Ok((basic.map_or_else(|| Type::Named(name.to_owned()), |(_, basic)| Type::Basic(*basic)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_survive_parsing_and_printing() {
        for text in [
            "string",
            "bytes",
            "*Post",
            "[]*Post",
            "map[string]any",
            "map[string][]*Reaction",
            "**bool",
            "struct{}",
            "[]map[string]*map[int]url",
            "StringInterface",
        ] {
            assert_eq!(Type::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn leaves_are_told_from_names() {
        assert_eq!(Type::parse("int64"), Ok(Type::Basic(Basic::Int64)));
        assert_eq!(Type::parse("Time"), Ok(Type::Named("Time".into())));
        assert_eq!(Type::parse("map[A][]*B").unwrap().names(), ["A", "B"]);
    }

    #[test]
    fn faults_are_named() {
        for (text, fault) in [
            ("", "type expression ``: a name expected at ``"),
            ("[]", "type expression `[]`: a name expected at ``"),
            ("map[string", "type expression `map[string`: `]` expected after the map's key"),
            ("model.Post", "type expression `model.Post`: `.Post` is left over"),
            ("[4]int", "type expression `[4]int`: a name expected at `[4]int`"),
        ] {
            assert_eq!(Type::parse(text), Err(fault.to_owned()));
        }
    }
}

//! Header fields.

use std::collections::BTreeMap;

use mmp_gob::{GoString, Map};

/// Header fields with their values. Names are written as Go writes them, `Content-Type`, whatever way they are given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<GoString, Vec<GoString>>);

impl Headers {
    /// No fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).first().map(GoString::as_str)
    }

    /// All values of a field.
    #[must_use]
    pub fn get_all(&self, name: &str) -> &[GoString] {
        self.0.get(canonical(name).as_str()).map(Vec::as_slice).unwrap_or_default()
    }

    /// Gives a field one value, in place of those that it has.
    pub fn set(&mut self, name: &str, value: impl Into<GoString>) {
        self.0.insert(canonical(name).into(), vec![value.into()]);
    }

    /// Adds a value to a field.
    pub fn add(&mut self, name: &str, value: impl Into<GoString>) {
        self.0.entry(canonical(name).into()).or_default().push(value.into());
    }

    /// Removes a field.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(canonical(name).as_str());
    }

    /// The fields in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&GoString, &[GoString])> {
        self.0.iter().map(|(name, values)| (name, values.as_slice()))
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields of Go's map, with their names as they are.
    pub(crate) fn from_wire(map: Map<GoString, Vec<GoString>>) -> Self {
        Self(map.unwrap_or_default())
    }

    pub(crate) fn to_wire(&self) -> Map<GoString, Vec<GoString>> {
        Some(self.0.clone())
    }

    pub(crate) fn into_wire(self) -> Map<GoString, Vec<GoString>> {
        Some(self.0)
    }
}

impl<N: AsRef<str>, V: Into<GoString>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::new();
        pairs.into_iter().for_each(|(name, value)| headers.add(name.as_ref(), value));
        headers
    }
}

/// Go's form of a name: a capital at the start of every part. A name that is none of HTTP's stays as it is.
fn canonical(name: &str) -> String {
    let is_token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    if name.is_empty() || !name.bytes().all(is_token) {
        return name.to_owned();
    }
    let mut start = true;
    let letters = name.chars().map(|c| {
        let c = if start { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        start = c == '-';
        c
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        let mut headers = Headers::new();
        headers.set("content-type", "text/plain");
        headers.add("X-A", "1");
        headers.add("x-a", "2");
        assert_eq!(headers.get("Content-Type"), Some("text/plain"));
        assert_eq!(headers.get_all("X-A"), ["1", "2"]);
        assert_eq!(headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Content-Type", "X-A"]);
        headers.remove("CONTENT-TYPE");
        assert_eq!(headers.get("content-type"), None);
        assert_eq!(canonical("bad name"), "bad name");
    }
}

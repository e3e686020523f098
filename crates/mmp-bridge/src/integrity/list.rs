//! The list of a bundle's files, in the form of sha256sum(1).

use std::fs::File;
use std::io::{self, Read as _};

use super::hash::Sum;

/// A longer list is none: this is room for some hundred thousand files.
const LONGEST: u64 = 16 << 20;

/// The paths and hashes of a list.
#[derive(Debug)]
pub(super) struct List(Vec<(String, Sum)>);

/// Reads the text of a list.
pub(super) fn read(file: File) -> io::Result<String> {
    let mut text = Vec::new();
    let read = file.take(LONGEST + 1).read_to_end(&mut text)?;
    if read as u64 > LONGEST {
        return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
    }
    String::from_utf8(text).map_err(|_| io::Error::other("it is not UTF-8"))
}

impl List {
    /// Takes a text apart. The error is the end of a sentence.
    pub(super) fn parse(text: &str) -> Result<List, String> {
        let mut entries = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let entry = parse_line(line).ok_or_else(|| {
                format!("line {number} is not a hash of 64 hexadecimal digits, two spaces and the path of a file inside the bundle")
            })?;
            entries.push(entry);
        }
        Ok(List(entries))
    }

    /// The paths and hashes, in the list's order.
    pub(super) fn entries(&self) -> &[(String, Sum)] {
        &self.0
    }
}

/// `<hash>  <path>`, or `<hash> *<path>`, which sha256sum writes for files that it was told are binary.
fn parse_line(line: &str) -> Option<(String, Sum)> {
    let (hash, rest) = line.split_at_checked(64)?;
    let path = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
    is_inside(path).then_some(())?;
    Some((path.to_owned(), parse_hash(hash)?))
}

/// Whether a path stays where it begins: no part of it is empty (an absolute path begins with such a part), `.` or `..`.
fn is_inside(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn parse_hash(digits: &str) -> Option<Sum> {
    let mut sum = [0; 32];
    let digits = digits.as_bytes();
    for (byte, pair) in sum.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| pair.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    #[test]
    fn lines_of_sha256sum_are_read() {
        let list = List::parse(&format!("{ZEROS}  a b/c.py\nFf{}1a *d\n", &ZEROS[4..])).unwrap();
        assert_eq!(list.entries()[0], ("a b/c.py".to_owned(), [0; 32]));
        let (path, sum) = &list.entries()[1];
        assert_eq!((path.as_str(), sum[0], sum[1], sum[31]), ("d", 0xff, 0, 0x1a));
        assert!(List::parse("").unwrap().entries().is_empty());
    }

    #[test]
    fn what_is_no_line_or_leads_out_is_refused() {
        for path in ["", "/etc/passwd", "../a", "a/../../b", "a//b", "./a", "a/", "a/.", "a\0b"] {
            let error = List::parse(&format!("{ZEROS}  a\n{ZEROS}  {path}\n")).unwrap_err();
            assert!(error.starts_with("line 2 is not a hash"), "{path:?}: {error}");
        }
        let short = format!("{}  a", &ZEROS[1..]);
        let letters = format!("{}g  a", &ZEROS[1..]);
        let sign = format!("+{}  a", &ZEROS[1..]);
        let one_space = format!("{ZEROS} a");
        let wide = "é".repeat(40);
        for line in ["\n", "x", ZEROS, &short, &letters, &sign, &one_space, &wide] {
            assert!(List::parse(line).is_err(), "{line:?}");
        }
    }
}

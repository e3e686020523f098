//! Frames as trees, for building and comparing them.

use mmp_transcode::msgpack::{self, Reader, Token};

/// A MessagePack value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    Nil,
    Bool(bool),
    Int(i128),
    /// The bits of a float, so that NaN equals itself and zeros differ.
    Float(u64),
    Str(String),
    Bin(Vec<u8>),
    Time(i64, u32),
    List(Vec<Frame>),
    /// In the order of the bytes.
    Map(Vec<(String, Frame)>),
}

impl Frame {
    /// A map of these entries.
    pub(crate) fn map<const N: usize>(entries: [(&str, Frame); N]) -> Frame {
        Frame::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub(crate) fn str(text: &str) -> Frame {
        Frame::Str(text.to_owned())
    }

    pub(crate) fn float(value: f64) -> Frame {
        Frame::Float(value.to_bits())
    }

    /// The value of a key, which is made if it is not there.
    pub(crate) fn at(&mut self, key: &str) -> &mut Frame {
        let Frame::Map(entries) = self else { panic!("{self:?} has no keys") };
        let at = entries.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
            entries.push((key.to_owned(), Frame::Nil));
            entries.len() - 1
        });
        &mut entries[at].1
    }

    pub(crate) fn remove(&mut self, key: &str) {
        let Frame::Map(entries) = self else { panic!("{self:?} has no keys") };
        let before = entries.len();
        entries.retain(|(known, _)| known != key);
        assert_eq!(entries.len(), before - 1, "there is one {key}");
    }

    /// The items of a list.
    pub(crate) fn items(&mut self) -> &mut Vec<Frame> {
        let Frame::List(items) = self else { panic!("{self:?} has no items") };
        items
    }

    /// The same with the keys of all maps in the order of the alphabet, for comparing.
    pub(crate) fn sorted(self) -> Frame {
        match self {
            Frame::List(items) => Frame::List(items.into_iter().map(Frame::sorted).collect()),
            Frame::Map(entries) => {
                let mut entries: Vec<_> = entries.into_iter().map(|(key, value)| (key, value.sorted())).collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                Frame::Map(entries)
            }
            other => other,
        }
    }

    /// An item of a list.
    pub(crate) fn item(&mut self, index: usize) -> &mut Frame {
        let Frame::List(items) = self else { panic!("{self:?} has no items") };
        &mut items[index]
    }

    /// Reads one value, which has to be all of the bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Frame {
        let mut reader = Reader::new(bytes);
        let frame = read(&mut reader);
        assert!(reader.is_empty(), "bytes follow the value");
        frame
    }

    /// The canonical bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write(self, &mut out);
        out
    }
}

fn read(reader: &mut Reader<'_>) -> Frame {
    match reader.token().expect("a value") {
        Token::Nil => Frame::Nil,
        Token::Bool(value) => Frame::Bool(value),
        Token::Int(value) => Frame::Int(value.into()),
        Token::Uint(value) => Frame::Int(value.into()),
        Token::Float(value) => Frame::float(value),
        Token::Str(text) => Frame::Str(String::from_utf8(text.to_vec()).expect("UTF-8")),
        Token::Bin(bytes) => Frame::Bin(bytes.to_vec()),
        Token::Timestamp(seconds, nanos) => Frame::Time(seconds, nanos),
        Token::Array(count) => Frame::List((0..count).map(|_| read(reader)).collect()),
        Token::Map(count) => {
            let mut entries: Vec<(String, Frame)> = Vec::new();
            for _ in 0..count {
                let Frame::Str(key) = read(reader) else { panic!("a key that is no string") };
                assert!(entries.iter().all(|(known, _)| *known != key), "{key} came twice");
                entries.push((key, read(reader)));
            }
            Frame::Map(entries)
        }
        Token::Ext(kind, _) => panic!("extension {kind}"),
    }
}

fn write(frame: &Frame, out: &mut Vec<u8>) {
    match frame {
        Frame::Nil => msgpack::put_nil(out),
        Frame::Bool(value) => msgpack::put_bool(out, *value),
        Frame::Int(value) => match i64::try_from(*value) {
            Ok(value) => msgpack::put_int(out, value),
            Err(_) => msgpack::put_uint(out, u64::try_from(*value).expect("64 bits")),
        },
        Frame::Float(bits) => msgpack::put_f64(out, f64::from_bits(*bits)),
        Frame::Str(text) => msgpack::put_str(out, text),
        Frame::Bin(bytes) => msgpack::put_bin(out, bytes),
        Frame::Time(seconds, nanos) => msgpack::put_timestamp(out, *seconds, *nanos),
        Frame::List(items) => {
            msgpack::put_array_len(out, items.len());
            items.iter().for_each(|item| write(item, out));
        }
        Frame::Map(entries) => {
            msgpack::put_map_len(out, entries.len());
            for (key, value) in entries {
                msgpack::put_str(out, key);
                write(value, out);
            }
        }
    }
}

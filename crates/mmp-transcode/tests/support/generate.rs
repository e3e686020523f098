//! Values for any type of the schema, in which no field is zero.

use mmp_transcode::schema::{Kind, Struct};

use super::frame::Frame;

/// Deeper than this, pointers to structs and lists of them are left out: types refer to themselves.
const MAX_DEPTH: usize = 3;

/// A small generator of numbers, the same ones in every run.
pub(crate) struct Generator(pub(crate) u64);

impl Generator {
    pub(crate) fn number(&mut self) -> u64 {
        // Knuth's linear congruential generator; its high bits are the better ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 16
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    fn text(&mut self) -> Frame {
        let samples = ["a", "tab\t", "γάμμα", "🙂", "\u{fffd}", "8cf98yxd4uey7s4e3h8g3wak5p"];
        let sample = samples[self.below(samples.len() as u64) as usize];
        Frame::Str(format!("{sample}{}", self.below(1000)))
    }

    /// A value that is not zero.
    pub(crate) fn value(&mut self, kind: &Kind, depth: usize) -> Frame {
        match kind {
            Kind::Ptr(inner) => self.value(inner, depth),
            Kind::Bool => Frame::Bool(true),
            Kind::Int(bits) => {
                let value = i128::from(self.number() | 1) % (1i128 << (bits - 1));
                Frame::Int(if self.below(2) == 0 { value } else { -value })
            }
            Kind::Uint(bits) => Frame::Int(i128::from(self.number() | 1) % (1i128 << bits)),
            Kind::Float(_) => Frame::float(self.below(1 << 20) as f64 / 4.0 + 0.25),
            Kind::String => self.text(),
            Kind::Url => Frame::Str(format!("https://example.com/{}?q=%20#f", self.below(1000))),
            Kind::Bytes => Frame::Bin(vec![0, self.number() as u8, 255]),
            Kind::Json => Frame::map([("n", Frame::Int(self.below(100).into())), ("s", self.text())]),
            Kind::Time => Frame::Time(self.below(1 << 36) as i64 - (1 << 35), self.below(1_000_000_000) as u32),
            Kind::Any => self.any(depth, 1),
            Kind::Error => Frame::map([
                ("kind", Frame::str("error")),
                ("code", Frame::Int(i128::from(self.below(5)) + 1)),
                ("message", self.text()),
            ]),
            Kind::Struct(schema) => Frame::Map(self.fields(schema, depth)),
            Kind::List(item) => Frame::List((0..=self.below(2)).map(|_| self.value(item, depth + 1)).collect()),
            Kind::Map(key, item) => {
                let mut entries: Vec<(String, Frame)> = Vec::new();
                for _ in 0..=self.below(2) {
                    let Frame::Str(key) = self.value(key, depth) else { panic!("{key:?} is a key") };
                    if entries.iter().all(|(known, _)| *known != key) {
                        entries.push((key, self.value(item, depth + 1)));
                    }
                }
                Frame::Map(entries)
            }
        }
    }

    /// Values whose types a frame tells: all but registered structs. Nil is the first of them.
    fn any(&mut self, depth: usize, first: u64) -> Frame {
        match first + self.below(if depth > MAX_DEPTH { 7 } else { 9 } - first) {
            0 => Frame::Nil,
            1 => Frame::Bool(false),
            2 => Frame::Int(-i128::from(self.number())),
            3 => Frame::Int(i128::from(u64::MAX - self.below(10))),
            4 => Frame::float(0.0),
            5 => self.text(),
            6 => Frame::Bin(Vec::new()),
            7 => Frame::List((0..self.below(4)).map(|_| self.any(depth + 1, 0)).collect()),
            _ => Frame::Map((0..self.below(4)).map(|n| (format!("k{n}"), self.any(depth + 1, 0))).collect()),
        }
    }

    fn fields(&mut self, schema: &Struct, depth: usize) -> Vec<(String, Frame)> {
        let mut entries = Vec::new();
        for field in schema.fields {
            if depth >= MAX_DEPTH && refers_to_struct(&field.kind) {
                continue;
            }
            match self.value(&field.kind, depth + 1) {
                Frame::Map(inner) if field.embedded => entries.extend(inner),
                value => entries.push((field.key.to_owned(), value)),
            }
        }
        entries
    }
}

/// Whether a field can be left out and holds structs.
fn refers_to_struct(kind: &Kind) -> bool {
    match kind {
        Kind::Ptr(inner) | Kind::List(inner) | Kind::Map(_, inner) => {
            matches!(inner, Kind::Struct(_)) || refers_to_struct(inner)
        }
        _ => false,
    }
}

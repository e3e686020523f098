//! Output becomes lines: split, bounded in length and rate, and readable.

use std::time::Instant;

use memchr::{memchr, memchr_iter, memrchr};

use crate::token_bucket::{Suppressed, TokenBucket};

/// How much of a line is passed on. What a longer one has beyond this is counted.
pub const MAX_LINE: usize = 64 * 1024;

/// A line that has lost so much is handed out before its end, which may never come.
const MAX_CUT: u64 = 16 * 1024 * 1024;

/// How much of the end of a flood is kept: if the worker ends, these are its last words.
const KEPT_END: usize = 4 * 1024;

/// What a pipe has for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A line, without its end. Bytes that are not UTF-8 and control characters are replaced.
    Line {
        /// The text; if something is cut, it says so at its end.
        text: &'a str,
        /// How many bytes are cut.
        cut: u64,
    },
    /// Lines came too fast.
    Suppressed(Suppressed),
}

/// Takes bytes and hands out lines.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    /// The beginning of the line that has no end yet.
    head: Vec<u8>,
    /// How many bytes of that line are lost.
    cut: u64,
    bucket: TokenBucket,
    /// A line was turned away in this turn. Time stands still until the next one, so all others are as well, and none has to be looked at.
    flooded: bool,
    /// Whole lines: the last ones that were turned away since the last report.
    end_of_flood: Vec<u8>,
}

impl Splitter {
    /// The time is another one than at the last [`Splitter::push`].
    pub(crate) fn begin_turn(&mut self) {
        self.flooded = false;
    }

    /// Takes what was read.
    pub(crate) fn push(&mut self, mut bytes: &[u8], now: Instant, each: &mut impl FnMut(Item<'_>)) {
        while !bytes.is_empty() {
            if self.flooded
                && let Some(end) = memrchr(b'\n', bytes)
            {
                self.skip(&bytes[..=end], now);
                bytes = &bytes[end + 1..];
                continue;
            }
            let Some(end) = memchr(b'\n', bytes) else {
                self.extend(bytes);
                if self.cut > MAX_CUT {
                    self.end_line(now, each);
                }
                return;
            };
            self.extend(&bytes[..end]);
            self.end_line(now, each);
            bytes = &bytes[end + 1..];
        }
    }

    /// When [`Splitter::report`] has something to say.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.bucket.deadline()
    }

    /// Says what was turned away, if it is time to.
    pub(crate) fn report(&mut self, now: Instant, each: &mut impl FnMut(Item<'_>)) {
        if let Some(suppressed) = self.bucket.suppressed(now) {
            self.end_of_flood.clear();
            each(Item::Suppressed(suppressed));
        }
    }

    /// Hands out what is left: the last line, how many were turned away, and the last of those, which may say why the worker ended.
    pub(crate) fn finish(&mut self, now: Instant, each: &mut impl FnMut(Item<'_>)) {
        if !self.head.is_empty() || self.cut > 0 {
            self.end_line(now, each);
        }
        let last = std::mem::take(&mut self.end_of_flood);
        if let Some(mut suppressed) = self.bucket.finish() {
            suppressed.lines = suppressed.lines.saturating_sub(memchr_iter(b'\n', &last).count() as u64);
            suppressed.bytes = suppressed.bytes.saturating_sub(last.len() as u64);
            if suppressed.lines > 0 {
                each(Item::Suppressed(suppressed));
            }
        }
        for line in last.split_inclusive(|&byte| byte == b'\n') {
            each(Item::Line { text: &readable(line.strip_suffix(b"\n").unwrap_or(line), 0), cut: 0 });
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = MAX_LINE - self.head.len();
        self.head.extend_from_slice(&bytes[..room.min(bytes.len())]);
        self.cut += bytes.len().saturating_sub(room) as u64;
    }

    /// The line is complete.
    fn end_line(&mut self, now: Instant, each: &mut impl FnMut(Item<'_>)) {
        let (mut head, cut) = (std::mem::take(&mut self.head), std::mem::take(&mut self.cut));
        if self.bucket.take(head.len() + 1, now) {
            // A character that the cut goes through is not shown in part.
            let whole = if cut > 0 { whole_characters(&head) } else { head.len() };
            let cut = cut + (head.len() - whole) as u64;
            each(Item::Line { text: &readable(&head[..whole], cut), cut });
        } else {
            self.flooded = true;
            if cut > 0 {
                self.bucket.suppress(0, cut, now);
            }
            head.push(b'\n');
            self.keep_end(&head);
        }
        // The room is used again, unless a long line made it large.
        if head.capacity() <= KEPT_END {
            head.clear();
            self.head = head;
        }
    }

    /// Turns away whole lines, the first of which may have begun before.
    fn skip(&mut self, lines: &[u8], now: Instant) {
        let begun = std::mem::take(&mut self.head);
        let bytes = begun.len() as u64 + std::mem::take(&mut self.cut) + lines.len() as u64;
        self.bucket.suppress(memchr_iter(b'\n', lines).count() as u64, bytes, now);
        if lines.len() < KEPT_END {
            self.keep_end(&begun);
        }
        self.keep_end(lines);
    }

    /// Adds to the last lines, and drops the first of them for it.
    fn keep_end(&mut self, bytes: &[u8]) {
        let end = &mut self.end_of_flood;
        end.extend_from_slice(&bytes[bytes.len().saturating_sub(2 * KEPT_END)..]);
        if end.len() > KEPT_END {
            let surplus = end.len() - KEPT_END;
            // Only whole lines are kept; of one that is too long for that, nothing is.
            let whole = memchr(b'\n', &end[surplus - 1..]).map_or(end.len(), |at| surplus + at);
            end.drain(..whole);
        }
    }
}

/// How much of the bytes is left without a character at the end that is not complete.
fn whole_characters(bytes: &[u8]) -> usize {
    // A character has at most four bytes, so one that is not complete begins in the last three.
    let end = (1..=3.min(bytes.len())).map(|back| bytes.len() - back).find(|&at| bytes[at] & 0xc0 != 0x80);
    match end.map(|at| (at, std::str::from_utf8(&bytes[at..]))) {
        Some((at, Err(error))) if error.error_len().is_none() => at,
        _ => bytes.len(),
    }
}

/// Text for a log.
fn readable(bytes: &[u8], cut: u64) -> String {
    let text = String::from_utf8_lossy(bytes);
    let end = text.trim_end_matches('\r').chars();
    let mut text: String = end.map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect();
    if cut > 0 {
        text.push_str(&format!("… ({cut} bytes were cut)"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::token_bucket::LINES;

    /// What comes of some bytes at one moment.
    #[derive(Default)]
    struct Seen {
        lines: Vec<String>,
        suppressed: Suppressed,
    }

    impl Seen {
        fn take(&mut self, item: Item<'_>) {
            match item {
                Item::Line { text, .. } => self.lines.push(text.to_owned()),
                Item::Suppressed(Suppressed { lines, bytes }) => {
                    self.suppressed.lines += lines;
                    self.suppressed.bytes += bytes;
                }
            }
        }
    }

    fn seen_of(written: &[u8], piece: usize) -> Seen {
        let (mut splitter, mut seen, now) = (Splitter::default(), Seen::default(), Instant::now());
        for piece in written.chunks(piece) {
            splitter.push(piece, now, &mut |item| seen.take(item));
        }
        splitter.finish(now, &mut |item| seen.take(item));
        seen
    }

    #[test]
    fn lines_come_whole_and_clean() {
        for piece in 1..8 {
            assert_eq!(seen_of(b"one\r\ntwo\n\nlast", piece).lines, ["one", "two", "", "last"]);
            assert_eq!(seen_of(b"a\0b\xff\tc\x1b[0m\n", piece).lines, ["a\u{fffd}b\u{fffd}\tc\u{fffd}[0m"]);
        }
    }

    #[test]
    fn of_a_long_line_the_beginning_passes() {
        let whole = vec![b'x'; MAX_LINE];
        assert_eq!(seen_of(&whole, 5000).lines, [String::from_utf8(whole.clone()).unwrap()]);
        let long = [vec![b'x'; MAX_LINE + 7], b"\nnext\n".to_vec()].concat();
        let expected = format!("{}… (7 bytes were cut)", "x".repeat(MAX_LINE));
        assert_eq!(seen_of(&long, 5000).lines, [expected.as_str(), "next"]);
        // A character of three bytes does not fit in the last two.
        let euros = [vec![b'x'; MAX_LINE - 2], "€€\n".as_bytes().to_vec()].concat();
        assert_eq!(seen_of(&euros, 5000).lines, [format!("{}… (6 bytes were cut)", "x".repeat(MAX_LINE - 2))]);
    }

    #[test]
    fn a_line_without_end_is_not_waited_for() {
        let (mut splitter, mut seen, now) = (Splitter::default(), Seen::default(), Instant::now());
        let piece = vec![b'x'; MAX_LINE];
        for _ in 0..(2 * MAX_CUT / MAX_LINE as u64) {
            splitter.push(&piece, now, &mut |item| seen.take(item));
        }
        assert_eq!(seen.lines.len(), 1);
        assert!(splitter.head.capacity() <= 2 * MAX_LINE);
    }

    #[test]
    fn nothing_of_a_flood_is_lost_uncounted() {
        let text: Vec<u8> = (0..50_000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        for piece in [100, 4096, text.len()] {
            let seen = seen_of(&text, piece);
            let shown: usize = seen.lines.iter().map(|line| line.len() + 1).sum();
            assert_eq!(seen.lines.len() as u64 + seen.suppressed.lines, 50_000, "{piece}");
            assert_eq!(shown as u64 + seen.suppressed.bytes, text.len() as u64, "{piece}");
            let burst = LINES.burst as usize;
            assert_eq!(seen.lines[burst - 1], format!("line {}", burst - 1));
            // The end is there again, line by line.
            let last = seen.lines.len() - burst;
            assert!((100..=KEPT_END).contains(&last), "{last}");
            for (back, line) in seen.lines.iter().rev().take(last).enumerate() {
                assert_eq!(*line, format!("line {}", 49_999 - back));
            }
        }
    }

    #[test]
    fn lines_pass_again_after_a_flood() {
        let (mut splitter, mut seen, start) = (Splitter::default(), Seen::default(), Instant::now());
        splitter.push(&b"x\n".repeat(2000), start, &mut |item| seen.take(item));
        assert_eq!(seen.lines.len() as u64, LINES.burst);
        let later = splitter.deadline().expect("something was turned away");
        assert_eq!(later, start + Duration::from_secs(1));
        splitter.begin_turn();
        splitter.push(b"again\n", later, &mut |item| seen.take(item));
        assert_eq!(seen.lines.last().map(String::as_str), Some("again"));
        splitter.report(later, &mut |item| seen.take(item));
        assert_eq!(seen.suppressed, Suppressed { lines: 1000, bytes: 2000 });
        splitter.finish(later, &mut |item| seen.take(item));
        assert_eq!(seen.lines.len() as u64, LINES.burst + 1);
    }
}

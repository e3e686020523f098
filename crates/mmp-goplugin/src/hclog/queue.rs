//! The lines that wait for the server.

use std::collections::VecDeque;

use super::{Level, Line, cut_to, write_stderr};

/// How many lines may wait for the server before those that come in any number are counted and dropped.
const QUEUED: usize = 2000;

/// How many bytes may wait for the server in all lines together, before the same.
const QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// What else may wait of lines that are kept few.
const FEW: usize = 100;
const FEW_BYTES: usize = 512 * 1024;

/// What else may wait of the process's own lines, and of nothing else.
const OWN: usize = 500;
const OWN_BYTES: usize = 1024 * 1024;

/// How long a message or value may be: what is longer is cut.
pub(super) const LONGEST: usize = 16 * 1024;

/// How far a line may fill the queue. Each room holds the ones before it, so a flood that has filled the first leaves the rest of the last one free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// For lines that come in any number: those of an author's program.
    Any,
    /// For lines that whoever hands them in keeps few.
    Few,
    /// For what the process itself has to say. It is what explains a flood and what came of it, so no flood may crowd it out.
    Own,
}

impl Room {
    /// How many lines and bytes may wait when a line of this room has been taken.
    fn limits(self) -> (usize, usize) {
        match self {
            Room::Any => (QUEUED, QUEUED_BYTES),
            Room::Few => (QUEUED + FEW, QUEUED_BYTES + FEW_BYTES),
            Room::Own => (QUEUED + FEW + OWN, QUEUED_BYTES + FEW_BYTES + OWN_BYTES),
        }
    }
}

/// The lines that wait to be sent, in the order in which they came, bounded in number and bytes: what is too much is counted.
#[derive(Debug, Default)]
pub struct Queue {
    lines: VecDeque<Line>,
    /// The bytes of the lines.
    bytes: usize,
    dropped: usize,
}

impl Queue {
    /// Takes a line if its room has a place for it. What is for whoever looks for a fault has no claim to more than the first.
    pub fn push(&mut self, mut line: Line, room: Room) {
        cut_to(&mut line.message, LONGEST);
        for (key, value) in &mut line.fields {
            cut_to(key, LONGEST);
            cut_to(value, LONGEST);
        }
        let room = if line.level == Level::Debug { Room::Any } else { room };
        let size = line.size();
        if !self.has_place(size, room) {
            self.dropped += 1;
            return;
        }
        self.bytes += size;
        self.lines.push_back(line);
    }

    /// The size counts before the line is taken: one that is very long must not reach into what is kept free for others.
    fn has_place(&self, size: usize, room: Room) -> bool {
        let (lines, bytes) = room.limits();
        self.lines.len() < lines && self.bytes.saturating_add(size) <= bytes
    }

    /// The next line to send, if there is one.
    pub fn pop(&mut self) -> Option<Line> {
        if self.dropped > 0 && self.lines.len() < QUEUED / 2 && self.bytes < QUEUED_BYTES / 2 {
            let dropped = std::mem::take(&mut self.dropped);
            let message = format!("{dropped} log lines were dropped because they came too fast");
            self.push(Line { level: Level::Warn, message, fields: Vec::new() }, Room::Own);
        }
        let line = self.lines.pop_front()?;
        self.bytes -= line.size();
        Some(line)
    }

    /// Whether no line waits.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Writes every waiting line to standard error.
    pub fn drain_to_stderr(&mut self) {
        self.drain_with(write_stderr);
    }

    fn drain_with(&mut self, write: impl Fn(&Line)) {
        while let Some(line) = self.pop() {
            write(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: String) -> Line {
        Line { level: Level::Info, message, fields: Vec::new() }
    }

    fn messages(log: &mut Queue) -> Vec<String> {
        std::iter::from_fn(|| log.pop()).map(|line| line.message).collect()
    }

    #[test]
    fn a_flood_is_counted() {
        let mut log = Queue::default();
        (0..QUEUED + 5).for_each(|n| log.push(line(n.to_string()), Room::Any));
        let seen = messages(&mut log);
        assert_eq!(seen.len(), QUEUED + 1);
        assert_eq!(seen.last().map(String::as_str), Some("5 log lines were dropped because they came too fast"));
    }

    #[test]
    fn a_flood_of_long_lines_is_bounded_in_bytes() {
        let mut log = Queue::default();
        (0..QUEUED).for_each(|_| log.push(line("x".repeat(LONGEST)), Room::Any));
        assert!(log.bytes <= QUEUED_BYTES && log.lines.len() < QUEUED);
        log.drain_with(|_| {});
        assert_eq!(log.bytes, 0);
    }

    /// Of each kind one more comes than there is room for, the greatest flood first.
    #[test]
    fn a_flood_leaves_room_for_what_is_rare_and_for_what_is_the_process_own() {
        let mut log = Queue::default();
        for (room, count) in [(Room::Any, QUEUED), (Room::Few, FEW), (Room::Own, OWN)] {
            (0..=count).for_each(|n| log.push(line(format!("{room:?} {n}")), room));
        }
        let seen = messages(&mut log);
        assert_eq!(seen.len(), QUEUED + FEW + OWN + 1);
        assert_eq!(seen[QUEUED - 1..=QUEUED], ["Any 1999", "Few 0"]);
        assert_eq!(seen[QUEUED + FEW - 1..=QUEUED + FEW], ["Few 99", "Own 0"]);
        assert_eq!(seen[seen.len() - 2..], ["Own 499", "3 log lines were dropped because they came too fast"]);
    }

    #[test]
    fn a_flood_of_bytes_leaves_room_as_well() {
        let mut log = Queue::default();
        let endless = || Line { fields: vec![("key".into(), "x".repeat(LONGEST)); 1000], ..line("endless".into()) };
        (0..QUEUED).for_each(|_| log.push(line("x".repeat(LONGEST)), Room::Any));
        log.push(endless(), Room::Few);
        for room in [Room::Few, Room::Own] {
            let before = log.bytes;
            (0..QUEUED).for_each(|_| log.push(line("x".repeat(LONGEST)), room));
            assert!(log.bytes > before + 400 * 1024 && log.bytes <= room.limits().1, "{room:?}: {before}");
        }
        // One line alone must not do it either.
        log.drain_with(|_| {});
        log.push(endless(), Room::Any);
        log.push(line("own".into()), Room::Own);
        assert_eq!(messages(&mut log), ["own", "1 log lines were dropped because they came too fast"]);
    }

    #[test]
    fn lines_keep_their_order_whatever_their_room() {
        let mut log = Queue::default();
        let rooms = [Room::Any, Room::Own, Room::Few, Room::Any, Room::Own];
        rooms.iter().enumerate().for_each(|(n, room)| log.push(line(n.to_string()), *room));
        assert_eq!(messages(&mut log), ["0", "1", "2", "3", "4"]);
    }

    #[test]
    fn what_is_for_looking_for_faults_has_no_room_of_its_own() {
        let mut log = Queue::default();
        (0..QUEUED).for_each(|n| log.push(line(n.to_string()), Room::Any));
        log.push(Line { level: Level::Debug, ..line("debug".into()) }, Room::Own);
        assert_eq!((log.lines.len(), log.dropped), (QUEUED, 1));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut log = Queue::default();
        log.push(line("é".repeat(LONGEST)), Room::Any);
        let line = log.pop().unwrap();
        assert!(line.message.len() <= LONGEST + 3 && line.message.ends_with("..."));
    }
}

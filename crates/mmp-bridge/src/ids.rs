//! Numbers that are given out one after the other, and again when all were.

use std::collections::HashMap;

/// The first number from `next` on that is not in use: whoever has kept his for so long is not to be mixed up with a newcomer.
pub(crate) fn unused<T>(taken: &HashMap<u32, T>, next: u32) -> u32 {
    let mut id = next;
    while taken.contains_key(&id) {
        id = id.wrapping_add(1);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_use_are_left_out() {
        let taken = HashMap::from([(u32::MAX, ()), (0, ()), (2, ())]);
        assert_eq!(unused(&taken, 7), 7);
        assert_eq!(unused(&taken, 2), 3);
        assert_eq!(unused(&taken, u32::MAX), 1);
    }
}

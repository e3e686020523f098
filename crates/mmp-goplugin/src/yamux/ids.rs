//! A map keyed by stream ids, with a hash that costs one multiplication.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Hashes the small consecutive integers that ids are. The peer chooses them, but cannot gain more by
/// collisions than by opening streams, so the flooding protection of the default hash is not needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0.rotate_left(8) ^ u64::from(byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        // Fibonacci hashing: hashbrown takes the bucket from the low bits and the tag from the high ones, so both are mixed.
        let product = value.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = product ^ (product >> 32);
    }
}

/// A map keyed by integers.
pub(crate) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

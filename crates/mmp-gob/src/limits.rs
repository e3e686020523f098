//! What a stream may cost: bounds on everything whose size the sender chooses.

/// Bounds that hold for one stream.
///
/// Go's own decoder checks little more than the message length (8 GiB) and trusts its peer for the rest; these bounds are what makes decoding bytes of
/// unknown origin safe: memory and time stay in proportion to the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest message, and longest sum of the messages that one value is split over.
    pub max_message: usize,
    /// Deepest nesting of structs, lists and maps.
    pub max_depth: u32,
    /// Most types that a stream may define.
    pub max_types: usize,
    /// Most memory, in bytes and roughly, that the definitions of a stream may take together.
    pub max_definition_bytes: usize,
    /// Most elements of one list or map.
    pub max_count: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message: 256 << 20,
            max_depth: 128,
            max_types: 20_000,
            max_definition_bytes: 16 << 20,
            max_count: 256 << 20,
        }
    }
}

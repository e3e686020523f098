//! Whose frames they are.

use mmp_worker::frame::{self, Kind};

/// What the header of a frame says of the hook or call that it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Address {
    /// 0, or [`frame::OF_API`].
    pub(super) flags: u8,
    pub(super) method: u16,
    pub(super) id: u32,
}

impl Address {
    /// That of a hook.
    pub(super) fn of_hook(method: u16, id: u32) -> Address {
        Address { flags: 0, method, id }
    }

    /// That of an API call.
    pub(super) fn of_call(method: u16, id: u32) -> Address {
        Address { flags: frame::OF_API, method, id }
    }

    /// Appends a frame.
    pub(super) fn put(self, out: &mut Vec<u8>, kind: Kind, flags: u8, payload: &[u8]) {
        frame::put_bytes_with(out, kind, self.flags | flags, self.method, self.id, payload);
    }
}

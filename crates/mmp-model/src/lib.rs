//! Mattermost's plugin interface as Rust types with a gob codec: models, the structs of the RPC services, constants.
//!
//! Everything is generated from `schema/` by `cargo xtask gen` and named as in Go. Field types are those of [`mmp_gob`]: a pointer is a
//! [`Ptr`](mmp_gob::Ptr), a map a [`Map`](mmp_gob::Map) that tells nil from empty, a string a [`GoString`](mmp_gob::GoString) that keeps bytes which are not UTF-8.

mod app_error;
mod generated;

pub use generated::types::*;
pub use generated::{MATTERMOST_VERSION, SCHEMA_HASH, constants, rpc};

//! `schema/mattermost.json`: its model, the type expressions in it, and the checks that it is closed and sound.

mod check;
mod model;
mod type_expr;

pub use model::{Constant, Field, Method, Param, Registered, Rpc, Schema, StructType, TypeDef};
pub use type_expr::{Basic, Type};

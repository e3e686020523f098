//! The shape of the tables that `mmp-codegen` generates into `generated/`: what the bridge knows of Mattermost's types and methods.
//!
//! Everything is `'static` and reached by reference, so the tables cost no start-up time and refer to each other freely
//! (recursive types are ordinary references).

/// What a value is, as the schema says; the same for gob and for frames.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Go's `bool`.
    Bool,
    /// A signed integer of so many bits (`int` counts as 64).
    Int(u8),
    /// An unsigned integer of so many bits (`uint` counts as 64).
    Uint(u8),
    /// A float of 32 or 64 bits.
    Float(u8),
    /// Go's `string`: bytes that are usually UTF-8.
    String,
    /// `[]byte`.
    Bytes,
    /// `json.RawMessage`: bytes on the wire, a value in frames.
    Json,
    /// `time.Time`.
    Time,
    /// `url.URL`.
    Url,
    /// An empty interface.
    Any,
    /// The interface `error`.
    Error,
    /// A struct.
    Struct(&'static Struct),
    /// A pointer; gob flattens it, frames allow nil.
    Ptr(&'static Kind),
    /// A slice.
    List(&'static Kind),
    /// A map, key and value.
    Map(&'static Kind, &'static Kind),
}

/// A struct type: a model, or the argument or reply struct of a method.
#[derive(Debug)]
pub struct Struct {
    /// Position in [`crate::generated::STRUCTS`]; a dense index for tables.
    pub index: u16,
    /// Go's name of the type.
    pub name: &'static str,
    /// The fields in the order of the Go source, which is the order on the wire and in frames.
    pub fields: &'static [Field],
}

/// One field of a [`Struct`].
#[derive(Debug)]
pub struct Field {
    /// The number of the field in protobuf (`schema/lock.toml`); 0 in the RPC structs, which are no messages.
    pub tag: u32,
    /// Go's name, by which gob matches.
    pub go: &'static str,
    /// The key in frames.
    pub key: &'static str,
    /// The type.
    pub kind: Kind,
    /// Whether the fields of this struct appear in frames among those of the struct that holds it.
    pub embedded: bool,
}

/// Where one positional argument or result of a frame is found in the RPC struct.
#[derive(Debug)]
pub struct Slot {
    /// The number of the field of the request or response in protobuf (`schema/lock.toml`); 0 for errors, which are a status there,
    /// and in the earlier forms of methods, which have no RPC.
    pub tag: u32,
    /// Index into the fields of the RPC struct.
    pub field: u16,
    /// The parameter's name in the Go source, for messages; empty for results.
    pub name: &'static str,
    /// The type (of the RPC struct's field, unless `overrides.toml` replaces it).
    pub kind: Kind,
    /// Whether nil may be sent where the type is a pointer; false where the server would dereference it.
    pub nil_ok: bool,
}

/// A field of an RPC argument that holds the broker number of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSlot {
    /// Index into the fields of the RPC struct.
    pub field: u16,
    /// Go's name of that field.
    pub name: &'static str,
}

/// A key of a map of `any` whose value travels under a registered name.
#[derive(Debug)]
pub struct AnyKey {
    /// The struct, by Go's name.
    pub owner: &'static str,
    /// The field that is the map, by Go's name.
    pub field: &'static str,
    /// The key.
    pub key: &'static str,
    /// The registered name.
    pub name: &'static str,
    /// Whether a value that has keys which the type does not have is another one, and not a mistake.
    pub if_fitting: bool,
}

/// A field of `any` that holds a registered struct; another field of the same struct says which.
#[derive(Debug)]
pub struct AnyType {
    /// The struct, by Go's name.
    pub owner: &'static str,
    /// The field that holds it, by Go's name.
    pub field: &'static str,
    /// The key of the field that says which type it is.
    pub by: &'static str,
    /// That field's values, and the registered names of the types.
    pub types: &'static [(&'static str, &'static str)],
}

/// A hook's result that is one of its arguments, possibly changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EchoMode {
    /// The host merges the reply into the argument: send the changed fields only, or nothing.
    Prefilled,
    /// The host starts from an empty reply and takes nil as "unchanged".
    NilKeeps,
    /// The host starts from an empty reply and takes nil as a rejection: an unchanged argument is sent back whole.
    NilRejects,
}

/// See [`EchoMode`].
#[derive(Debug, Clone, Copy)]
pub struct Echo {
    /// Position of the result in `results`.
    pub result: u8,
    /// Position of the argument in `args`.
    pub arg: u8,
    /// What nil and unchanged mean to the host.
    pub mode: EchoMode,
}

/// How a hook refuses what is about to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// By a text that is not empty at this position among `results`; what stands before it is nil.
    Reason(u8),
    /// By its error.
    Error,
}

/// What kind of hook it is, by how long it may take. [`crate::generated::default_deadline`] has the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deadline {
    /// `OnActivate`, which has what is left of the time to start.
    Activation,
    /// `OnDeactivate`, which has its share of the time to stop.
    Deactivation,
    /// `ExecuteCommand`, whose answer a user waits for.
    Command,
    /// No result and no stream: nobody waits, and it may take as long as it wants.
    Event,
    /// The server waits for the result.
    Result,
    /// As [`Deadline::Result`], for work that takes long.
    Long,
    /// An HTTP request: the time is that in which nothing has moved.
    Http,
    /// A file: likewise.
    File,
}

/// A hook, an API method or a driver method.
#[derive(Debug)]
pub struct Method {
    /// The id in frames (`schema/lock.toml`).
    pub id: u16,
    /// Go's name.
    pub name: &'static str,
    /// The name of the RPC method; nearly always the same.
    pub rpc: &'static str,
    /// The minimum server version, or an empty string.
    pub since: &'static str,
    /// The type of the RPC argument: nearly always a struct, a bare type for a few.
    pub rpc_args: Kind,
    /// The type of the RPC reply.
    pub rpc_returns: Kind,
    /// The positional arguments of the frame.
    pub args: &'static [Slot],
    /// The positional results of the frame, without the error.
    pub results: &'static [Slot],
    /// The field of the RPC reply that is the error (`*AppError` or `error`), if there is one.
    pub error: Option<Slot>,
    /// The result that echoes an argument, if there is one.
    pub echo: Option<Echo>,
    /// How a hook refuses what is about to happen; None where it cannot.
    pub reject: Option<Reject>,
    /// What kind of hook it is; [`Deadline::Result`], without a meaning, in other methods.
    pub deadline: Deadline,
    /// The streams that the RPC argument names; frames carry them separately. Empty if no argument or result is a stream.
    pub streams: &'static [StreamSlot],
}

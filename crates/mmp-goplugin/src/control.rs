//! The services `Control` and `Dispenser` of go-plugin's first stream.

use mmp_gob::{Error, ids};

use crate::netrpc::{Body, RequestHead};

/// Asks whether the plugin is alive.
pub const PING: &str = "Control.Ping";
/// Asks the plugin to exit.
pub const QUIT: &str = "Control.Quit";
/// Asks for a broker number under which a named part of the plugin is served.
pub const DISPENSE: &str = "Dispenser.Dispense";
/// The only part that a Mattermost plugin has.
pub const HOOKS: &str = "hooks";

/// A request on the control stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRequest {
    /// Reply with an empty struct.
    Ping,
    /// Reply with an empty struct, and then exit.
    Quit,
    /// Reply with a broker number, or refuse a name other than [`HOOKS`].
    Dispense(String),
    /// Reply with this error.
    Unknown(String),
}

impl ControlRequest {
    /// Recognises a request; reads the body only where it matters.
    pub fn read(request: RequestHead<'_>, body: Body<'_, '_>) -> Result<Self, Error> {
        Ok(match request.method {
            PING => Self::Ping,
            QUIT => Self::Quit,
            DISPENSE => Self::Dispense(read_text(body)?),
            _ => Self::Unknown(refusal(request)),
        })
    }
}

/// The text with which Go refuses a name that is not dispensed.
pub fn unknown_plugin(name: &str) -> String {
    format!("unknown plugin type: {name}")
}

fn refusal(request: RequestHead<'_>) -> String {
    match request.split().0 {
        service @ ("Control" | "Dispenser") => request.refusal(service),
        _ => request.refusal("Control"),
    }
}

/// Reads a string.
pub fn read_text(body: Body<'_, '_>) -> Result<String, Error> {
    expect_type(&body, ids::STRING)?;
    let bytes = body.cursor.bytes()?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// Reads a broker number.
pub fn read_broker_id(body: Body<'_, '_>) -> Result<u32, Error> {
    expect_type(&body, ids::UINT)?;
    u32::try_from(body.cursor.uint()?).map_err(|_| Error::Overflow("uint32"))
}

fn expect_type(body: &Body<'_, '_>, expected: mmp_gob::TypeId) -> Result<(), Error> {
    if body.type_id == expected {
        return Ok(());
    }
    Err(Error::KindMismatch { expected: body.types.describe(expected), found: body.types.describe(body.type_id) })
}

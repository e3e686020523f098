//! What the parts of a gateway share.

use std::sync::Arc;

use mmp_worker::token::Token;

use crate::frames::Link;
use crate::settings::Settings;
use crate::shutdown::Shutdown;

/// What the parts of a gateway share; clones are cheap.
#[derive(Debug, Clone)]
pub struct Context {
    /// What the bridge said.
    pub settings: Arc<Settings>,
    /// The calls to the bridge, and the log.
    pub link: Link,
    /// What the program shows on every call, and is shown.
    pub token: Token,
    /// The end.
    pub shutdown: Shutdown,
}

//! What a gateway must do.

mod end;
mod file;
mod hijack;
mod hooks;
mod http;
mod link;
mod start;

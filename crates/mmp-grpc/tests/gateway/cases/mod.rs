//! What a gateway must do.

mod end;
mod file;
mod hijack;
mod hooks;
mod http;
mod limit;
mod link;
mod loss;
mod pulse;
mod refusal;
mod start;

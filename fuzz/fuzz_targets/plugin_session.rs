//! The plugin's side of a go-plugin connection: any bytes of a host, whole and in pieces, between anything that the plugin does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mmp_fuzz::{memory, script, seeds};
use mmp_goplugin::plugin::PluginSession;

/// The memory for one byte: a frame of twelve bytes may open a stream with two gob streams.
const FACTOR: usize = 1024;

fuzz_target!(init: seeds::write_if_asked("plugin_session"), |data: &[u8]| {
    memory::in_proportion(data.len(), FACTOR, || script::run(data, PluginSession::new));
});

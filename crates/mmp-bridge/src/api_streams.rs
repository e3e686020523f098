//! Streams of API calls: the bodies of `InstallPlugin`, `UploadData` and `PluginHTTP`.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::yamux::StreamId;
use mmp_worker::frame::Header;

use crate::core::Core;

impl Core {
    pub(crate) fn call_stream_data(&mut self, link: &mut HostLink, stream: StreamId, bytes: &[u8]) {
        link.consume(stream, bytes.len());
    }

    pub(crate) fn call_stream_finished(&mut self, _link: &mut HostLink, _stream: StreamId) {}

    pub(crate) fn call_stream_writable(&mut self, _link: &mut HostLink, _stream: StreamId) {}

    pub(crate) fn call_stream_frame(
        &mut self,
        _link: &mut HostLink,
        _connection: usize,
        _header: Header,
        _payload: &[u8],
    ) -> Result<(), String> {
        Ok(())
    }
}

//! GenerateSupportData: the bridge's own file in the server's support packet, beside those of the plugin.
//!
//! The server puts the files of all plugins into one archive under the names that they have (`App.GenerateSupportPacket`), so the name begins with the plugin's id. It drops the files of a plugin that returns an
//! error; so an error of the handler is passed on, as it is for a Go plugin, and a handler that is late or cannot be called is no error: the bridge's file says why there are no others.

use mmp_gob::Types;
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_transcode::msgpack::{self, Reader, Token};
use serde::Serialize;

use crate::answers::Due;
use crate::core::{AnswerError, Core};
use crate::log::Level;
use crate::report::Report;

/// The hook that the bridge has a part in, whether the plugin implements it or not.
pub(crate) const GENERATE_SUPPORT_DATA: &str = "GenerateSupportData";

/// The bridge's file.
#[derive(Debug, Serialize)]
struct Contents<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// Why the plugin's own files are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin_files_missing: Option<&'a str>,
}

impl Core {
    /// Answers with the files of the plugin, which are the results of its handler, and with the bridge's own. False if the plugin's do not fit, so that only the bridge's is sent.
    pub(crate) fn reply_files(&mut self, link: &mut HostLink, types: &mut Types, due: Due<'_>, results: &[u8]) -> bool {
        if has_error(results) {
            return self.reply_or_fail(link, types, due, results);
        }
        let own = self.own_file(None);
        let merged = merged(results, &own);
        let sent = match &merged {
            Some(files) => self.reply(link, types, due, files),
            None => Err(AnswerError::Value(mmp_transcode::msgpack::Malformed::Trailing.into())),
        };
        let Err(error) = sent else { return true };
        let message = format!(
            "{GENERATE_SUPPORT_DATA}: the handler's result does not fit, so only the bridge's own file is sent: {error}"
        );
        self.log.push(Level::Error, message, &[]);
        self.reply_own_file(link, types, due, "the handler's result does not fit");
        false
    }

    /// Answers with the bridge's own file, which says why there are no others.
    pub(crate) fn reply_own_file(&mut self, link: &mut HostLink, types: &mut Types, due: Due<'_>, missing: &str) {
        let mut results = vec![0x91, 0x91];
        results.extend(self.own_file(Some(missing)));
        self.reply_results(link, types, due, &results);
    }

    /// The bridge's file as a FileData.
    fn own_file(&self, plugin_files_missing: Option<&str>) -> Vec<u8> {
        let report = self.report();
        let contents = Contents { report: &report, plugin_files_missing };
        // Numbers, texts and lists of them can always be written.
        let body = serde_json::to_vec_pretty(&contents).unwrap_or_default();
        let mut out = Vec::new();
        msgpack::put_map_len(&mut out, 2);
        msgpack::put_str(&mut out, "filename");
        msgpack::put_str(&mut out, &format!("{}/supervisor.json", report.plugin_id.to_ascii_lowercase()));
        msgpack::put_str(&mut out, "body");
        msgpack::put_bin(&mut out, &body);
        out
    }
}

/// Whether the results of a handler have an error behind them.
fn has_error(results: &[u8]) -> bool {
    let mut reader = Reader::new(results);
    matches!(reader.token(), Ok(Token::Array(2))) && reader.raw().is_ok() && !matches!(reader.token(), Ok(Token::Nil))
}

/// The results of a handler, an array that holds a list of files or nil, with one more file. None if they are something else.
fn merged(results: &[u8], own: &[u8]) -> Option<Vec<u8>> {
    let mut files: Vec<&[u8]> = Vec::new();
    let mut reader = Reader::new(results);
    if !results.is_empty() {
        let Ok(Token::Array(1 | 2)) = reader.token() else { return None };
        match reader.token().ok()? {
            Token::Nil => {}
            Token::Array(count) => {
                for _ in 0..count {
                    files.push(reader.raw().ok()?);
                }
            }
            _ => return None,
        }
    }
    let mut out = Vec::new();
    msgpack::put_array_len(&mut out, 1);
    msgpack::put_array_len(&mut out, files.len() + 1);
    files.into_iter().chain([own]).for_each(|file| out.extend_from_slice(file));
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bridges_file_comes_behind_those_of_the_plugin() {
        for none in [&b""[..], b"\x91\xc0", b"\x91\x90", b"\x92\xc0\xc0"] {
            assert_eq!(merged(none, b"\x05").unwrap(), b"\x91\x91\x05", "{none:?}");
        }
        assert_eq!(merged(b"\x91\x92\x01\x02", b"\x05").unwrap(), b"\x91\x93\x01\x02\x05");
        for wrong in [&b"\x01"[..], b"\x91\xa1x", b"\x91\x92\x01", b"\x93\x90\x90\x90"] {
            assert_eq!(merged(wrong, b"\x05"), None, "{wrong:?}");
        }
    }
}

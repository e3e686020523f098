//! Every golden value through protobuf and back: the frame is the same, byte for byte.

use mmp_transcode::generated::PLUGIN_HTTP_BUFFERED;
use mmp_transcode::proto;

use crate::{Part, Vector, carried, part, report, vectors, with_fields};

#[test]
fn every_frame_survives_protobuf() {
    let Some(vectors) = vectors() else { return };
    let mut failures = Vec::new();
    for vector in &vectors {
        let Some(part) = part(&vector.name) else { continue };
        if let Err(why) = check(part, vector) {
            failures.push(format!("{} {}: {why}", vector.name, vector.variant));
        }
    }
    report("frame to protobuf and back", carried(&vectors), &failures);
}

fn check(part: Part, vector: &Vector) -> Result<(), String> {
    let (frame, failed) = part.frame(&vector.gob).map_err(|e| e.to_string())?;
    if failed && part.error().is_some_and(|slot| matches!(slot.kind, mmp_transcode::schema::Kind::Ptr(_))) {
        same(&frame, proto::app_error_to_proto, |message, out| proto::app_error_from_proto(message, true, out))?;
    }
    if failed {
        let error = part.error().map(|slot| part.structure().fields[usize::from(slot.field)].go);
        let results = with_fields(&vector.gob, |name| Some(name) != error);
        return check_values(part, &part.frame(&results).map_err(|e| e.to_string())?.0);
    }
    check_values(part, &frame)
}

fn check_values(part: Part, frame: &[u8]) -> Result<(), String> {
    match part {
        // It has no RPC.
        Part::Args(method) | Part::Results(method) if std::ptr::eq(method, &PLUGIN_HTTP_BUFFERED) => Ok(()),
        Part::Args(method) => same(
            frame,
            |frame, out| proto::args_to_proto(method, frame, out),
            |message, out| proto::args_from_proto(method, message, out),
        ),
        Part::Results(method) => same(
            frame,
            |frame, out| proto::results_to_proto(method, frame, out),
            |message, out| proto::slots_from_proto(method.results, message, out),
        ),
    }
}

type Done = Result<(), mmp_transcode::Error>;

fn same(
    frame: &[u8],
    to: impl FnOnce(&[u8], &mut Vec<u8>) -> Done,
    from: impl FnOnce(&[u8], &mut Vec<u8>) -> Done,
) -> Result<(), String> {
    let (mut message, mut back) = (Vec::new(), Vec::new());
    to(frame, &mut message).map_err(|e| format!("to protobuf: {e}"))?;
    from(&message, &mut back).map_err(|e| format!("from protobuf: {e}"))?;
    if back == frame { Ok(()) } else { Err(format!("\n  found  {}\n  wanted {}", show(&back), show(frame))) }
}

fn show(frame: &[u8]) -> String {
    format!("{:?}", crate::support::frame::Frame::parse(frame))
}

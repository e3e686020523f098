//! Every method and every struct with a value in every field: what comes back is the same, byte for byte.

use mmp_transcode::generated::{API, DRIVER, HOOKS, STRUCTS};
use mmp_transcode::proto;
use mmp_transcode::schema::{Kind, Slot};

use crate::support::frame::Frame;
use crate::support::generate::Generator;

fn check(what: &str, slots: &[Slot], generator: &mut Generator) {
    let frame = Frame::List(slots.iter().map(|slot| generator.value(&slot.kind, 0)).collect()).bytes();
    let (mut message, mut back) = (Vec::new(), Vec::new());
    proto::slots_to_proto(slots, &frame, &mut message).unwrap_or_else(|e| panic!("{what}: {e}"));
    proto::slots_from_proto(slots, &message, &mut back).unwrap_or_else(|e| panic!("{what}: {e}"));
    if back != frame {
        assert_eq!(Frame::parse(&back), Frame::parse(&frame), "{what}");
        panic!("{what}: the bytes differ");
    }
}

#[test]
fn the_arguments_and_results_of_every_method_survive() {
    let mut generator = Generator(11);
    let mut count = 0;
    for method in HOOKS.iter().chain(API).chain(DRIVER) {
        for _ in 0..3 {
            check(method.name, method.args, &mut generator);
            check(method.name, method.results, &mut generator);
        }
        count += 1;
    }
    assert!(count > 300, "{count} methods");
}

#[test]
fn every_struct_survives() {
    let mut generator = Generator(12);
    let mut count = 0;
    for schema in STRUCTS {
        if schema.fields.is_empty() || schema.fields.iter().any(|field| field.tag == 0) {
            // The argument or reply of an RPC: no message.
            continue;
        }
        let frame = generator.value(&Kind::Struct(schema), 0).bytes();
        let (mut message, mut back) = (Vec::new(), Vec::new());
        proto::struct_to_proto(schema, &frame, &mut message).unwrap_or_else(|e| panic!("{}: {e}", schema.name));
        proto::struct_from_proto(schema, &message, &mut back).unwrap_or_else(|e| panic!("{}: {e}", schema.name));
        assert_eq!(Frame::parse(&back), Frame::parse(&frame), "{}", schema.name);
        assert!(back == frame, "{}: the bytes differ", schema.name);
        count += 1;
    }
    assert!(count > 200, "{count} structs");
}

//! The proto files against the tables: another implementation of protobuf, which knows the files alone, reads what we write and writes what we read.

mod build;
mod scramble;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use mmp_transcode::generated::types::APP_ERROR;
use mmp_transcode::generated::{API, DRIVER, HOOKS};
use mmp_transcode::proto;
use mmp_transcode::schema::{Kind, Method, Slot, Struct};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

use crate::support::frame::Frame;
use crate::support::generate::Generator;

const PACKAGE: &str = "mattermost.plugin.v1";

/// The repository's proto files, compiled.
fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
        let folder = std::fs::read_dir(root.join("mattermost/plugin/v1")).expect("the proto files");
        let files =
            folder.map(|entry| entry.expect("a file").path()).filter(|path| path.extension() == Some("proto".as_ref()));
        let set = protox::compile(files, [root.as_path()]).expect("the proto files compile");
        DescriptorPool::from_file_descriptor_set(set).expect("the proto files fit together")
    })
}

/// The messages that hold the arguments and the results of a method: request and response, or what a stream of them begins and ends with.
fn messages(service: &str, method: &Method) -> (MessageDescriptor, Option<MessageDescriptor>) {
    let service = pool().get_service_by_name(&format!("{PACKAGE}.{service}")).expect("a service");
    let rpc = service.methods().find(|rpc| rpc.name() == method.name);
    let rpc = rpc.unwrap_or_else(|| panic!("{} has no RPC", method.name));
    let part = |message: &MessageDescriptor, name: &str| {
        let field = message.get_field_by_name(name)?;
        field.kind().as_message().cloned()
    };
    let (input, output) = (rpc.input(), rpc.output());
    let input = if rpc.is_client_streaming() { part(&input, "start").expect("a first message") } else { input };
    match (rpc.is_server_streaming(), method.results.is_empty()) {
        (false, _) => (input, Some(output)),
        (true, true) => (input, None),
        (true, false) => (input, Some(part(&output, "result").or_else(|| part(&output, "head")).expect("a result"))),
    }
}

fn services() -> impl Iterator<Item = (&'static str, &'static Method)> {
    let of = |service, methods: &'static [Method]| methods.iter().map(move |method| (service, method));
    of("PluginHooks", HOOKS).chain(of("PluginAPI", API)).chain(of("PluginDriver", DRIVER))
}

/// One value both ways: what we write is what the other side would have written, and what it writes in any form is our frame again.
fn check(what: &str, slots: &[Slot], message: &MessageDescriptor, generator: &mut Generator) {
    let mut frame = Frame::List(slots.iter().map(|slot| generator.value(&slot.kind, 0)).collect());
    if message.name() == "ResponseHead" {
        // Its status has 32 bits, Go's result 64.
        *frame.item(0) = Frame::Int(404);
    }
    let Frame::List(values) = &frame else { panic!("positions are a list") };
    let wanted = build::positions(message, slots, values);

    let mut written = Vec::new();
    proto::slots_to_proto(slots, &frame.bytes(), &mut written).unwrap_or_else(|e| panic!("{what}: {e}"));
    let read = DynamicMessage::decode(message.clone(), &*written).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(read == wanted, "{what}: another message than {frame:?}");
    assert_eq!(read.unknown_fields().count(), 0, "{what}");

    let back = |message: &[u8]| {
        let mut out = Vec::new();
        proto::slots_from_proto(slots, message, &mut out).unwrap_or_else(|e| panic!("{what}: {e}"));
        out
    };
    // The other side keeps no order in maps.
    assert_eq!(Frame::parse(&back(&wanted.encode_to_vec())).sorted(), frame.clone().sorted(), "{what}");

    let scrambled = scramble::message(message, &written, generator);
    let merged = DynamicMessage::decode(message.clone(), &*scrambled).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(scramble::without_unknown(&merged) == wanted, "{what}: scrambled, it means something else than {frame:?}");
    assert_eq!(Frame::parse(&back(&scrambled)), frame, "{what}");
    assert!(back(&scrambled) == frame.bytes(), "{what}: the bytes differ");
}

#[test]
fn every_method_has_its_messages() {
    let mut generator = Generator(21);
    let mut counts = (0, 0);
    for (service, method) in services() {
        let (request, response) = messages(service, method);
        for _ in 0..2 {
            check(method.name, method.args, &request, &mut generator);
            let Some(response) = &response else { continue };
            check(method.name, method.results, response, &mut generator);
            counts.1 += 1;
        }
        let start = usize::from(matches!(method.name, "ServeHTTP")) + 2 * usize::from(method.name == "ServeMetrics");
        assert_eq!(request.fields().len(), method.args.len() + start, "{}", method.name);
        counts.0 += 1;
    }
    assert!(counts.0 > 300 && counts.1 > 600, "{counts:?}");
}

/// The structs that a kind holds, and what those hold.
fn reach(kind: &Kind, found: &mut BTreeMap<u16, &'static Struct>) {
    match kind {
        Kind::Struct(schema) if found.insert(schema.index, schema).is_none() => {
            schema.fields.iter().for_each(|field| reach(&field.kind, found));
        }
        Kind::Ptr(inner) | Kind::List(inner) | Kind::Map(_, inner) => reach(inner, found),
        _ => {}
    }
}

#[test]
fn every_struct_has_its_message() {
    let mut generator = Generator(22);
    let mut structs = BTreeMap::new();
    for (_, method) in services() {
        method.args.iter().chain(method.results).for_each(|slot| reach(&slot.kind, &mut structs));
    }
    reach(&Kind::Struct(&APP_ERROR), &mut structs);
    assert!(structs.len() > 150, "{} structs", structs.len());
    for schema in structs.values() {
        let message = pool().get_message_by_name(&format!("{PACKAGE}.{}", schema.name));
        let message = message.unwrap_or_else(|| panic!("{} has no message", schema.name));
        assert_eq!(message.fields().len(), schema.fields.len(), "{}", schema.name);
        let frame = generator.value(&Kind::Struct(schema), 0);
        let Frame::Map(entries) = &frame else { panic!("a struct is a map") };
        let wanted = build::structure(&message, schema, entries);
        let mut written = Vec::new();
        proto::struct_to_proto(schema, &frame.bytes(), &mut written).unwrap_or_else(|e| panic!("{}: {e}", schema.name));
        let read =
            DynamicMessage::decode(message.clone(), &*written).unwrap_or_else(|e| panic!("{}: {e}", schema.name));
        assert!(read == wanted, "{}: another message than {frame:?}", schema.name);
        let scrambled = scramble::message(&message, &written, &mut generator);
        let mut back = Vec::new();
        proto::struct_from_proto(schema, &scrambled, &mut back).unwrap_or_else(|e| panic!("{}: {e}", schema.name));
        assert_eq!(Frame::parse(&back), frame, "{}", schema.name);
    }
}

//! How long one value takes to protobuf and back: `cargo bench -p mmp-transcode --bench proto`. The best of several rounds is printed, with the bytes of
//! message and frame.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints and may stop")]

mod common;

use std::hint::black_box;

use common::{array, context, map, post, rich_props, time, wanted};
use mmp_transcode::generated::hook_by_name;
use mmp_transcode::{Error, proto};

fn run(what: &str, input: &[u8], convert: impl Fn(&[u8], &mut Vec<u8>) -> Result<(), Error>) -> Vec<u8> {
    let mut out = Vec::new();
    convert(input, &mut out).expect("it fits");
    if wanted(what) {
        let took = time(|| {
            out.clear();
            convert(black_box(input), &mut out).expect("it fits");
            black_box(&out);
        });
        println!("{what:<34} {:>7.0} ns   from {:>5} B   to {:>5} B", took.as_secs_f64() * 1e9, input.len(), out.len());
    }
    out
}

fn main() {
    let message = "x".repeat(120);
    let method = hook_by_name("MessageWillBePosted").expect("a hook");
    let plain = post(&message, &|out| map(out, &[]));
    let rich = post(&message, &rich_props);
    for (name, post) in [("plain", &plain), ("rich", &rich)] {
        let args = array(&[&context(), post]);
        let request = run(&format!("{name} post, arguments to proto"), &args, |payload, out| {
            proto::args_to_proto(method, payload, out)
        });
        run(&format!("{name} post, arguments from proto"), &request, |message, out| {
            proto::args_from_proto(method, message, out)
        });
        let results = array(&[post, &[0xa0]]);
        let response = run(&format!("{name} post, results to proto"), &results, |payload, out| {
            proto::results_to_proto(method, payload, out)
        });
        run(&format!("{name} post, results from proto"), &response, |message, out| {
            proto::results_from_proto(method, message, out)
        });
    }
}

//! Readers and writers against bytes that Go's net/rpc wrote, and against each other.

use mmp_gob::varint::{put_bytes, put_int};
use mmp_gob::{Error, ids};
use proptest::prelude::*;

use super::*;

/// `client.Go("Plugin.One", Args{A: &"x"})` of Go 1.26: two definitions and two values.
const REQUEST_ONE: &str = "2e7f030101075265717565737401ff80000102010d536572766963654d6574686f64010c000103536571010600\
    00000fff80010a506c7567696e2e4f6e65001eff81030101044172677301ff82000102010141010c00010142011000000006ff8201017800";
/// The next two calls: `Plugin.Two` with an argument that gob refused, so its header went out with `Plugin.Three`.
const REQUEST_TWO_AND_THREE: &str =
    "11ff80010a506c7567696e2e54776f01010013ff80010c506c7567696e2e546872656501020006ff8201017800";
/// `client.Go("Plugin.Four", "str")`.
const REQUEST_FOUR: &str = "12ff80010b506c7567696e2e466f7572010300060c0003737472";
/// A Go server's answers: the string `hi!` to call 0, the error `went wrong` to call 1.
const RESPONSES: &str = "3aff8303010108526573706f6e736501ff84000103010d536572766963654d6574686f64010c000103536571010600\
    01054572726f72010c0000000eff840109506c7567696e2e4f6b00060c0003686921\
    1eff84010b506c7567696e2e4661696c0101010a77656e742077726f6e67000aff85030102ff8600000003ff8600";

/// `client.Go("Plugin.One", Args{A: "before", B: Reg{5, Sub{"in"}}, C: "after"})`, where B is an interface whose type the stream meets there:
/// Go splits the argument over three messages. Then the same call again, in one.
const SPLIT_REQUESTS: &str = "2e7f030101075265717565737401ff80000102010d536572766963654d6574686f64010c0001035365710106000000\
    0fff80010a506c7567696e2e4f6e650024ff81030101044172677301ff82000103010141010c00010142011000010143010c000000\
    2dff8201066265666f72650103526567ff830301010352656701ff8400010201015801040001015301ff86000000\
    17ff850301010353756201ff86000101010159010c00000014ff8409010a010102696e00000105616674657200\
    11ff80010a506c7567696e2e54776f01010023ff8201066265666f72650103526567ff8409010a010102696e00000105616674657200";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).expect("ascii"), 16).expect("hex")).collect()
}

fn string_value(out: &mut Vec<u8>, text: &str) {
    put_message(out, |out| {
        put_int(out, i64::from(ids::STRING));
        out.push(0);
        put_bytes(out, text.as_bytes());
    });
}

/// Reads a string, or the field A of `Args`.
fn text(body: Body<'_, '_>) -> Result<String, Error> {
    if body.type_id != ids::STRING {
        body.cursor.field(-1)?;
    }
    let bytes = body.cursor.bytes()?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

type Requests = Vec<(u64, String, Result<String, Error>)>;

fn read_requests(reader: &mut RequestReader, input: &[u8], cut: usize) -> Result<Requests, ConnError> {
    let mut requests = Vec::new();
    for piece in input.chunks(cut) {
        reader.push(piece);
        while let Some(outcome) = reader.next(|_, body| text(body))? {
            let RequestHead { seq, method } = reader.last();
            let result = match outcome {
                RequestOutcome::Taken(text) => Ok(text),
                RequestOutcome::Undecodable(error) => Err(error),
            };
            requests.push((seq, method.to_owned(), result));
        }
    }
    Ok(requests)
}

fn request(seq: u64, method: &str, text: &str) -> (u64, String, Result<String, Error>) {
    (seq, method.to_owned(), Ok(text.to_owned()))
}

#[test]
fn gos_requests_are_read_in_any_pieces_and_an_orphaned_header_is_dropped() {
    let input = bytes(&[REQUEST_ONE, REQUEST_TWO_AND_THREE, REQUEST_FOUR].concat());
    for cut in 1..input.len() {
        let mut reader = RequestReader::default();
        assert_eq!(
            read_requests(&mut reader, &input, cut),
            Ok(vec![request(0, "Plugin.One", "x"), request(2, "Plugin.Three", "x"), request(3, "Plugin.Four", "str"),]),
            "in pieces of {cut}"
        );
        assert_eq!(reader.dropped(), 1);
    }
}

#[test]
fn many_orphans_in_a_row_are_dropped() {
    let mut input = bytes(REQUEST_ONE);
    let both = bytes(REQUEST_TWO_AND_THREE);
    let orphan = both.get(..18).expect("the header of Plugin.Two");
    for _ in 0..1000 {
        input.extend_from_slice(orphan);
    }
    input.extend(bytes(REQUEST_FOUR));
    let mut reader = RequestReader::default();
    let requests = read_requests(&mut reader, &input, 7).expect("survives");
    assert_eq!(requests, [request(0, "Plugin.One", "x"), request(3, "Plugin.Four", "str")]);
    assert_eq!(reader.dropped(), 1000);
}

#[test]
fn a_body_that_is_refused_does_not_end_the_connection() {
    let mut reader = RequestReader::default();
    reader.push(&bytes(&[REQUEST_ONE, REQUEST_FOUR].concat()));
    let refused = reader.next(|_, _| Err::<(), _>(Error::Overflow("int8")));
    assert!(matches!(refused, Ok(Some(RequestOutcome::Undecodable(Error::Overflow("int8"))))));
    assert_eq!(reader.last().method, "Plugin.One");
    // Nor does one that nobody reads.
    assert!(matches!(reader.next(|_, _| Ok(())), Ok(Some(RequestOutcome::Taken(())))));
    assert_eq!(reader.last().method, "Plugin.Four");
}

#[test]
fn what_is_no_header_ends_the_connection() {
    for input in [
        &b"\x06\x0c\x00\x03str"[..],                 // A string.
        &b"\x80\x80\x80\x80garbage"[..],             // No length.
        &b"\xfcreally not gob at all, but text"[..], // A length over every limit.
    ] {
        let mut reader = RequestReader::default();
        reader.push(input);
        let error = reader.next(|_, _| Ok(())).map(|_| ());
        assert!(matches!(error, Err(ConnError::Malformed(_))), "{error:?}");
        assert!(reader.next(|_, _| Ok(())).is_err(), "and stays ended");
    }
}

#[test]
fn a_stream_that_breaks_inside_a_body_ends_at_the_next_header() {
    let mut reader = RequestReader::default();
    let one = bytes(REQUEST_ONE);
    reader.push(one.get(..63).expect("header only"));
    assert!(matches!(reader.next(|_, _| Ok(())), Ok(None)));
    reader.push(&[0x80; 8]);
    assert!(matches!(reader.next(|_, _| Ok(())), Ok(Some(RequestOutcome::Undecodable(_)))));
    assert!(reader.next(|_, _| Ok(())).is_err());
}

/// The fields A and C of `SPLIT_REQUESTS`, around an interface that is passed over.
fn around_interface(body: Body<'_, '_>) -> Result<String, Error> {
    let Body { cursor, types, .. } = body;
    cursor.field(-1)?;
    let before = String::from_utf8_lossy(cursor.bytes()?).into_owned();
    cursor.field(0)?;
    cursor.skip(types, ids::INTERFACE)?;
    cursor.field(1)?;
    let after = String::from_utf8_lossy(cursor.bytes()?).into_owned();
    cursor.field(2)?;
    Ok(format!("{before} {after}"))
}

#[test]
fn a_body_split_over_messages_is_read_when_all_of_it_is_here() {
    let input = bytes(SPLIT_REQUESTS);
    for cut in 1..input.len() {
        let mut reader = RequestReader::default();
        let mut requests = Vec::new();
        for piece in input.chunks(cut) {
            reader.push(piece);
            while let Some(outcome) = reader.next(|_, body| around_interface(body)).expect("valid") {
                let RequestOutcome::Taken(text) = outcome else { panic!("{outcome:?} in pieces of {cut}") };
                requests.push((reader.last().method.to_owned(), text));
            }
        }
        let expected = ["Plugin.One", "Plugin.Two"].map(|method| (method.to_owned(), "before after".to_owned()));
        assert_eq!(requests, expected, "in pieces of {cut}");
    }
}

#[test]
fn gos_responses_are_read_in_any_pieces() {
    let input = bytes(RESPONSES);
    for cut in 1..input.len() {
        let mut reader = ResponseReader::default();
        let mut responses = Vec::new();
        for piece in input.chunks(cut) {
            reader.push(piece);
            while let Some(seq) = reader.next_head().expect("valid") {
                let Some(response) = reader.next_body(text) else {
                    break;
                };
                responses.push((seq, response));
            }
        }
        assert_eq!(
            responses,
            [(0, Response::Taken("hi!".to_owned())), (1, Response::Failed(CallError::Server("went wrong".to_owned()))),]
        );
    }
}

#[test]
fn a_response_that_cannot_be_decoded_fails_only_its_call() {
    let mut out = Vec::new();
    let mut writer = ReplyWriter::new();
    for seq in 0..2 {
        writer
            .reply(&mut out, seq, "Plugin.X", |out| {
                string_value(out, "ok");
                Ok::<(), Error>(())
            })
            .expect("encodes");
    }
    let mut reader = ResponseReader::default();
    reader.push(&out);
    assert_eq!(reader.next_head(), Ok(Some(0)));
    assert_eq!(
        reader.next_body(|_| Err::<(), _>(Error::Overflow("int8"))),
        Some(Response::Failed(CallError::Decode(Error::Overflow("int8"))))
    );
    assert_eq!(reader.next_head(), Ok(Some(1)));
    assert_eq!(reader.next_body(text), Some(Response::Taken("ok".to_owned())));
}

/// Failure 1 of the wire notes: a reply that the host cannot decode kills all later hooks, so a reply that fails to encode must leave no byte.
#[test]
fn a_reply_that_fails_to_encode_leaves_nothing_behind() {
    let mut out = b"before".to_vec();
    let mut writer = ReplyWriter::new();
    let failed = writer.reply(&mut out, 7, "Plugin.X", |out| {
        string_value(out, "half a value");
        Err("cannot be encoded")
    });
    assert_eq!(failed, Err("cannot be encoded"));
    assert_eq!(out, b"before");
    // The definition that was taken back is sent again.
    out.clear();
    writer.reply_error(&mut out, 7, "Plugin.X", "cannot be encoded");
    let mut reader = ResponseReader::default();
    reader.push(&out);
    assert_eq!(reader.next_head(), Ok(Some(7)));
    assert_eq!(reader.next_body(|_| Ok(())), Some(Response::Failed(CallError::Server("cannot be encoded".to_owned()))));
    assert_eq!(reader.next_head(), Ok(None));
}

#[test]
fn a_call_that_fails_to_encode_leaves_nothing_behind() {
    #[derive(Debug, PartialEq)]
    struct Refused;
    impl From<ConnError> for Refused {
        fn from(_: ConnError) -> Self {
            Self
        }
    }
    let mut out = Vec::new();
    let mut writer = CallWriter::new();
    let failed = writer.call(&mut out, "Plugin.X", 1, |out| {
        string_value(out, "half");
        Err(Refused)
    });
    assert_eq!(failed, Err(Refused));
    assert!(out.is_empty());
    assert_eq!(writer.pending(), 0);
    let seq = writer.call(&mut out, "Plugin.Y", 2, |out| {
        string_value(out, "whole");
        Ok::<(), Refused>(())
    });
    assert_eq!(seq, Ok(0));
    let mut reader = RequestReader::default();
    assert_eq!(read_requests(&mut reader, &out, 3), Ok(vec![request(0, "Plugin.Y", "whole")]));
}

#[test]
fn an_error_reply_is_never_taken_for_a_success() {
    let mut out = Vec::new();
    ReplyWriter::new().reply_error(&mut out, 0, "", "");
    let mut reader = ResponseReader::default();
    reader.push(&out);
    assert_eq!(reader.next_head(), Ok(Some(0)));
    assert!(matches!(reader.next_body(|_| Ok(())), Some(Response::Failed(CallError::Server(_)))));
}

#[test]
fn definitions_are_sent_once() {
    let mut writer = ReplyWriter::new();
    let mut lengths = Vec::new();
    for _ in 0..3 {
        let mut out = Vec::new();
        writer.reply_error(&mut out, 1, "Plugin.X", "no");
        lengths.push(out.len());
    }
    let [first, second, third] = lengths[..] else {
        panic!("three replies");
    };
    assert!(first > second + 60);
    assert_eq!(second, third);
}

#[test]
fn ending_fails_the_calls_in_order_and_refuses_later_ones() {
    let mut writer = CallWriter::new();
    let mut out = Vec::new();
    let argument = |out: &mut Vec<u8>| {
        string_value(out, "x");
        Ok::<(), ConnError>(())
    };
    for token in [30, 10, 20] {
        writer.call(&mut out, "Plugin.X", token, argument).expect("open");
    }
    assert_eq!(writer.answered(1), Some(10));
    assert_eq!(writer.answered(1), None, "an unknown sequence number");
    assert_eq!(writer.end(ConnError::UnexpectedEof), [30, 20]);
    assert_eq!(writer.call(&mut out, "Plugin.X", 1, argument), Err(ConnError::Shutdown));
    assert_eq!(ConnError::UnexpectedEof.to_string(), "unexpected EOF");
    assert_eq!(ConnError::Shutdown.to_string(), "connection is shut down");
}

#[test]
fn a_long_message_gets_a_long_prefix() {
    for length in [0, 1, 127, 128, 255, 256, 70_000] {
        let mut out = vec![9];
        put_message(&mut out, |out| out.resize(out.len() + length, 5));
        let mut expected = vec![9];
        put_bytes(&mut expected, &vec![5; length]);
        assert_eq!(out, expected);
    }
}

#[test]
fn missing_methods_are_recognised() {
    let head = RequestHead { seq: 1, method: "Plugin.New" };
    let text = head.refusal("Plugin");
    assert_eq!(text, "rpc: can't find method Plugin.New");
    assert_eq!(CallError::Server(text).missing_method(), Some("Plugin.New"));
    assert_eq!(head.refusal("Control"), "rpc: can't find service Plugin.New");
    let head = RequestHead { seq: 1, method: "New" };
    assert_eq!(head.refusal("Plugin"), "rpc: service/method request ill-formed: New");
}

proptest! {
    #[test]
    fn garbage_never_panics(input in prop::collection::vec(any::<u8>(), 0..300), cut in 1..40_usize, prefix in 0..3) {
        let mut stream = match prefix {
            0 => Vec::new(),
            1 => bytes(REQUEST_ONE),
            _ => bytes(RESPONSES),
        };
        stream.extend(input);
        let _ = read_requests(&mut RequestReader::default(), &stream, cut);
        let mut reader = ResponseReader::default();
        for piece in stream.chunks(cut) {
            reader.push(piece);
            while let Ok(Some(_)) = reader.next_head() {
                if reader.next_body(text).is_none() {
                    break;
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read(calls in prop::collection::vec(("[a-zA-Z.]{0,200}", ".{0,300}", any::<u64>()), 1..20), cut in 1..500_usize) {
        let mut out = Vec::new();
        let mut writer = ReplyWriter::new();
        for (method, argument, seq) in &calls {
            writer.reply(&mut out, *seq, method, |out| {
                string_value(out, argument);
                Ok::<(), Error>(())
            }).expect("encodes");
        }
        let mut reader = ResponseReader::default();
        let mut answers = Vec::new();
        for piece in out.chunks(cut) {
            reader.push(piece);
            while let Some(seq) = reader.next_head().expect("valid") {
                match reader.next_body(text) {
                    Some(response) => answers.push((seq, response)),
                    None => break,
                }
            }
        }
        let expected: Vec<_> = calls.iter().map(|(_, text, seq)| (*seq, Response::Taken(text.clone()))).collect();
        prop_assert_eq!(answers, expected);
    }
}

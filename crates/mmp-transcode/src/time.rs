//! Go's `time.Time` as gob carries it, and as frames do.
//!
//! Gob (`Time.MarshalBinary`): version byte 1 (or 2, with a seconds part of the zone offset), seconds since January 1 of the year 1 as a big-endian i64, nanoseconds
//! as i32, the zone's offset in minutes as i16 (-1 for UTC).

use mmp_gob::varint;

use crate::error::{Error, Problem};
use crate::msgpack;

/// Seconds from January 1 of the year 1 to 1970.
const UNIX_EPOCH: i64 = 62_135_596_800;

/// Go's zero time, in seconds since 1970.
pub(crate) const ZERO: i64 = -UNIX_EPOCH;

/// Writes a time as a timestamp; Go's zero time as nil.
pub(crate) fn gob_to_msgpack(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let malformed = || Error::invalid(Problem::Wire { expected: "a time" });
    let seconds = bytes.get(1..9).and_then(|b| b.try_into().ok()).map(i64::from_be_bytes).ok_or_else(malformed)?;
    let nanos = bytes.get(9..13).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes).ok_or_else(malformed)?;
    if nanos > 999_999_999 {
        return Err(malformed());
    }
    if seconds == 0 && nanos == 0 {
        msgpack::put_nil(out);
    } else {
        msgpack::put_timestamp(out, seconds.wrapping_sub(UNIX_EPOCH), nanos);
    }
    Ok(())
}

/// Appends a time in UTC as gob carries it, with its length.
pub(crate) fn put_gob(out: &mut Vec<u8>, unix_seconds: i64, nanos: u32) {
    varint::put_uint(out, 15);
    out.push(1);
    out.extend_from_slice(&unix_seconds.wrapping_add(UNIX_EPOCH).to_be_bytes());
    out.extend_from_slice(&nanos.to_be_bytes());
    out.extend_from_slice(&(-1i16).to_be_bytes());
}

/// Appends the zero time as gob carries it: January 1 of the year 1, UTC.
pub(crate) fn put_gob_zero(out: &mut Vec<u8>) {
    put_gob(out, -UNIX_EPOCH, 0);
}

/// Reads `2026-01-31T12:30:00.25+02:00`: seconds since 1970 and nanoseconds.
pub(crate) fn parse_rfc3339(text: &str) -> Option<(i64, u32)> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
    };
    let is = |at: usize, wanted: &[u8]| bytes.get(at).is_some_and(|b| wanted.contains(b));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut at = 19;
    let mut nanos = 0;
    if is(at, b".") {
        let digits = bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        for place in 0..9 {
            let digit = if place < digits { u32::from(bytes[at + 1 + place] - b'0') } else { 0 };
            nanos = nanos * 10 + digit;
        }
        at += 1 + digits;
    }
    let offset = match bytes.get(at)? {
        b'Z' | b'z' if at + 1 == bytes.len() => 0,
        sign @ (b'+' | b'-') if at + 6 == bytes.len() && is(at + 3, b":") => {
            let seconds = number(at + 1, at + 3)? * 3600 + number(at + 4, at + 6)? * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    Some((days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset, nanos))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (years count from March, so the leap day is the last day of a year).
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_is_read_with_fractions_and_offsets() {
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(parse_rfc3339("2024-02-29T23:59:59.5Z"), Some((1_709_251_199, 500_000_000)));
        assert_eq!(parse_rfc3339("2024-03-01T01:59:59+02:00"), Some((1_709_251_199, 0)));
        assert_eq!(parse_rfc3339("0001-01-01T00:00:00Z"), Some((-UNIX_EPOCH, 0)));
        for wrong in ["", "2024-03-01", "2024-13-01T00:00:00Z", "2024-03-01T00:00:00", "2024-03-01T00:00:00.Z"] {
            assert_eq!(parse_rfc3339(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn gob_times_become_timestamps_and_back() {
        let mut gob = Vec::new();
        put_gob(&mut gob, 1_709_251_199, 7);
        let mut frame = Vec::new();
        gob_to_msgpack(&gob[1..], &mut frame).unwrap();
        let token = msgpack::Reader::new(&frame).token();
        assert_eq!(token, Ok(msgpack::Token::Timestamp(1_709_251_199, 7)));
    }
}

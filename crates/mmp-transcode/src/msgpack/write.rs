//! The canonical MessagePack writer.

/// Appends nil.
pub fn put_nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}

/// Appends a bool.
pub fn put_bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xc3 } else { 0xc2 });
}

/// Appends a non-negative integer in the smallest form.
pub fn put_uint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else if value <= 0xff {
        out.extend_from_slice(&[0xcc, value as u8]);
    } else if value <= 0xffff {
        put_sized(out, 0xcd, &(value as u16).to_be_bytes());
    } else if value <= 0xffff_ffff {
        put_sized(out, 0xce, &(value as u32).to_be_bytes());
    } else {
        put_sized(out, 0xcf, &value.to_be_bytes());
    }
}

/// Appends a signed integer in the smallest form; a positive one in the unsigned forms, as msgspec and most libraries do.
pub fn put_int(out: &mut Vec<u8>, value: i64) {
    if value >= 0 {
        put_uint(out, value as u64);
    } else if value >= -32 {
        out.push(value as u8);
    } else if value >= i64::from(i8::MIN) {
        out.extend_from_slice(&[0xd0, value as u8]);
    } else if value >= i64::from(i16::MIN) {
        put_sized(out, 0xd1, &(value as i16).to_be_bytes());
    } else if value >= i64::from(i32::MIN) {
        put_sized(out, 0xd2, &(value as i32).to_be_bytes());
    } else {
        put_sized(out, 0xd3, &value.to_be_bytes());
    }
}

/// Appends a float in 64 bits.
pub fn put_f64(out: &mut Vec<u8>, value: f64) {
    put_sized(out, 0xcb, &value.to_bits().to_be_bytes());
}

/// Appends a string whose bytes are known to be UTF-8.
pub fn put_str(out: &mut Vec<u8>, value: &str) {
    put_str_len(out, value.len());
    out.extend_from_slice(value.as_bytes());
}

/// Appends bytes as a string; what is not UTF-8 becomes U+FFFD.
pub fn put_str_lossy(out: &mut Vec<u8>, value: &[u8]) {
    match std::str::from_utf8(value) {
        Ok(text) => put_str(out, text),
        Err(_) => put_str(out, &String::from_utf8_lossy(value)),
    }
}

/// Appends bytes.
pub fn put_bin(out: &mut Vec<u8>, value: &[u8]) {
    match value.len() {
        n if n <= 0xff => out.extend_from_slice(&[0xc4, n as u8]),
        n if n <= 0xffff => put_sized(out, 0xc5, &(n as u16).to_be_bytes()),
        n => put_sized(out, 0xc6, &(n as u32).to_be_bytes()),
    }
    out.extend_from_slice(value);
}

/// Appends the head of an array.
pub fn put_array_len(out: &mut Vec<u8>, len: usize) {
    match len {
        n if n < 16 => out.push(0x90 | n as u8),
        n if n <= 0xffff => put_sized(out, 0xdc, &(n as u16).to_be_bytes()),
        n => put_sized(out, 0xdd, &(n as u32).to_be_bytes()),
    }
}

/// Appends the head of a map.
pub fn put_map_len(out: &mut Vec<u8>, len: usize) {
    match len {
        n if n < 16 => out.push(0x80 | n as u8),
        n if n <= 0xffff => put_sized(out, 0xde, &(n as u16).to_be_bytes()),
        n => put_sized(out, 0xdf, &(n as u32).to_be_bytes()),
    }
}

/// Appends a point in time (seconds since 1970, nanoseconds) in the smallest of the three timestamp forms.
pub fn put_timestamp(out: &mut Vec<u8>, seconds: i64, nanos: u32) {
    if (0..1 << 34).contains(&seconds) {
        if nanos == 0 && seconds <= 0xffff_ffff {
            out.extend_from_slice(&[0xd6, 0xff]);
            out.extend_from_slice(&(seconds as u32).to_be_bytes());
        } else {
            out.extend_from_slice(&[0xd7, 0xff]);
            out.extend_from_slice(&((u64::from(nanos) << 34) | seconds as u64).to_be_bytes());
        }
    } else {
        out.extend_from_slice(&[0xc7, 12, 0xff]);
        out.extend_from_slice(&nanos.to_be_bytes());
        out.extend_from_slice(&seconds.to_be_bytes());
    }
}

/// Where a map began whose length is not known yet.
#[derive(Debug)]
#[must_use]
pub struct MapMark(usize);

/// Begins a map; [`end_map`] writes its length.
pub fn begin_map(out: &mut Vec<u8>) -> MapMark {
    out.push(0x80);
    MapMark(out.len() - 1)
}

/// Writes the length of a map that [`begin_map`] began. One byte was reserved, enough for 15 entries; a longer map's contents move by two or four bytes.
pub fn end_map(out: &mut Vec<u8>, mark: MapMark, len: usize) {
    if len < 16 {
        out[mark.0] = 0x80 | len as u8;
        return;
    }
    let (marker, more) = if len <= 0xffff { (0xde, 2) } else { (0xdf, 4) };
    let start = mark.0 + 1;
    let end = out.len();
    out.resize(end + more, 0);
    out.copy_within(start..end, start + more);
    out[mark.0] = marker;
    out[start..start + more].copy_from_slice(&(len as u32).to_be_bytes()[4 - more..]);
}

fn put_str_len(out: &mut Vec<u8>, len: usize) {
    match len {
        n if n < 32 => out.push(0xa0 | n as u8),
        n if n <= 0xff => out.extend_from_slice(&[0xd9, n as u8]),
        n if n <= 0xffff => put_sized(out, 0xda, &(n as u16).to_be_bytes()),
        n => put_sized(out, 0xdb, &(n as u32).to_be_bytes()),
    }
}

fn put_sized(out: &mut Vec<u8>, marker: u8, bytes: &[u8]) {
    out.push(marker);
    out.extend_from_slice(bytes);
}

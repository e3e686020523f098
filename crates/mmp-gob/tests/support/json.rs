//! Compares values with the JSON form of the golden values, which `shared/vectors/README.md` describes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mmp_gob::{Interface, Time, Value};
use serde_json::Value as Json;

/// Types that Go calls by another name than the one under which it registers them.
const RENAMED: &[(&str, &str)] = &[
    ("[]*model.MessageAttachment", "[]*model.SlackAttachment"),
    (
        "model.PropertyOptions[*github.com/mattermost/mattermost/server/public/model.PluginPropertyOption]",
        "github.com/mattermost/mattermost/server/public/model.PropertyOptions[*github.com/mattermost/mattermost/server/public/model.PluginPropertyOption]",
    ),
];

/// Says where the value differs from what Go decoded.
pub(crate) fn compare(value: &Value, json: &Json) -> Result<(), String> {
    let equal = match (value, json) {
        (Value::Nil, Json::Null) => true,
        (Value::List(list), Json::Null) => list.is_empty(),
        (Value::Bytes(bytes), Json::Null) => bytes.is_empty(),
        (Value::Bool(v), Json::Bool(j)) => v == j,
        (Value::Int(v), Json::Number(j)) => j.as_i64() == Some(*v),
        (Value::Uint(v), Json::Number(j)) => j.as_u64() == Some(*v),
        (Value::Float(v), Json::Number(j)) => j.as_f64() == Some(*v),
        (Value::String(v), Json::String(j)) => *v.to_string_lossy() == **j,
        (Value::List(list), Json::Array(items)) => return compare_lists(list, items),
        (Value::Map(pairs), Json::Object(j)) => return compare_maps(pairs, j),
        (Value::Struct(s), Json::Object(j)) => {
            // Zero values are left out, structs too, which gob nevertheless sends.
            let sent = s.fields.iter().filter(|(name, v)| j.contains_key(&**name) || !is_zero(v));
            return compare_members(sent.map(|(name, v)| (name.to_string(), v)), j);
        }
        (Value::Bytes(v), Json::Object(j)) => j.get("$bytes").is_some_and(|j| is_base64(j, v.as_bytes())),
        (Value::Opaque(v), Json::Object(j)) => compare_opaque(v.as_bytes(), j),
        (Value::Interface(v), Json::Object(j)) => return compare_interfaces(v, j),
        _ => false,
    };
    if equal { Ok(()) } else { Err(format!(": got {value:?}, want {json}")) }
}

fn is_zero(value: &Value) -> bool {
    matches!(value, Value::Struct(s) if s.fields.iter().all(|(_, v)| is_zero(v)))
}

fn compare_lists(list: &[Value], items: &[Json]) -> Result<(), String> {
    if list.len() != items.len() {
        return Err(format!(": {} elements, want {}", list.len(), items.len()));
    }
    list.iter().zip(items).enumerate().try_for_each(|(n, (v, j))| compare(v, j).map_err(|e| format!("[{n}]{e}")))
}

fn compare_maps(pairs: &[(Value, Value)], j: &serde_json::Map<String, Json>) -> Result<(), String> {
    let text = |key: &Value| match key {
        Value::String(s) => s.to_string_lossy().into_owned(),
        Value::Int(n) => n.to_string(),
        Value::Uint(n) => n.to_string(),
        other => format!("{other:?}"),
    };
    compare_members(pairs.iter().map(|(k, v)| (text(k), v)), j)
}

fn compare_members<'a>(
    members: impl Iterator<Item = (String, &'a Value)>,
    j: &serde_json::Map<String, Json>,
) -> Result<(), String> {
    let mut count = 0;
    for (name, value) in members {
        let want = j.get(&name).ok_or_else(|| format!(".{name}: got {value:?}, want nothing"))?;
        compare(value, want).map_err(|e| format!(".{name}{e}"))?;
        count += 1;
    }
    if count == j.len() { Ok(()) } else { Err(format!(": {count} members, want {}", j.len())) }
}

fn compare_interfaces(v: &Interface, j: &serde_json::Map<String, Json>) -> Result<(), String> {
    let (Some(Json::String(name)), Some(contents)) = (j.get("$type"), j.get("$value")) else {
        return Err(format!(": got {v:?}, want {j:?}"));
    };
    let registered = RENAMED.iter().find(|(go, _)| go == name).map_or(&**name, |(_, wire)| wire);
    if v.name != registered {
        return Err(format!(": registered name {}, want {registered}", v.name));
    }
    compare(&v.value, contents)
}

/// Types with their own encoding: a time by value is shown as RFC 3339, one behind a pointer and a URL by their bytes.
fn compare_opaque(bytes: &[u8], j: &serde_json::Map<String, Json>) -> bool {
    match (j.get("$time"), j.get("$binary")) {
        (Some(Json::String(text)), None) => Time::from_bytes(bytes).is_ok_and(|t| rfc3339(&t) == *text),
        (None, Some(binary)) => is_base64(binary, bytes),
        _ => false,
    }
}

fn is_base64(j: &Json, bytes: &[u8]) -> bool {
    j.as_str().is_some_and(|text| STANDARD.decode(text).is_ok_and(|decoded| decoded == bytes))
}

/// Go's `time.RFC3339Nano`.
pub(crate) fn rfc3339(t: &Time) -> String {
    let offset = i64::from(t.offset.unwrap_or(0));
    let local = t.seconds + offset;
    let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let mut text =
        format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    if t.nanos > 0 {
        let digits = format!("{:09}", t.nanos);
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    if offset == 0 {
        return text + "Z";
    }
    let sign = if offset < 0 { '-' } else { '+' };
    text + &format!("{sign}{:02}:{:02}", offset.abs() / 3600, offset.abs() / 60 % 60)
}

/// Year, month and day, given the days since the first of January of year 1.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years that begin in March make the leap day the last one of its year.
    let days = days + 306;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

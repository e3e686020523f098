//! The deadline that a caller sets with the header `grpc-timeout`.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;
use tonic::Status;

/// When the caller no longer waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// The deadline of a call that begins now.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the header cannot be read.
    pub(super) fn of(headers: &HeaderMap) -> Result<Deadline, Status> {
        let Some(value) = headers.get("grpc-timeout") else { return Ok(Deadline(None)) };
        let timeout = value.to_str().ok().and_then(parse);
        let timeout = timeout.ok_or_else(|| Status::invalid_argument("the header grpc-timeout cannot be read"))?;
        // A deadline beyond what the clock can count is none.
        Ok(Deadline(Instant::now().checked_add(timeout)))
    }

    /// Waits for the work, but not longer than the caller does. Work that is dropped cancels its call.
    ///
    /// # Errors
    /// DEADLINE_EXCEEDED, or that of the work.
    pub(super) async fn limit<R>(self, work: impl Future<Output = Result<R, Status>>) -> Result<R, Status> {
        let Some(at) = self.0 else { return work.await };
        let late = |_| Err(Status::deadline_exceeded("the server did not answer before the deadline of the call"));
        tokio::time::timeout_at(at, work).await.unwrap_or_else(late)
    }
}

/// At most eight digits and a unit (the gRPC protocol over HTTP/2, "Timeout").
fn parse(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        let rows = [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("99999999S", Duration::from_secs(99_999_999)),
            ("5m", Duration::from_millis(5)),
            ("6u", Duration::from_micros(6)),
            ("0n", Duration::ZERO),
        ];
        for (text, duration) in rows {
            assert_eq!(parse(text), Some(duration), "{text}");
        }
        for text in ["", "S", "1", "1s", "-1S", "+1S", "123456789S", "1\u{e9}", "1 S"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_given_up_at_the_deadline() {
        let headers = HeaderMap::from_iter([("grpc-timeout".parse().unwrap(), "5S".parse().unwrap())]);
        let deadline = Deadline::of(&headers).unwrap();
        let never = std::future::pending::<Result<(), Status>>();
        assert_eq!(deadline.limit(never).await.unwrap_err().code(), tonic::Code::DeadlineExceeded);
        let none = Deadline::of(&HeaderMap::new()).unwrap();
        assert_eq!(none.limit(async { Ok(1) }).await.unwrap(), 1);
    }
}

//! ServeHTTP and ServeMetrics: a request from the host to the worker, and the response back.

mod connection;
mod exchange;
mod headers;
mod hook;
mod response;
mod response_writer;

use std::collections::HashMap;
use std::time::Instant;

pub(crate) use exchange::Exchange;
pub(crate) use hook::{COME_BACK, SERVE_METRICS};

use crate::ids;

/// The exchanges that are under way.
#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    exchanges: HashMap<u32, Exchange>,
    next: u32,
}

impl Exchanges {
    /// A new exchange and its number.
    fn insert(&mut self, exchange: Exchange) -> u32 {
        let id = ids::unused(&self.exchanges, self.next);
        self.next = id.wrapping_add(1);
        self.exchanges.insert(id, exchange);
        id
    }

    /// The exchange with this number.
    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Exchange> {
        self.exchanges.get_mut(&id)
    }

    /// Whether any is under way that began before this time.
    pub(crate) fn is_any_left(&self, since: Instant) -> bool {
        self.exchanges.values().any(|exchange| exchange.began <= since)
    }

    fn remove(&mut self, id: u32) -> Option<Exchange> {
        self.exchanges.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_use_is_not_given_out_again() {
        let mut exchanges = Exchanges::default();
        let long = exchanges.insert(exchange::tests::exchange());
        exchanges.next = u32::MAX;
        assert_eq!(exchanges.insert(exchange::tests::exchange()), u32::MAX);
        assert_eq!((long, exchanges.insert(exchange::tests::exchange())), (0, 1));
        assert_eq!(exchanges.exchanges.len(), 3);
    }
}

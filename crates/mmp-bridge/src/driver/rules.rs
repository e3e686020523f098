//! What each method of the driver does with the ids that the server hands out.

use mmp_transcode::schema::Method;

/// What an id stands for. Those of a connection are closed in this order, and the connection last: a connection that still has rows would go back to the server's pool with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Rows,
    Transaction,
    Statement,
    Connection,
}

impl Kind {
    /// The method that closes it.
    pub(super) fn closing(self) -> &'static str {
        match self {
            Kind::Rows => "RowsClose",
            Kind::Transaction => "TxRollback",
            Kind::Statement => "StmtClose",
            Kind::Connection => "ConnClose",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Rows => "set of rows",
            Kind::Transaction => "transaction",
            Kind::Statement => "statement",
            Kind::Connection => "connection",
        }
    }
}

/// What a method does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    /// What the id stands for that is its first argument; None for `Conn`, which has none.
    pub(super) takes: Option<Kind>,
    /// What it returns the id of.
    pub(super) gives: Option<Kind>,
    /// Whether the id that it takes is over then.
    pub(super) ends: bool,
}

/// Whether a method does nothing but to close what it takes.
pub(super) fn closes(method: &Method) -> bool {
    rule(method).and_then(|rule| rule.takes).is_some_and(|kind| kind.closing() == method.name)
}

/// The rule of a method; None for one that is not known here, and is not called.
pub(super) fn rule(method: &Method) -> Option<Rule> {
    let takes = |kind| Rule { takes: Some(kind), gives: None, ends: false };
    let gives = |kind, given| Rule { gives: Some(given), ..takes(kind) };
    let ends = |kind| Rule { ends: true, ..takes(kind) };
    Some(match method.name {
        "Conn" => Rule { takes: None, gives: Some(Kind::Connection), ends: false },
        "ConnPing" | "ConnExec" => takes(Kind::Connection),
        "ConnQuery" => gives(Kind::Connection, Kind::Rows),
        "Tx" => gives(Kind::Connection, Kind::Transaction),
        "Stmt" => gives(Kind::Connection, Kind::Statement),
        "ConnClose" => ends(Kind::Connection),
        "TxCommit" | "TxRollback" => ends(Kind::Transaction),
        "StmtNumInput" | "StmtExec" => takes(Kind::Statement),
        "StmtQuery" => gives(Kind::Statement, Kind::Rows),
        "StmtClose" => ends(Kind::Statement),
        "RowsClose" => ends(Kind::Rows),
        name if name.starts_with("Rows") => takes(Kind::Rows),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmp_transcode::generated;

    #[test]
    fn every_method_has_a_rule() {
        for method in generated::DRIVER {
            let rule = rule(method).unwrap_or_else(|| panic!("{} has none", method.name));
            let first = method.args.first().map(|slot| slot.kind);
            let takes_id = matches!(first, Some(mmp_transcode::schema::Kind::String));
            assert_eq!(rule.takes.is_some(), takes_id, "{}", method.name);
        }
    }

    #[test]
    fn what_closes_an_id_ends_it() {
        for kind in [Kind::Rows, Kind::Transaction, Kind::Statement, Kind::Connection] {
            let method = generated::driver_by_name(kind.closing()).unwrap();
            assert_eq!(rule(method), Some(Rule { takes: Some(kind), gives: None, ends: true }));
        }
    }
}

//! `schema/lock.toml`: numbers that, once given, are never given to anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Deserialize;

use crate::calls::Calls;
use crate::error::{Error, Result, no_faults};
use crate::messages;
use crate::schema::Schema;

/// Driver methods are numbered from here, so that their ids and those of the API never meet: both are sent as API_CALL.
pub const DRIVER_BASE: u16 = 0x1000;

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The Mattermost version that it was last written for.
    #[serde(default)]
    pub mattermost: String,
    /// Frame ids of API methods.
    #[serde(default)]
    pub api: Numbers,
    /// Frame ids of driver methods.
    #[serde(default)]
    pub driver: Numbers,
    /// Frame ids of hooks: Mattermost's own.
    #[serde(default)]
    pub hooks: Numbers,
    /// Protobuf field numbers of models: type, Go field, number.
    #[serde(default)]
    pub fields: Tables,
    /// The same for what methods take: method, field of the request, number.
    #[serde(default)]
    pub request: Tables,
    /// The same for what methods give: method, field of the response, number.
    #[serde(default)]
    pub response: Tables,
    /// What was removed and keeps its numbers.
    #[serde(default)]
    pub reserved: Reserved,
}

/// Numbers by name.
pub type Numbers = BTreeMap<String, u16>;

/// Numbers by name, by the name of what has them.
pub type Tables = BTreeMap<String, Numbers>;

/// See [`Lock::reserved`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserved {
    /// Of [`Lock::api`].
    #[serde(default)]
    pub api: Numbers,
    /// Of [`Lock::driver`].
    #[serde(default)]
    pub driver: Numbers,
    /// Of [`Lock::hooks`].
    #[serde(default)]
    pub hooks: Numbers,
    /// Of [`Lock::fields`].
    #[serde(default)]
    pub fields: Tables,
    /// Of [`Lock::request`].
    #[serde(default)]
    pub request: Tables,
    /// Of [`Lock::response`].
    #[serde(default)]
    pub response: Tables,
}

/// What differs between two locks, as `api.GetUser`, `types.Post`, `fields.Post.Id`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What is new.
    pub added: Vec<String>,
    /// What is gone.
    pub removed: Vec<String>,
}

impl Lock {
    /// Reads the text of the file.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The lock for `schema`: names that were known, now or earlier, keep their numbers, new ones get the next ones.
    pub fn updated(&self, schema: &Schema) -> Result<Self> {
        let names = |methods: &[crate::schema::Method]| methods.iter().map(|m| m.name.clone()).collect::<Vec<_>>();
        let (api, api_reserved) = renumber(&self.api, &self.reserved.api, &names(&schema.api), 1, DRIVER_BASE)?;
        let (driver, driver_reserved) =
            renumber(&self.driver, &self.reserved.driver, &names(&schema.driver), DRIVER_BASE, u16::MAX)?;
        let (hooks, hooks_reserved) = self.hooks(schema)?;
        let mut next = Self {
            mattermost: schema.mattermost.clone(),
            api,
            driver,
            hooks,
            reserved: Reserved {
                api: api_reserved,
                driver: driver_reserved,
                hooks: hooks_reserved,
                ..Reserved::default()
            },
            ..Self::default()
        };
        self.update_fields(schema, &mut next)?;
        Ok(next)
    }

    /// Mattermost numbers the hooks itself; a number that changes its meaning is a fault of the schema.
    fn hooks(&self, schema: &Schema) -> Result<(Numbers, Numbers)> {
        let current: Numbers = schema.hooks.iter().filter_map(|h| Some((h.name.clone(), h.id?))).collect();
        let known: Numbers = self.reserved.hooks.iter().chain(&self.hooks).map(|(n, id)| (n.clone(), *id)).collect();
        let mut faults = Vec::new();
        for (name, id) in &current {
            if let Some((earlier, _)) = known.iter().find(|(earlier, known)| *known == id && *earlier != name) {
                faults.push(format!("hooks.{name}: id {id} belongs to {earlier} in lock.toml"));
            }
            if let Some(earlier) = known.get(name).filter(|earlier| *earlier != id) {
                faults.push(format!("hooks.{name}: id {id}, but lock.toml says {earlier}"));
            }
        }
        no_faults(faults)?;
        let reserved = known.into_iter().filter(|(name, _)| !current.contains_key(name)).collect();
        Ok((current, reserved))
    }

    fn update_fields(&self, schema: &Schema, next: &mut Self) -> Result<()> {
        let none = Numbers::new();
        let mut types: BTreeSet<&str> = schema.structs().map(|(name, _)| name).collect();
        types.extend(self.fields.keys().chain(self.reserved.fields.keys()).map(String::as_str));
        for name in types {
            let used = self.fields.get(name).unwrap_or(&none);
            let reserved = self.reserved.fields.get(name).unwrap_or(&none);
            let is_struct = !schema.wire.contains_key(name);
            let fields = schema.fields(name).filter(|_| is_struct).unwrap_or_default();
            let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
            let (used, reserved) = renumber(used, reserved, &names, 1, PROTOBUF_RESERVED)?;
            if schema.types.contains_key(name) && is_struct && schema.fields(name).is_some() {
                next.fields.insert(name.to_owned(), used);
            }
            if !reserved.is_empty() {
                next.reserved.fields.insert(name.to_owned(), reserved);
            }
        }
        Ok(())
    }

    /// Numbers the fields of requests and responses in `next`, which is [`Lock::updated`] of this lock.
    pub(crate) fn update_messages(&self, calls: &Calls, next: &mut Self) -> Result<()> {
        let all = || calls.api.iter().chain(&calls.hooks).chain(&calls.driver);
        let requests = all().map(|call| (call.method.name.as_str(), messages::request_fields(call))).collect();
        let responses = all().map(|call| (call.method.name.as_str(), messages::response_fields(call))).collect();
        (next.request, next.reserved.request) = renumber_all(&self.request, &self.reserved.request, &requests)?;
        (next.response, next.reserved.response) = renumber_all(&self.response, &self.reserved.response, &responses)?;
        Ok(())
    }

    /// What is in this lock and not in the earlier one, and the reverse. Fields of types that are new or gone are not listed.
    pub fn changes_since(&self, earlier: &Self) -> Changes {
        let mut changes = Changes::default();
        for (section, now, before) in [
            ("api", &self.api, &earlier.api),
            ("hooks", &self.hooks, &earlier.hooks),
            ("driver", &self.driver, &earlier.driver),
        ] {
            changes.compare(section, now.keys(), before.keys());
        }
        changes.compare("types", self.fields.keys(), earlier.fields.keys());
        for (section, now, before) in [
            ("fields", &self.fields, &earlier.fields),
            ("request", &self.request, &earlier.request),
            ("response", &self.response, &earlier.response),
        ] {
            for (name, now) in now {
                if let Some(before) = before.get(name) {
                    changes.compare(&format!("{section}.{name}"), now.keys(), before.keys());
                }
            }
        }
        changes
    }

    /// The text of the file; every section is in the order of its numbers.
    pub fn to_toml(&self) -> String {
        let mut out = String::from(
            "# Written by `cargo xtask gen`; DO NOT EDIT. A number that was given once is never given to anything else:\n\
             # what Mattermost removes is kept under [reserved].\n\n",
        );
        // Writing to a string cannot fail.
        let _ = writeln!(out, "mattermost = \"{}\"", self.mattermost);
        for (name, numbers) in [("api", &self.api), ("driver", &self.driver), ("hooks", &self.hooks)] {
            section(&mut out, name, numbers);
        }
        sections(&mut out, "fields", &self.fields);
        sections(&mut out, "request", &self.request);
        sections(&mut out, "response", &self.response);
        let reserved = &self.reserved;
        for (name, numbers) in [("api", &reserved.api), ("driver", &reserved.driver), ("hooks", &reserved.hooks)] {
            if !numbers.is_empty() {
                section(&mut out, &format!("reserved.{name}"), numbers);
            }
        }
        sections(&mut out, "reserved.fields", &reserved.fields);
        sections(&mut out, "reserved.request", &reserved.request);
        sections(&mut out, "reserved.response", &reserved.response);
        out
    }
}

/// Protobuf keeps the field numbers from 19000 for itself.
const PROTOBUF_RESERVED: u16 = 19_000;

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    fn compare<'a>(
        &mut self,
        section: &str,
        now: impl Iterator<Item = &'a String>,
        before: impl Iterator<Item = &'a String>,
    ) {
        let now: BTreeSet<_> = now.collect();
        let before: BTreeSet<_> = before.collect();
        self.added.extend(now.difference(&before).map(|name| format!("{section}.{name}")));
        self.removed.extend(before.difference(&now).map(|name| format!("{section}.{name}")));
    }
}

/// Numbers for `names`, and the numbers that no name uses any more. New names get numbers above every number ever given.
fn renumber(used: &Numbers, reserved: &Numbers, names: &[String], first: u16, end: u16) -> Result<(Numbers, Numbers)> {
    let mut known: Numbers = reserved.clone();
    known.extend(used.iter().map(|(name, number)| (name.clone(), *number)));
    let mut next = known.values().max().map_or(first, |last| last.saturating_add(1));
    let mut numbers = Numbers::new();
    for name in names {
        let number = known.remove(name).unwrap_or_else(|| {
            let number = next;
            next = next.saturating_add(1);
            number
        });
        if number >= end {
            return Err(Error::schema(format!("lock.toml: no number below {end} is left for `{name}`")));
        }
        numbers.insert(name.clone(), number);
    }
    Ok((numbers, known))
}

/// [`renumber`] for every table; those without a name have no numbers.
fn renumber_all(used: &Tables, reserved: &Tables, names: &BTreeMap<&str, Vec<String>>) -> Result<(Tables, Tables)> {
    let none = (Numbers::new(), Vec::new());
    let keys: BTreeSet<&str> =
        names.keys().copied().chain(used.keys().chain(reserved.keys()).map(String::as_str)).collect();
    let (mut numbers, mut gone) = (Tables::new(), Tables::new());
    for key in keys {
        let (used, reserved) = (used.get(key).unwrap_or(&none.0), reserved.get(key).unwrap_or(&none.0));
        let (now, left) = renumber(used, reserved, names.get(key).unwrap_or(&none.1), 1, PROTOBUF_RESERVED)?;
        for (tables, table) in [(&mut numbers, now), (&mut gone, left)] {
            if !table.is_empty() {
                tables.insert(key.to_owned(), table);
            }
        }
    }
    Ok((numbers, gone))
}

fn sections(out: &mut String, prefix: &str, tables: &Tables) {
    for (name, numbers) in tables {
        section(out, &format!("{prefix}.{name}"), numbers);
    }
}

fn section(out: &mut String, name: &str, numbers: &Numbers) {
    let mut sorted: Vec<_> = numbers.iter().collect();
    sorted.sort_by_key(|(_, number)| **number);
    let _ = writeln!(out, "\n[{name}]");
    for (name, number) in sorted {
        let _ = writeln!(out, "{name} = {number}");
    }
}

//! Messages: their fields in the order of their numbers, and the numbers that they must not use again.

use std::collections::BTreeMap;

use super::comments::comment;
use super::file::File;
use super::types::FieldType;
use crate::error::{Result, no_faults};
use crate::lock::Numbers;
use crate::messages::check_fields;

/// A message that grows.
pub(super) struct Message {
    name: String,
    doc: String,
    fields: Vec<Field>,
    reserved: Vec<u16>,
    reserved_names: Vec<String>,
}

/// A field of a message.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) number: u16,
    pub(super) ty: FieldType,
    pub(super) doc: String,
    /// What stands behind it on its line.
    pub(super) note: String,
}

impl Message {
    /// A message without fields.
    pub(super) fn new(name: &str, doc: &str) -> Self {
        Self {
            name: name.to_owned(),
            doc: doc.to_owned(),
            fields: Vec::new(),
            reserved: Vec::new(),
            reserved_names: Vec::new(),
        }
    }

    /// Adds a field.
    pub(super) fn field(&mut self, field: Field) {
        self.fields.push(field);
    }

    /// Keeps these numbers from being used.
    pub(super) fn reserve(&mut self, numbers: Option<&Numbers>) {
        self.reserved.extend(numbers.into_iter().flat_map(Numbers::values));
    }

    /// Keeps these fields, by their names in protobuf, and their numbers from being used.
    pub(super) fn reserve_fields(&mut self, fields: Option<&Numbers>) {
        self.reserve(fields);
        self.reserved_names.extend(fields.into_iter().flat_map(Numbers::keys).map(|name| format!("\"{name}\"")));
    }

    /// Adds the message to a file, with the imports that it needs.
    pub(super) fn add_to(mut self, file: &mut File, faults: &mut Vec<String>) {
        self.fields.sort_by_key(|field| field.number);
        self.reserved.sort_unstable();
        let names: Vec<String> = self.fields.iter().map(|field| field.name.clone()).collect();
        check_fields(&self.name, &names, faults);
        for import in self.fields.iter().flat_map(|field| &field.ty.imports) {
            file.import(import);
        }
        file.add(&[&self.name], &self.text());
    }

    fn text(&self) -> String {
        let head = format!("{}message {} {{", comment("", &self.doc), self.name);
        if self.fields.is_empty() && self.reserved.is_empty() {
            return format!("{head}}}");
        }
        let mut out = format!("{head}\n");
        if !self.reserved.is_empty() {
            let numbers: Vec<String> = self.reserved.iter().map(u16::to_string).collect();
            out.push_str(&format!("  reserved {};\n", numbers.join(", ")));
        }
        if !self.reserved_names.is_empty() {
            out.push_str(&format!("  reserved {};\n", self.reserved_names.join(", ")));
        }
        for field in &self.fields {
            out.push_str(&comment("  ", &field.doc));
            let note = if field.note.is_empty() { String::new() } else { format!(" // {}", field.note) };
            out.push_str(&format!("  {} {} = {};{note}\n", field.ty.text, field.name, field.number));
        }
        out.push('}');
        out
    }
}

/// Reports names that two files declare.
pub(super) fn check_names(files: &[File]) -> Result<()> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let mut faults = Vec::new();
    for file in files {
        for name in &file.declared {
            if let Some(other) = seen.insert(name, &file.name) {
                faults.push(format!("protobuf: `{name}` is in {other}.proto and in {}.proto", file.name));
            }
        }
    }
    no_faults(faults)
}

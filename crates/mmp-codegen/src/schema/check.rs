//! The checks that a schema is closed (every name is defined) and sound (no name twice, no type that contains itself by value).

use std::collections::BTreeSet;

use super::model::{Field, Method, Schema, TypeDef};
use super::type_expr::{Basic, Type};
use crate::error::{Result, no_faults};

impl Schema {
    /// Reports everything that is wrong with the schema.
    pub fn check(&self) -> Result<()> {
        let mut faults = Vec::new();
        if self.format != 1 {
            faults.push(format!("format {} is unknown, this generator reads format 1", self.format));
        }
        self.check_types(&mut faults);
        self.check_methods("api", &self.api, &mut faults);
        self.check_methods("hooks", &self.hooks, &mut faults);
        self.check_methods("driver", &self.driver, &mut faults);
        self.check_hook_ids(&mut faults);
        for registered in &self.registered {
            self.check_type(&format!("registered.{}", registered.name), &registered.ty, &mut faults);
        }
        no_faults(faults)
    }

    fn check_types(&self, faults: &mut Vec<String>) {
        for (name, def) in &self.types {
            match def {
                TypeDef::Struct { fields, .. } => self.check_fields(&format!("types.{name}"), fields, faults),
                TypeDef::Named { ty, .. } => {
                    self.check_type(&format!("types.{name}"), ty, faults);
                    self.check_named_cycle(name, faults);
                }
            }
            if self.wire.contains_key(name) {
                faults.push(format!("`{name}` is both in types and in wire"));
            }
        }
        for (name, wire) in &self.wire {
            self.check_fields(&format!("wire.{name}"), &wire.fields, faults);
        }
    }

    fn check_fields(&self, place: &str, fields: &[Field], faults: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for field in fields {
            let place = format!("{place}.{}", field.name);
            if !seen.insert(&field.name) {
                faults.push(format!("{place} is there twice"));
            }
            self.check_type(&place, &field.ty, faults);
            if field.embedded && self.embedded_struct(field).is_none() {
                faults.push(format!("{place} is embedded, but `{}` is not a struct", field.ty));
            }
        }
    }

    fn check_type(&self, place: &str, ty: &Type, faults: &mut Vec<String>) {
        for name in ty.names() {
            if !self.types.contains_key(name) {
                faults.push(format!("{place}: type `{name}` is not defined"));
            }
        }
    }

    /// A named type may refer to itself only through a struct: everything else would make the collapsed type infinite.
    fn check_named_cycle(&self, start: &str, faults: &mut Vec<String>) {
        let mut open = vec![start];
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            let Some(TypeDef::Named { ty, .. }) = self.types.get(name) else { continue };
            for next in ty.names() {
                if next == start {
                    faults.push(format!("types.{start} contains itself"));
                    return;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
    }

    fn check_methods(&self, list: &str, methods: &[Method], faults: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for method in methods {
            let place = format!("{list}.{}", method.name);
            if !seen.insert(&method.name) {
                faults.push(format!("{place} is there twice"));
            }
            for param in method.params.iter().chain(&method.results).filter(|param| !param.stream) {
                match param.ty() {
                    Ok(ty) => self.check_type(&place, &ty, faults),
                    Err(fault) => faults.push(format!("{place}: {fault}")),
                }
            }
            for rpc in [&method.rpc.args, &method.rpc.returns] {
                self.check_rpc(&place, rpc, faults);
            }
        }
    }

    fn check_rpc(&self, place: &str, ty: &Type, faults: &mut Vec<String>) {
        match ty {
            Type::Named(name) if self.wire.contains_key(name) => {}
            bare => self.check_type(place, bare, faults),
        }
    }

    fn check_hook_ids(&self, faults: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for hook in &self.hooks {
            match hook.id {
                Some(id) if !seen.insert(id) => faults.push(format!("hooks.{}: id {id} is there twice", hook.name)),
                None if hook.rpc.args != Type::Basic(Basic::Unit) => {
                    faults.push(format!("hooks.{} has no id; only Implemented may lack one", hook.name));
                }
                _ => {}
            }
        }
    }
}

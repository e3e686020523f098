//! How the positional arguments and results of a frame map to the fields of the RPC structs.
//!
//! The Go names of those fields are letters by position (`A` for the first parameter), but some methods name their fields, and a few
//! send one bare value. A stream has a field for the number under which the broker knows it, and sometimes further ones, for what
//! travels beside its bytes; these become positions too. A method that fits none of these is a fault, never a guess.

use std::collections::BTreeMap;

use crate::error::{Result, no_faults};
use crate::handling::{self, Deadline, Reject};
use crate::lock::{Lock, Numbers};
use crate::overrides::{Echo, Overrides};
use crate::schema::{Basic, Field, Method, Param, Rpc, Schema, Type};

/// The planned methods of each service, by id.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    /// The plugin API.
    pub api: Vec<Call>,
    /// The hooks, without `Implemented`, which is no frame.
    pub hooks: Vec<Call>,
    /// The database driver.
    pub driver: Vec<Call>,
    /// The API methods with streams whose RPC of the method's own name is an earlier form, which sends whole bodies. They have the ids
    /// of those methods.
    pub buffered: Vec<Call>,
}

/// A method as a frame.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The id in frames.
    pub id: u16,
    /// The positional arguments.
    pub args: Vec<Slot>,
    /// The positional results, without the error.
    pub results: Vec<Slot>,
    /// Where the error is.
    pub error: Option<Slot>,
    /// The result that echoes an argument.
    pub echo: Option<Echo>,
    /// How a hook refuses what is about to happen, if it can.
    pub reject: Option<Reject>,
    /// Which deadline a hook has; of no meaning for other methods.
    pub deadline: Deadline,
    /// The streams that the RPC argument names; empty if no parameter or result is a stream.
    pub streams: Vec<StreamSlot>,
}

/// A field of the RPC argument that holds the broker number of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSlot {
    /// Index into the fields of the RPC argument.
    pub field: u16,
    /// Go's name of that field.
    pub field_name: String,
}

/// Where one argument or result is found in the RPC struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Index into the fields of the RPC struct; 0 if the RPC type is bare.
    pub field: u16,
    /// Go's name of that field; empty if the RPC type is bare.
    pub field_name: String,
    /// Go's name of the parameter; empty for most results.
    pub name: String,
    /// The type in frames.
    pub ty: Type,
    /// Whether Go takes any number of them.
    pub variadic: bool,
    /// Whether a nil pointer may be sent.
    pub nil_ok: bool,
    /// The name of the field of the protobuf message that holds it; empty for the earlier forms of methods.
    pub field_in_proto: String,
    /// The number of that field; 0 where there is none.
    pub tag: u32,
}

/// Plans every method, or reports all that do not fit.
pub(crate) fn plan(schema: &Schema, overrides: &Overrides, lock: &Lock) -> Result<Calls> {
    let mut faults = Vec::new();
    let mut plan_all = |list: &str, methods: &[Method], ids: &Numbers| {
        let mut calls = Vec::new();
        for method in methods {
            let Some(id) = ids.get(&method.name) else { continue };
            match plan_method(schema, overrides, list == "hooks", method, *id) {
                Ok(call) => calls.push(call),
                Err(fault) => faults.push(format!("{list}.{}: {fault}", method.name)),
            }
        }
        calls.sort_by_key(|call| call.id);
        calls
    };
    let calls = Calls {
        api: plan_all("api", &schema.api, &lock.api),
        hooks: plan_all("hooks", &schema.hooks, &lock.hooks),
        driver: plan_all("driver", &schema.driver, &lock.driver),
        buffered: schema
            .api
            .iter()
            .filter_map(|method| buffered(schema, method, *lock.api.get(&method.name)?))
            .collect(),
    };
    no_faults(faults)?;
    Ok(calls)
}

fn plan_method(schema: &Schema, overrides: &Overrides, hook: bool, method: &Method, id: u16) -> Result<Call, String> {
    let none = BTreeMap::new();
    let out_params = overrides.out_params.get(&method.name).unwrap_or(&none);
    let has_streams = method.params.iter().chain(&method.results).any(|param| param.stream);
    let nil_ok = |param: &str| !hook && overrides.nil_ok.api.contains(&format!("{}.{param}", method.name));

    let mut body = Body::new(schema, &method.rpc.args)?;
    let mut args = Vec::new();
    for (position, param) in sent(&method.params) {
        match body.claim(schema, position, param)? {
            Some(slot) => args.push(Slot { nil_ok: hook || nil_ok(&param.name), ..slot }),
            None if out_params.contains_key(&param.name) => {}
            None => return Err(format!("no field of the RPC argument carries the parameter `{}`", param.name)),
        }
    }
    let mut streams = Vec::new();
    if has_streams {
        streams = body.take_stream_numbers();
        let rest = body.take_rest().into_iter().map(|slot| Slot { nil_ok: hook || nil_ok(&slot.name), ..slot });
        args.extend(rest);
        args.sort_by_key(|slot| slot.field);
    }
    body.check_rest()?;

    let mut body = Body::new(schema, &method.rpc.returns)?;
    let out = out_params.iter().map(|(param, field)| body.claim_named(param, field)).collect::<Result<Vec<_>, _>>()?;
    let mut results = Vec::new();
    let mut error = None;
    let last = method.results.len().checked_sub(1);
    for (position, result) in sent(&method.results) {
        let is_error = Some(position) == last && is_error(&result.ty()?);
        match body.claim(schema, position, result)? {
            Some(slot) if is_error => error = Some(Slot { nil_ok: true, ..slot }),
            Some(slot) => results.push(slot),
            // `LoadPluginConfiguration` and `Implemented`: the error arises on the caller's side and is not sent.
            None if is_error => {}
            None => return Err(format!("no field of the RPC reply carries result {position}")),
        }
    }
    results.extend(out);
    if has_streams {
        results.extend(body.take_rest());
    }
    body.check_rest()?;

    let echo = overrides.echo.get(&method.name).copied().filter(|_| hook);
    check_echo(echo, &args, &results)?;
    let (reject, deadline) = if hook {
        (handling::reject(overrides, method, &results, error.as_ref())?, handling::deadline(overrides, method)?)
    } else {
        (None, Deadline::Result)
    };
    let kinds = overrides.result_kinds.get(&method.name);
    let nil_result = !hook || overrides.nil_ok.hooks.contains(&method.name);
    for (position, slot) in results.iter_mut().enumerate() {
        slot.nil_ok = nil_result || echo.is_some_and(|echo| usize::from(echo.result) == position);
        if let Some(ty) = kinds.and_then(|kinds| kinds.get(&slot.field_name)) {
            slot.ty = ty.clone();
        }
    }
    Ok(Call { method: method.clone(), id, args, results, error, echo, reject, deadline, streams })
}

/// The earlier form of a method that `rpc_names` gives another RPC: every field of its argument and reply is a position.
fn buffered(schema: &Schema, method: &Method, id: u16) -> Option<Call> {
    method.rpc_name.as_ref()?;
    let rpc = Rpc {
        args: Type::Named(format!("{}Args", method.name)),
        returns: Type::Named(format!("{}Returns", method.name)),
    };
    let has = |ty: &Type| ty.names().iter().all(|name| schema.wire.contains_key(*name));
    if !has(&rpc.args) || !has(&rpc.returns) {
        return None;
    }
    let args = Body::new(schema, &rpc.args).ok()?.take_rest();
    let mut results = Body::new(schema, &rpc.returns).ok()?.take_rest();
    results.iter_mut().for_each(|slot| slot.nil_ok = true);
    let method = Method { rpc_name: None, rpc, ..method.clone() };
    let nothing = Call {
        method,
        id,
        args,
        results,
        error: None,
        echo: None,
        reject: None,
        deadline: Deadline::Result,
        streams: Vec::new(),
    };
    Some(nothing)
}

/// The parameters that travel, with their position in the Go method.
fn sent(params: &[Param]) -> impl Iterator<Item = (usize, &Param)> {
    params.iter().enumerate().filter(|(_, param)| !param.stream)
}

fn is_error(ty: &Type) -> bool {
    match ty {
        Type::Basic(Basic::Error) => true,
        Type::Ptr(inner) => **inner == Type::Named("AppError".into()),
        _ => false,
    }
}

fn check_echo(echo: Option<Echo>, args: &[Slot], results: &[Slot]) -> Result<(), String> {
    let Some(echo) = echo else { return Ok(()) };
    let result = results.get(usize::from(echo.result)).ok_or("the echoed result does not exist")?;
    let arg = args.get(usize::from(echo.argument)).ok_or("the echoed argument does not exist")?;
    if result.ty == arg.ty { Ok(()) } else { Err("the echoed argument has another type than the result".into()) }
}

/// An RPC argument or reply, and which of its fields are taken.
struct Body<'a> {
    fields: Fields<'a>,
    claimed: Vec<bool>,
}

enum Fields<'a> {
    Struct(&'a [Field]),
    Bare(&'a Type),
}

impl<'a> Body<'a> {
    fn new(schema: &'a Schema, ty: &'a Type) -> Result<Self, String> {
        let fields = match ty {
            Type::Named(name) => match schema.wire.get(name) {
                Some(wire) => Fields::Struct(&wire.fields),
                None if schema.fields(name).is_some() => return Err(format!("the model `{name}` is sent bare")),
                None => Fields::Bare(ty),
            },
            Type::Basic(Basic::Unit) => Fields::Struct(&[]),
            bare => Fields::Bare(bare),
        };
        let len = if let Fields::Struct(fields) = fields { fields.len() } else { 1 };
        Ok(Self { fields, claimed: vec![false; len] })
    }

    /// Takes the field of the parameter at this position: the one with its letter, else the only free one of its type.
    fn claim(&mut self, schema: &Schema, position: usize, param: &Param) -> Result<Option<Slot>, String> {
        let ty = param.ty()?;
        let same = |field: &Type| schema.collapse(field) == schema.collapse(&ty);
        let found = match self.fields {
            Fields::Bare(bare) => (position == 0 && !self.claimed[0] && same(bare)).then_some(0),
            Fields::Struct(fields) => {
                let free = |index: &usize| !self.claimed[*index] && same(&fields[*index].ty);
                let lettered = fields.iter().position(|field| is_letter(&field.name, position)).filter(&free);
                lettered.or_else(|| only((0..fields.len()).filter(|i| fields[*i].name.len() > 1).filter(free)))
            }
        };
        Ok(found.map(|index| self.take(index, &param.name, param.variadic)))
    }

    fn claim_named(&mut self, param: &str, field: &str) -> Result<Slot, String> {
        let index = match self.fields {
            Fields::Struct(fields) => fields.iter().position(|known| known.name == field),
            Fields::Bare(_) => None,
        };
        let index = index.ok_or_else(|| format!("out_params: the RPC reply has no field `{field}`"))?;
        Ok(self.take(index, param, false))
    }

    fn take(&mut self, index: usize, name: &str, variadic: bool) -> Slot {
        self.claimed[index] = true;
        let (field_name, ty) = match self.fields {
            Fields::Struct(fields) => (fields[index].name.clone(), fields[index].ty.clone()),
            Fields::Bare(ty) => (String::new(), ty.clone()),
        };
        // A Go struct with more than 65,535 fields does not compile.
        let field = u16::try_from(index).unwrap_or(u16::MAX);
        Slot {
            field,
            field_name,
            name: name.to_owned(),
            ty,
            variadic,
            nil_ok: false,
            field_in_proto: String::new(),
            tag: 0,
        }
    }

    /// Takes the numbers of broker streams, which the bridge fills in.
    fn take_stream_numbers(&mut self) -> Vec<StreamSlot> {
        let slots = self.free_fields(|ty| *ty == Type::Basic(Basic::Uint32));
        slots.into_iter().map(|slot| StreamSlot { field: slot.field, field_name: slot.field_name }).collect()
    }

    /// Takes what travels beside the bytes of streams, under Go's names of the fields.
    fn take_rest(&mut self) -> Vec<Slot> {
        self.free_fields(|_| true)
    }

    fn free_fields(&mut self, wanted: impl Fn(&Type) -> bool) -> Vec<Slot> {
        let Fields::Struct(fields) = self.fields else { return Vec::new() };
        let free = (0..fields.len()).filter(|index| !self.claimed[*index] && wanted(&fields[*index].ty));
        let free: Vec<usize> = free.collect();
        free.into_iter().map(|index| self.take(index, &fields[index].name, false)).collect()
    }

    /// Only broker numbers may be left: those of the services that `OnActivate` offers, which no frame carries.
    fn check_rest(&self) -> Result<(), String> {
        let Fields::Struct(fields) = self.fields else {
            return if self.claimed[0] { Ok(()) } else { Err("the bare RPC value is not used".into()) };
        };
        for (field, claimed) in fields.iter().zip(&self.claimed) {
            if !claimed && field.ty != Type::Basic(Basic::Uint32) {
                return Err(format!("the RPC field `{}` carries no parameter or result", field.name));
            }
        }
        Ok(())
    }
}

fn is_letter(name: &str, position: usize) -> bool {
    matches!(name.as_bytes(), [letter] if usize::from(letter.wrapping_sub(b'A')) == position)
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next();
    if items.next().is_some() { None } else { first }
}

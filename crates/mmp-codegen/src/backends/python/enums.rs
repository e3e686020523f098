//! Enumerations: those of Mattermost's named types, and those made of groups of untyped constants.

use serde_json::Value;

use super::DIR;
use super::settings::{EnumStyle, Settings};
use super::source::{file, literal};
use super::types::needed_names;
use crate::backends::Output;
use crate::error::{Error, Result};
use crate::names::screaming_case;
use crate::project::Project;
use crate::schema::{Basic, Constant, Type};
use crate::text::Text;

/// The named types that have constants.
pub(super) fn typed_names(project: &Project) -> Vec<String> {
    typed(project).map(|(name, _, _)| name.to_owned()).collect()
}

fn typed(project: &Project) -> impl Iterator<Item = (&str, &Type, &[Constant])> {
    let needed = needed_names(project);
    project.schema.named().filter(move |(name, _, constants)| !constants.is_empty() && needed.contains(*name))
}

/// The files.
pub(super) fn outputs(project: &Project, settings: &Settings) -> Result<Vec<Output>> {
    let mut text = file("The values of Mattermost's own string and number types.");
    text.blank();
    text.line("from enum import Enum");
    for (name, ty, constants) in typed(project) {
        let base = if *project.schema.underlying(ty) == Type::Basic(Basic::String) { "str" } else { "int" };
        let prefix = common_prefix(name, constants);
        let members: Vec<&Constant> = constants.iter().collect();
        class(&mut text, name, base, &project.docs.type_text(name), &members, &|go| cut(go, prefix, ""));
    }
    let types = Output::new(format!("{DIR}/models/enums.py"), text.finish());

    let mut text = file("Mattermost's constants that have no type of their own, by purpose.");
    text.blank();
    text.line("from enum import Enum");
    text.blank();
    text.line("__all__ = [");
    for name in settings.enums.keys() {
        text.line(format_args!("    {},", literal(name)));
    }
    text.line("]");
    for (name, style) in &settings.enums {
        group(&mut text, project, name, style)?;
    }
    Ok(vec![types, Output::new(format!("{DIR}/constants.py"), text.finish())])
}

fn group(text: &mut Text, project: &Project, name: &str, style: &EnumStyle) -> Result<()> {
    let constants = project.schema.constants.get(&style.group).map_or(&[][..], Vec::as_slice);
    let chosen: Vec<&Constant> = constants
        .iter()
        .filter(|constant| style.only.is_empty() || style.only.contains(&constant.name))
        .filter(|constant| !style.skip.contains(&constant.name))
        .collect();
    let strings = chosen.iter().filter(|constant| constant.value.is_string()).count();
    if strings != 0 && strings != chosen.len() {
        return Err(Error::schema(format!("overrides.toml, [python.enums]: `{name}` mixes strings with other values")));
    }
    let base = if strings == 0 { "int" } else { "str" };
    let about = format!("Mattermost's constants of the group `{}`.", style.group);
    class(text, name, base, &about, &chosen, &|go| cut(go, &style.cut, &style.cut_end));
    Ok(())
}

fn class(text: &mut Text, name: &str, base: &str, about: &str, members: &[&Constant], cut: &dyn Fn(&str) -> String) {
    text.blank();
    text.blank();
    text.line(format_args!("class {name}({base}, Enum):"));
    super::source::docstring(text, 4, &super::source::description(4, about));
    text.blank();
    for constant in members {
        text.line(format_args!("    {} = {}", cut(&constant.name), value(&constant.value)));
    }
}

/// A constant's value in Python.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => literal(text),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        other => other.to_string(),
    }
}

/// A member's name: the constant's without what all have in common.
fn cut(go: &str, start: &str, end: &str) -> String {
    let short = go.strip_prefix(start).unwrap_or(go);
    let short = short.strip_suffix(end).unwrap_or(short);
    let name = if short.is_empty() { screaming_case(go) } else { screaming_case(short) };
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The type's name, if all constants begin with it, else the words that they have in common with each other and, at the end,
/// with the type's name.
fn common_prefix<'a>(name: &'a str, constants: &'a [Constant]) -> &'a str {
    if constants.iter().all(|constant| constant.name.starts_with(name) && constant.name != name) {
        return name;
    }
    let Some(first) = constants.first().filter(|_| constants.len() > 1) else { return "" };
    let starts_word = |text: &str| text.starts_with(|c: char| c.is_ascii_uppercase());
    let mut prefix = "";
    let mut word = 0;
    for at in (1..first.name.len()).filter(|at| first.name.get(*at..).is_some_and(starts_word)) {
        let (start, last) = (&first.name[..at], &first.name[word..at]);
        if !constants.iter().all(|other| other.name.strip_prefix(start).is_some_and(starts_word)) {
            break;
        }
        if name.contains(last) {
            prefix = start;
        }
        word = at;
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_lose_what_all_have_in_common() {
        let constants = |names: &[&str]| -> Vec<Constant> {
            names.iter().map(|name| Constant { name: (*name).into(), value: Value::from("x") }).collect()
        };
        let own = constants(&["ChannelTypeOpen", "ChannelTypePrivate"]);
        assert_eq!(common_prefix("ChannelType", &own), "ChannelType");
        let words = constants(&["SidebarCategoryChannels", "SidebarCategoryFavorites"]);
        assert_eq!(common_prefix("SidebarCategoryType", &words), "SidebarCategory");
        let others = constants(&["BitflagOptionAutoShareDMs", "BitflagOptionAutoInvited"]);
        assert_eq!(common_prefix("Bitmask", &others), "");
        assert_eq!(common_prefix("PushSubType", &constants(&["Calls"])), "");
        assert_eq!(cut("SidebarCategoryDirectMessages", "SidebarCategory", ""), "DIRECT_MESSAGES");
        assert_eq!(cut("SystemAdminRoleId", "", "RoleId"), "SYSTEM_ADMIN");
    }
}

//! Checking JSON against `schema/manifest.schema.json`: the part of JSON Schema that this file uses, and a refusal of the rest.

use anyhow::{Context as _, Result, bail};
use regex_lite::Regex;
use serde_json::Value;

use crate::project::Project;

/// The keywords that say nothing about what is valid.
const SILENT: [&str; 6] = ["$schema", "$id", "$defs", "title", "description", "default"];

/// Reads the schema of manifests.
pub(crate) fn load(project: &Project) -> Result<Value> {
    let path = project.root.join("schema/manifest.schema.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// What is wrong with a value: a sentence for each fault, beginning with the key. Empty if nothing is.
///
/// # Errors
/// When the schema itself uses something that is not known here.
pub(crate) fn check(schema: &Value, value: &Value) -> Result<Vec<String>> {
    let mut checker = Checker { root: schema, problems: Vec::new() };
    checker.check(schema, value, "")?;
    Ok(checker.problems)
}

struct Checker<'a> {
    root: &'a Value,
    problems: Vec<String>,
}

impl<'a> Checker<'a> {
    fn check(&mut self, schema: &Value, value: &Value, key: &str) -> Result<()> {
        let Value::Object(keywords) = schema else { bail!("the schema of {key:?} is not an object") };
        // A value of another type would only cause more messages about the same fault.
        if let Some(kind) = keywords.get("type")
            && !self.has_type(kind, value, key)
        {
            return Ok(());
        }
        for (keyword, rule) in keywords {
            match keyword.as_str() {
                "type" | "additionalProperties" => {}
                "$ref" => {
                    let target = self.resolve(rule)?;
                    self.check(target, value, key)?;
                }
                "properties" => self.properties(keywords, value, key)?,
                "required" => self.required(rule, value, key),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{key}[{index}]"))?;
                    }
                }
                "enum" => self.one_of(rule, value, key),
                "pattern" => self.pattern(rule, value, key)?,
                "minLength" => self.length(rule, value, key, |length, limit| length >= limit, "shorter"),
                "maxLength" => self.length(rule, value, key, |length, limit| length <= limit, "longer"),
                "minimum" => self.bound(rule, value, key, |number, limit| number >= limit, "less"),
                "maximum" => self.bound(rule, value, key, |number, limit| number <= limit, "more"),
                silent if SILENT.contains(&silent) => {}
                unknown => bail!("the schema of {key:?} uses {unknown:?}, which this checker does not know"),
            }
        }
        if !keywords.contains_key("properties") {
            self.properties(keywords, value, key)?;
        }
        Ok(())
    }

    fn say(&mut self, key: &str, problem: &str) {
        self.problems.push(if key.is_empty() { problem.to_owned() } else { format!("{key}: {problem}") });
    }

    fn resolve(&self, reference: &Value) -> Result<&'a Value> {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
        pointer.and_then(|pointer| self.root.pointer(pointer)).with_context(|| format!("no {reference} in the schema"))
    }

    fn has_type(&mut self, kind: &Value, value: &Value, key: &str) -> bool {
        let kinds: Vec<&str> = match kind {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let fits = kinds.iter().any(|kind| match *kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            "integer" => value.is_i64() || value.is_u64(),
            "null" => value.is_null(),
            _ => false,
        });
        if !fits {
            let article = if kinds.first().is_some_and(|kind| kind.starts_with(['a', 'o'])) { "an" } else { "a" };
            self.say(key, &format!("{value} is not {article} {}", kinds.join(" or ")));
        }
        fits
    }

    fn properties(&mut self, keywords: &serde_json::Map<String, Value>, value: &Value, key: &str) -> Result<()> {
        let known = keywords.get("properties").and_then(Value::as_object);
        for (name, item) in value.as_object().into_iter().flatten() {
            let path = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            match (known.and_then(|known| known.get(name)), keywords.get("additionalProperties")) {
                (Some(schema), _) => self.check(schema, item, &path)?,
                (None, Some(Value::Bool(false))) => {
                    let names = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
                    self.say(&path, &format!("is not a key that is known here; there are {}", names.join(", ")));
                }
                (None, Some(schema @ Value::Object(_))) => self.check(schema, item, &path)?,
                (None, _) => {}
            }
        }
        Ok(())
    }

    fn required(&mut self, names: &Value, value: &Value, key: &str) {
        let Some(object) = value.as_object() else { return };
        for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                let path = if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
                self.say(&path, "is missing");
            }
        }
    }

    fn one_of(&mut self, rule: &Value, value: &Value, key: &str) {
        let allowed = rule.as_array().map(Vec::as_slice).unwrap_or_default();
        if !allowed.contains(value) {
            let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
            self.say(key, &format!("{value} is none of {}", allowed.join(", ")));
        }
    }

    fn pattern(&mut self, rule: &Value, value: &Value, key: &str) -> Result<()> {
        let Some(text) = value.as_str() else { return Ok(()) };
        let pattern = rule.as_str().unwrap_or_default();
        if !Regex::new(pattern).with_context(|| format!("the pattern of {key:?}"))?.is_match(text) {
            self.say(key, &format!("{value} does not match {pattern}"));
        }
        Ok(())
    }

    fn length(&mut self, rule: &Value, value: &Value, key: &str, fits: fn(u64, u64) -> bool, word: &str) {
        let (Some(text), Some(limit)) = (value.as_str(), rule.as_u64()) else { return };
        if !fits(text.chars().count() as u64, limit) {
            self.say(key, &format!("{value} is {word} than {limit} characters"));
        }
    }

    fn bound(&mut self, rule: &Value, value: &Value, key: &str, fits: fn(f64, f64) -> bool, word: &str) {
        let (Some(number), Some(limit)) = (value.as_f64(), rule.as_f64()) else { return };
        if !fits(number, limit) {
            self.say(key, &format!("{value} is {word} than {limit}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_keyword_finds_its_fault() {
        let schema = json!({
            "type": "object", "required": ["id"], "additionalProperties": {"type": "number"},
            "properties": {
                "id": {"$ref": "#/$defs/id"},
                "list": {"type": "array", "items": {"enum": ["a", "b"]}},
                "closed": {"type": "object", "additionalProperties": false, "properties": {"x": {"minimum": 1, "maximum": 2}}},
            },
            "$defs": {"id": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 4}},
        });
        let good = json!({"id": "abc", "list": ["a"], "closed": {"x": 1.5}, "more": 7});
        assert_eq!(check(&schema, &good).unwrap(), Vec::<String>::new());
        let cases = [
            (json!([]), "[] is not an object"),
            (json!({}), "id: is missing"),
            (json!({"id": 1}), "id: 1 is not a string"),
            (json!({"id": "Abc"}), "id: \"Abc\" does not match ^[a-z]+$"),
            (json!({"id": "a"}), "id: \"a\" is shorter than 2 characters"),
            (json!({"id": "abcde"}), "id: \"abcde\" is longer than 4 characters"),
            (json!({"id": "abc", "list": ["a", "c"]}), "list[1]: \"c\" is none of \"a\", \"b\""),
            (json!({"id": "abc", "closed": {"y": 1}}), "closed.y: is not a key that is known here; there are x"),
            (json!({"id": "abc", "closed": {"x": 0}}), "closed.x: 0 is less than 1"),
            (json!({"id": "abc", "closed": {"x": 3}}), "closed.x: 3 is more than 2"),
            (json!({"id": "abc", "more": "x"}), "more: \"x\" is not a number"),
        ];
        for (value, expected) in cases {
            assert_eq!(check(&schema, &value).unwrap(), [expected], "{value}");
        }
    }

    #[test]
    fn a_keyword_that_would_be_ignored_is_an_error() {
        let error = check(&json!({"properties": {"a": {"oneOf": []}}}), &json!({"a": 1})).unwrap_err();
        assert_eq!(error.to_string(), "the schema of \"a\" uses \"oneOf\", which this checker does not know");
    }

    #[test]
    fn what_the_supervisor_reads_is_checked() {
        let schema = load(&Project::load().unwrap()).unwrap();
        let problems = |server: Value| check(&schema, &json!({"id": "com.example.a", "server": server})).unwrap();
        let good = json!({
            "hooks": {"UserWillLogIn": {"timeout": 3, "on_failure": "reject"}}, "on_degraded": "exit", "notify_admins": false,
            "memory_limit_mib": 512, "process_limit": 64, "status_command": "/my-plugin", "python": {"workers": 4},
        });
        assert_eq!(problems(good), Vec::<String>::new());
        for (bad, key) in [
            (json!({"hooks": {"UserWillLogIn": {"time": 3}}}), "server.hooks.UserWillLogIn.time: "),
            (json!({"hooks": {"UserWillLogIn": {"on_failure": "refuse"}}}), "server.hooks.UserWillLogIn.on_failure: "),
            (json!({"on_degraded": "end"}), "server.on_degraded: "),
            (json!({"memory_limit_mib": 8}), "server.memory_limit_mib: "),
            (json!({"process_limit": 0}), "server.process_limit: "),
            (json!({"status_command": "My Plugin"}), "server.status_command: "),
            (json!({"python": {"workers": 65}}), "server.python.workers: "),
        ] {
            let found = problems(bad);
            assert!(found.len() == 1 && found[0].starts_with(key), "{key}: {found:?}");
        }
    }

    #[test]
    fn every_manifest_of_the_project_is_valid() {
        let project = Project::load().unwrap();
        let schema = load(&project).unwrap();
        let mut count = 0;
        for entry in crate::tidy::sources(&project.root).unwrap() {
            if entry.relative.ends_with("plugin.json") {
                let manifest = serde_json::from_str(&std::fs::read_to_string(&entry.path).unwrap()).unwrap();
                assert_eq!(check(&schema, &manifest).unwrap(), Vec::<String>::new(), "{}", entry.relative);
                count += 1;
            }
        }
        assert!(count >= 2, "only {count} manifests were found");
    }
}

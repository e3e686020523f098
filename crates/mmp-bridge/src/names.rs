//! The names under which methods are called over net/rpc, made once.

use std::sync::LazyLock;

use mmp_transcode::generated::{API, HOOKS};
use mmp_transcode::schema::Method;

/// The net/rpc service of hooks and of the API.
pub(crate) const SERVICE: &str = "Plugin.";

static HOOK_NAMES: LazyLock<Vec<String>> = LazyLock::new(|| by_id(HOOKS));
static API_NAMES: LazyLock<Vec<String>> = LazyLock::new(|| by_id(API));

fn by_id(methods: &[Method]) -> Vec<String> {
    let last = methods.iter().map(|method| method.id).max().unwrap_or(0);
    let mut names = vec![String::new(); usize::from(last) + 1];
    for method in methods {
        names[usize::from(method.id)] = format!("{SERVICE}{}", method.rpc);
    }
    names
}

/// `Plugin.` and the name of a hook.
pub(crate) fn hook(method: &Method) -> &'static str {
    HOOK_NAMES.get(usize::from(method.id)).map_or("", String::as_str)
}

/// `Plugin.` and the name of an API method.
pub(crate) fn api(method: &Method) -> &'static str {
    API_NAMES.get(usize::from(method.id)).map_or("", String::as_str)
}

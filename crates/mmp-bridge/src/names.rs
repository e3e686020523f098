//! The names under which methods are called over net/rpc, made once.

use std::sync::LazyLock;

use mmp_transcode::generated::{API, DRIVER, HOOKS};
use mmp_transcode::schema::Method;

/// The net/rpc service of hooks, of the API and of the database driver.
pub(crate) const SERVICE: &str = "Plugin.";

static HOOK_NAMES: LazyLock<Names> = LazyLock::new(|| Names::of(HOOKS));
static API_NAMES: LazyLock<Names> = LazyLock::new(|| Names::of(API));
static DRIVER_NAMES: LazyLock<Names> = LazyLock::new(|| Names::of(DRIVER));

/// The names of one service by the ids of its methods, from the smallest on.
struct Names {
    first: u16,
    names: Vec<String>,
}

impl Names {
    fn of(methods: &[Method]) -> Names {
        let first = methods.iter().map(|method| method.id).min().unwrap_or(0);
        let last = methods.iter().map(|method| method.id).max().unwrap_or(0);
        let mut names = vec![String::new(); usize::from(last - first) + 1];
        for method in methods {
            names[usize::from(method.id - first)] = format!("{SERVICE}{}", method.rpc);
        }
        Names { first, names }
    }

    fn get(&self, id: u16) -> Option<&str> {
        self.names.get(usize::from(id.checked_sub(self.first)?)).map(String::as_str)
    }
}

/// `Plugin.` and the name of a hook.
pub(crate) fn hook(method: &Method) -> &'static str {
    HOOK_NAMES.get(method.id).unwrap_or_default()
}

/// `Plugin.` and the name of a method of the API or of the database driver.
pub(crate) fn api(method: &Method) -> &'static str {
    API_NAMES.get(method.id).or_else(|| DRIVER_NAMES.get(method.id)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmp_transcode::generated;

    #[test]
    fn methods_are_called_by_the_names_of_their_service() {
        assert_eq!(hook(generated::hook_by_name("ServeHTTP").unwrap()), "Plugin.ServeHTTP");
        assert_eq!(api(generated::api_by_name("PluginHTTP").unwrap()), "Plugin.PluginHTTPStream");
        assert_eq!(api(generated::driver_by_name("Conn").unwrap()), "Plugin.Conn");
        assert_eq!(
            api(generated::driver_by_name("RowsColumnTypePrecisionScale").unwrap()),
            "Plugin.RowsColumnTypePrecisionScale"
        );
        assert_eq!(DRIVER_NAMES.get(0), None);
    }
}

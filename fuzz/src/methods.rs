//! The methods of the schema, in one row.

use std::sync::LazyLock;

use mmp_transcode::generated::{API, DRIVER, HOOKS, PLUGIN_HTTP_BUFFERED};
use mmp_transcode::schema::Method;

/// The methods that protobuf has. An input chooses one by its index.
pub static ALL: LazyLock<Vec<&'static Method>> = LazyLock::new(|| HOOKS.iter().chain(API).chain(DRIVER).collect());

/// The methods that gob has: the earlier form of one, too.
pub static GOB: LazyLock<Vec<&'static Method>> =
    LazyLock::new(|| ALL.iter().copied().chain([&PLUGIN_HTTP_BUFFERED]).collect());

/// The hooks whose result is one of their arguments.
pub static ECHOES: LazyLock<Vec<&'static Method>> =
    LazyLock::new(|| HOOKS.iter().filter(|method| method.echo.is_some()).collect());

/// The method that a number of an input means.
pub fn at(methods: &[&'static Method], number: usize) -> &'static Method {
    methods[number % methods.len()]
}

//! Which method a path means.

use mmp_transcode::generated;
use mmp_transcode::schema::Method;
use tonic::Status;

/// The services, with the slashes around their names.
const API: &str = "/mattermost.plugin.v1.PluginAPI/";
const DRIVER: &str = "/mattermost.plugin.v1.PluginDriver/";
const REFLECTION: [&str; 2] = ["/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"];

/// What a path means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route {
    /// One message each way.
    Unary(&'static Method),
    /// A body to the server, and then an answer: `UploadData` and `InstallPlugin`.
    Upload(&'static Method),
    /// A body in both directions.
    PluginHttp(&'static Method),
}

/// Finds the method of a path; the database driver's only if the manifest asks for them.
///
/// # Errors
/// UNIMPLEMENTED, with a sentence that says why.
pub(super) fn route(path: &str, database: bool) -> Result<Route, Status> {
    if let Some(name) = path.strip_prefix(API) {
        let method = generated::api_by_name(name).ok_or_else(|| unknown(path))?;
        return Ok(match method.streams {
            [] => Route::Unary(method),
            _ if method.id == generated::PLUGIN_HTTP_BUFFERED.id => Route::PluginHttp(method),
            _ => Route::Upload(method),
        });
    }
    if let Some(name) = path.strip_prefix(DRIVER) {
        let method = generated::driver_by_name(name).ok_or_else(|| unknown(path))?;
        return if database { Ok(Route::Unary(method)) } else { Err(no_database()) };
    }
    Err(unknown(path))
}

/// Whether a path is that of server reflection.
pub(super) fn is_reflection(path: &str) -> bool {
    REFLECTION.iter().any(|service| path.starts_with(service))
}

fn unknown(path: &str) -> Status {
    let method = path.trim_start_matches('/');
    let known = "mattermost.plugin.v1.PluginAPI and PluginDriver are served here";
    // A path is as long as the caller likes, and a status travels in headers.
    match method.get(..method.len().min(200)) {
        Some(name) if name.len() == method.len() => {
            Status::unimplemented(format!("there is no method {name}; {known}"))
        }
        _ => Status::unimplemented(format!("there is no such method; {known}")),
    }
}

fn no_database() -> Status {
    Status::unimplemented(
        "the database driver is served to plugins that ask for it: set server.database to true in plugin.json",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &str, database: bool) -> String {
        let status = route(path, database).unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unimplemented);
        status.message().to_owned()
    }

    #[test]
    fn every_method_has_a_route() {
        for method in generated::API {
            let route = route(&format!("{API}{}", method.name), false).unwrap();
            let (Route::Unary(found) | Route::Upload(found) | Route::PluginHttp(found)) = route;
            assert_eq!(found.id, method.id);
            assert_eq!(matches!(route, Route::Upload(_)), ["UploadData", "InstallPlugin"].contains(&method.name));
            assert_eq!(matches!(route, Route::PluginHttp(_)), method.name == "PluginHTTP");
        }
        for method in generated::DRIVER {
            let path = format!("{DRIVER}{}", method.name);
            assert!(matches!(route(&path, true), Ok(Route::Unary(found)) if found.id == method.id));
            assert!(refusal(&path, false).contains("server.database"));
        }
    }

    #[test]
    fn other_paths_have_none() {
        assert!(
            refusal(&format!("{API}NoSuch"), true).contains("there is no method mattermost.plugin.v1.PluginAPI/NoSuch")
        );
        for path in ["/", "", "/mattermost.plugin.v1.PluginHooks/OnActivate", "/mattermost.plugin.v1.PluginAPI"] {
            assert!(refusal(path, true).contains("there is no method"), "{path}");
        }
        assert!(refusal(&format!("/{}", "x".repeat(100_000)), true).len() < 200);
        assert!(is_reflection("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"));
        assert!(!is_reflection("/grpc.reflection.v1.Other/X"));
    }
}

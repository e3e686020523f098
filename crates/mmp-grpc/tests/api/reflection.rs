//! The services describe themselves, in development.

use bytes::Bytes;
use tonic::{Code, Status};

use crate::client::Client;
use crate::gateway::Gateway;
use crate::messages::field;

const VERSIONS: [&str; 2] = ["v1", "v1alpha"];

/// Asks without a token.
async fn ask(gateway: &Gateway, version: &str, question: Bytes) -> Result<Bytes, Status> {
    let client = Client::connect(&gateway.settings.api_socket(), None).await;
    let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
    let mut answers = client.both(&path, tokio_stream::iter([question])).await?;
    answers.message().await.map(|answer| answer.expect("an answer"))
}

fn contains(answer: &[u8], text: &str) -> bool {
    answer.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn services_can_be_listed_and_described() {
    for (version, database) in VERSIONS.into_iter().zip([true, false]) {
        let gateway = Gateway::with(|settings| (settings.development, settings.database) = (true, database));
        // list_services
        let answer = ask(&gateway, version, field(7, "*".into())).await.unwrap();
        assert!(contains(&answer, "mattermost.plugin.v1.PluginAPI"));
        assert!(contains(&answer, &format!("grpc.reflection.{version}.ServerReflection")));
        assert_eq!(contains(&answer, "mattermost.plugin.v1.PluginDriver"), database);
        assert!(!contains(&answer, "PluginHooks"), "the hooks are served by the program");
        // file_containing_symbol
        for symbol in
            ["PluginAPI", "PluginDriver", "PluginHooks.OnActivate", "CreatePostRequest", "AppError", "StreamEnd"]
        {
            let symbol = format!("mattermost.plugin.v1.{symbol}");
            let answer = ask(&gateway, version, field(4, symbol.clone().into())).await.unwrap();
            assert!(contains(&answer, ".proto"), "{symbol}");
        }
    }
}

#[tokio::test]
async fn in_production_they_do_not() {
    let gateway = Gateway::start();
    for version in VERSIONS {
        let status = ask(&gateway, version, field(7, "*".into())).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        assert!(status.message().contains("development"), "{}", status.message());
    }
}

//! Many calls at once.

use mmp_worker::frame::Kind;

use crate::gateway::Gateway;
use crate::messages::{array_of_bin, field, only_field};

#[tokio::test]
async fn a_thousand_calls_run_at_once_and_each_gets_its_own_answer() {
    const CALLS: usize = 1000;
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let running: Vec<_> = (0..CALLS)
        .map(|number| {
            let client = client.clone();
            let key = format!("key-{number:04}");
            tokio::spawn(async move { (client.call("KVGet", field(1, key.clone().into())).await, key) })
        })
        .collect();
    let mut connection = gateway.bridge.accept().await;
    let mut calls = Vec::new();
    while calls.len() < CALLS {
        calls.push(connection.expect(Kind::ApiCall).await);
    }
    // The last is answered first.
    for call in calls.iter().rev() {
        connection.out().answer(call, Kind::ApiReply, &array_of_bin(&call.payload[2..]));
    }
    for call in running {
        let (answer, key) = call.await.unwrap();
        assert_eq!(only_field(answer.unwrap()), (1, key.into()));
    }
}

//! The benchmark's plugin in Rust: what `go/goplugin` does for the same messages and requests.

use std::process::ExitCode;

use mmp_plugin::http::{Request, Response};
use mmp_plugin::model::{Context, Post};
use mmp_plugin::{Api, Decision, HookError, Hooks};
use tokio::io::AsyncReadExt as _;

/// How many API calls a `bench:kvget` or `bench:getuser` hook makes.
const CALLS: usize = 25;

const BLOCK: usize = 64 * 1024;

struct Bench {
    api: Api,
}

impl Bench {
    async fn look_up(&self, word: &str, rest: &str) -> mmp_plugin::Result<()> {
        for _ in 0..CALLS {
            match word {
                "bench:kvget" => drop(self.api.kv_get(rest).await?),
                _ => drop(self.api.get_user(rest).await?),
            }
        }
        Ok(())
    }
}

#[mmp_plugin::hooks]
impl Hooks for Bench {
    async fn message_will_be_posted(&self, _context: &Context, post: &Post) -> Decision<Post> {
        let (word, rest) = post.message.split_once(' ').unwrap_or((&post.message, ""));
        match word {
            "bench:edit" => {
                Decision::change(Post { message: format!("{} (seen)", post.message).into(), ..post.clone() })
            }
            "bench:kvget" | "bench:getuser" => match self.look_up(word, rest).await {
                Ok(()) => Decision::accept(),
                Err(error) => Decision::reject(error.to_string()),
            },
            _ => Decision::accept(),
        }
    }

    async fn serve_http(
        &self,
        _context: &Context,
        mut request: Request,
        response: &mut Response,
    ) -> Result<(), HookError> {
        match request.path() {
            "/down" => {
                let wanted = request.query().strip_prefix("bytes=").unwrap_or_default();
                let mut left: usize = wanted.parse()?;
                let block = vec![0; BLOCK];
                while left > 0 {
                    let size = left.min(BLOCK);
                    response.write(&block[..size]).await?;
                    left -= size;
                }
            }
            "/up" => {
                let (mut count, mut block) = (0, vec![0; BLOCK]);
                loop {
                    match request.body.read(&mut block).await? {
                        0 => break,
                        size => count += size,
                    }
                }
                response.set_header("Content-Type", "application/json");
                response.write(format!("{{\"bytes\": {count}}}")).await?;
            }
            _ => {
                response.set_header("Content-Type", "text/plain");
                response.write("hello").await?;
            }
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    mmp_plugin::run(|start| Bench { api: start.api })
}

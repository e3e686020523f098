//! The author's plugin behind the trait of hooks.

use std::sync::Arc;

use mmp_gob::Error as GobError;

use crate::generated::dispatch::dispatch;
use crate::generated::hooks::{HOOKS, Hooks, MESSAGE_WILL_BE_UPDATED};
use crate::model::rpc::{MessageWillBeUpdatedArgs, MessageWillBeUpdatedReturns};
use crate::runtime::activation::Activation;
use crate::runtime::core::Hosted;
use crate::runtime::hook_call::HookCall;

/// A plugin and the names of its hooks.
pub(crate) struct Plugin<H> {
    hooks: Arc<H>,
    implemented: Vec<&'static str>,
}

impl<H: Hooks> Plugin<H> {
    pub(crate) fn new(hooks: H) -> Self {
        let name = |method: &&str| HOOKS.iter().find(|hook| hook.method == *method).map(|hook| hook.name);
        Self { hooks: Arc::new(hooks), implemented: H::IMPLEMENTED.iter().filter_map(name).collect() }
    }
}

impl<H: Hooks> Hosted for Plugin<H> {
    fn implemented(&self) -> &[&'static str] {
        &self.implemented
    }

    fn call(&self, call: &mut HookCall<'_, '_, '_>) -> Result<bool, GobError> {
        dispatch(&self.hooks, call)
    }

    fn activate(&self, activation: Activation) {
        activation.run(Arc::clone(&self.hooks));
    }
}

/// The server takes a reply without a post for a refusal, so that of a handler without an opinion repeats the post.
pub(crate) fn message_will_be_updated<H: Hooks>(
    plugin: &Arc<H>,
    call: &mut HookCall<'_, '_, '_>,
) -> Result<(), GobError> {
    let args: MessageWillBeUpdatedArgs = call.args()?;
    let plugin = Arc::clone(plugin);
    let kept = args.b.clone();
    call.start(
        MESSAGE_WILL_BE_UPDATED,
        async move {
            let (context, new_post, old_post) =
                (args.a.unwrap_or_default(), args.b.unwrap_or_default(), args.c.unwrap_or_default());
            let decision = plugin.message_will_be_updated(&context, &new_post, &old_post).await;
            let post = match decision.value {
                Some(post) => Some(Box::new(post)),
                None if decision.reason.is_empty() => Some(new_post),
                None => None,
            };
            MessageWillBeUpdatedReturns { a: post, b: decision.reason }
        },
        move |_| MessageWillBeUpdatedReturns { a: kept, ..Default::default() },
    );
    Ok(())
}

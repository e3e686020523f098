//! What a hook decides.

use mmp_gob::GoString;

/// The reason with which `MessageWillBePosted` drops a post without telling its author.
const DISMISS: &str = crate::model::constants::hook_results::DISMISS_POST_ERROR;

/// What becomes of a thing that is about to happen: it passes, it is changed, or it is refused.
///
/// ```
/// use mmp_plugin::Decision;
/// use mmp_plugin::model::Post;
///
/// fn look_at(post: &Post) -> Decision<Post> {
///     if post.message.contains("badword") {
///         return Decision::reject("Please mind your language.");
///     }
///     if post.message.contains(":rust:") {
///         return Decision::change(Post { message: post.message.replace(":rust:", "🦀").into(), ..post.clone() });
///     }
///     Decision::accept()
/// }
/// let post = Post { message: "I like :rust:".into(), ..Post::default() };
/// assert_eq!(look_at(&post).value.unwrap().message, "I like 🦀");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Decision<T = ()> {
    /// What takes the place of the thing; `None` leaves it as it is.
    pub value: Option<T>,
    /// Why it is refused; an empty text does not refuse.
    pub reason: GoString,
}

impl<T> Decision<T> {
    /// It passes as it is.
    #[must_use]
    pub fn accept() -> Self {
        Self { value: None, reason: GoString::default() }
    }

    /// Something else takes its place.
    #[must_use]
    pub fn change(value: T) -> Self {
        Self { value: Some(value), reason: GoString::default() }
    }

    /// It is refused; whoever asked for it sees the reason.
    #[must_use]
    pub fn reject(reason: impl Into<GoString>) -> Self {
        Self { value: None, reason: reason.into() }
    }

    /// A post vanishes, and its author is not told. Only `message_will_be_posted` knows this.
    #[must_use]
    pub fn dismiss() -> Self {
        Self::reject(DISMISS)
    }
}

impl<T> Default for Decision<T> {
    fn default() -> Self {
        Self::accept()
    }
}

impl<T> From<T> for Decision<T> {
    fn from(value: T) -> Self {
        Self::change(value)
    }
}

//! The attribute `#[hooks]`: it lists the methods of an `impl Hooks for ...` block, so that the server is told exactly these.
//!
//! It looks at nothing but the tokens of the block: the name behind each `fn`, and the `cfg` attributes before it.

use proc_macro::{Delimiter, Group, Span, TokenStream, TokenTree};

/// Notes which hooks an `impl Hooks for ...` block has, as the constant `Hooks::IMPLEMENTED`.
#[proc_macro_attribute]
pub fn hooks(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if let Some(argument) = arguments.into_iter().next() {
        return error(argument.span(), "#[hooks] takes no arguments");
    }
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let is_block = matches!(tokens.last(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace);
    let is_impl =
        tokens.iter().any(|token| is_ident(token, "impl")) && tokens.iter().any(|token| is_ident(token, "for"));
    let Some(TokenTree::Group(block)) = tokens.pop().filter(|_| is_block && is_impl) else {
        return error(Span::call_site(), "#[hooks] belongs before `impl Hooks for ...`");
    };
    let mut inside: TokenStream = implemented(&methods(block.stream()));
    inside.extend(block.stream());
    let mut whole = Group::new(Delimiter::Brace, inside);
    whole.set_span(block.span());
    tokens.push(TokenTree::Group(whole));
    tokens.into_iter().collect()
}

/// A method of the block.
struct Method {
    name: String,
    /// Its `#[cfg(...)]` attributes.
    cfg: TokenStream,
}

/// The methods that stand directly in the block.
fn methods(block: TokenStream) -> Vec<Method> {
    let mut methods = Vec::new();
    let mut cfg = TokenStream::new();
    let mut tokens = block.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = tokens.peek()
                    && attribute.stream().into_iter().next().is_some_and(|first| is_ident(&first, "cfg"))
                {
                    cfg.extend([token.clone(), TokenTree::Group(attribute.clone())]);
                }
            }
            TokenTree::Ident(_) if is_ident(&token, "fn") => {
                if let Some(TokenTree::Ident(name)) = tokens.peek() {
                    let name = name.to_string();
                    methods.push(Method {
                        name: name.strip_prefix("r#").unwrap_or(&name).to_owned(),
                        cfg: std::mem::take(&mut cfg),
                    });
                }
            }
            // The end of an item: attributes before it are not those of the next one.
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => cfg = TokenStream::new(),
            TokenTree::Punct(punct) if punct.as_char() == ';' => cfg = TokenStream::new(),
            _ => {}
        }
    }
    methods
}

/// `const IMPLEMENTED: &'static [&'static str] = &["..."];`
fn implemented(methods: &[Method]) -> TokenStream {
    let items: String = methods.iter().map(|method| format!("{} {:?},", method.cfg, method.name)).collect();
    parse(&format!("const IMPLEMENTED: &'static [&'static str] = &[{items}];"))
}

fn error(span: Span, text: &str) -> TokenStream {
    let tokens = parse(&format!("::core::compile_error!({text:?});"));
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(span);
            token
        })
        .collect()
}

/// Parses what this macro writes itself.
fn parse(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == name)
}

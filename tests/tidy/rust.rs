//! What the checks need to know of a Rust file: the paths it names and its bare words, as the
//! compiler's own lexer sees them. Comments and literals are no code and do not appear.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::File;

/// A path in the code, `use` groups spelled out: `use a::{b, c::d}` gives `a::b` and `a::c::d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodePath {
    pub(crate) line: usize,
    /// `*` for a glob.
    pub(crate) segments: Vec<String>,
    /// Whether a `!` follows: the name of a macro that is called.
    pub(crate) is_macro: bool,
    /// Inline modules around it, outermost first.
    pub(crate) modules: Vec<String>,
}

/// Every path of a file, single words included, in order.
pub(crate) fn paths(file: &File) -> Vec<CodePath> {
    let tokens = TokenStream::from_str(&file.text)
        .unwrap_or_else(|error| panic!("{} is not Rust: {error}", file.path));
    let mut reader = Reader { found: Vec::new(), modules: Vec::new() };
    reader.tokens(tokens, &[]);
    reader.found
}

struct Reader {
    found: Vec<CodePath>,
    modules: Vec<String>,
}

impl Reader {
    /// Reads one level of tokens; `prefix` is the path in front of a `use` group's brace.
    fn tokens(&mut self, tokens: TokenStream, prefix: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream(), &[]),
                TokenTree::Ident(word) if *word == "mod" && is_inline_module(&tokens[at..]) => {
                    self.modules.push(tokens[at + 1].to_string());
                    if let TokenTree::Group(body) = &tokens[at + 2] {
                        self.tokens(body.stream(), &[]);
                    }
                    self.modules.pop();
                    at += 2;
                }
                TokenTree::Ident(_) => at = self.path(&tokens, at, prefix),
                TokenTree::Punct(star) if star.as_char() == '*' && !prefix.is_empty() => {
                    self.add(&tokens[at], [prefix, &["*".into()]].concat(), false);
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads the path that begins at `start`; gives the place of its last token.
    fn path(&mut self, tokens: &[TokenTree], start: usize, prefix: &[String]) -> usize {
        let mut segments = prefix.to_vec();
        segments.push(tokens[start].to_string());
        let mut at = start;
        while is_double_colon(&tokens[at + 1..]) {
            match tokens.get(at + 3) {
                Some(TokenTree::Ident(word)) => segments.push(word.to_string()),
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => segments.push("*".into()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.tokens(group.stream(), &segments);
                    return at + 3;
                }
                // Generic arguments, `Vec::<u8>::new`: the path has said where it leads.
                _ => break,
            }
            at += 3;
        }
        let is_macro = matches!(tokens.get(at + 1), Some(TokenTree::Punct(p)) if p.as_char() == '!')
            && matches!(tokens.get(at + 2), Some(TokenTree::Group(_)));
        self.add(&tokens[start], segments, is_macro);
        at
    }

    fn add(&mut self, at: &TokenTree, segments: Vec<String>, is_macro: bool) {
        let line = at.span().start().line;
        let modules = self.modules.clone();
        self.found.push(CodePath { line, segments, is_macro, modules });
    }
}

fn is_double_colon(tokens: &[TokenTree]) -> bool {
    let colon = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ':');
    tokens.len() >= 2 && tokens[..2].iter().all(colon)
}

fn is_inline_module(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [_, TokenTree::Ident(_), TokenTree::Group(body), ..]
        if body.delimiter() == Delimiter::Brace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<String> {
        let paths = paths(&File::sample("src/a.rs", text));
        paths.iter().map(|path| path.segments.join("::")).filter(|p| p.contains("::")).collect()
    }

    #[test]
    fn use_groups_are_spelled_out() {
        let text = "use crate::{s3::{Key, xml::*},\n  time::Time};\nuse a::b as c;";
        assert_eq!(
            named(text),
            ["crate::s3::Key", "crate::s3::xml::*", "crate::time::Time", "a::b"]
        );
    }

    #[test]
    fn paths_inside_code_and_macros_are_found() {
        let text =
            "fn f(x: &crate::s3::Key) { g!(\"{}\", std::fs::read(x)); Vec::<std::net::A>::new() }";
        let expected = ["crate::s3::Key", "std::fs::read", "std::net::A"];
        assert_eq!(named(text), expected);
    }

    #[test]
    fn comments_and_literals_are_no_code() {
        assert_eq!(named("//! crate::cli\n/* crate::lab */ const A: &str = \"std::fs\";"), [""; 0]);
    }

    #[test]
    fn lines_and_modules_are_told() {
        let found = paths(&File::sample("src/a.rs", "\nmod tests {\n use super::super::x;\n}"));
        assert_eq!(found.last().unwrap().line, 3);
        assert_eq!(found.last().unwrap().modules, ["tests"]);
        assert!(paths(&File::sample("src/a.rs", "println!(\"x\")"))[0].is_macro);
    }
}

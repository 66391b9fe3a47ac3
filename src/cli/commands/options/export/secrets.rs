//! What must not be printed: which values are secret, and the variables that stand for them.

use crate::cli::commands::options::export::quote;
use crate::config::{LibcurlOptions, Setting};
use crate::curlopt::{Assignment, HeaderLine, Value, without_userinfo};

/// A text that is known in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) before: String,
    /// The name of an environment variable, which holds what is secret.
    pub(super) variable: Option<String>,
    pub(super) after: String,
}

impl Text {
    pub(super) fn plain(text: impl Into<String>) -> Text {
        Text { before: text.into(), variable: None, after: String::new() }
    }

    fn secret(variable: String) -> Text {
        Text { before: String::new(), variable: Some(variable), after: String::new() }
    }

    pub(super) fn prefixed(self, before: &str) -> Text {
        Text { before: format!("{before}{}", self.before), ..self }
    }

    pub(super) fn followed(mut self, after: &str) -> Text {
        if self.variable.is_some() {
            self.after += after;
        } else {
            self.before += after;
        }
        self
    }

    /// Whether it is a header line that leaves a field out or sends it empty.
    pub(super) fn is_field_without_value(&self) -> bool {
        self.variable.is_none() && self.before.ends_with([':', ';'])
    }

    /// As a word of bash.
    pub(super) fn shell(&self) -> String {
        let quoted = |text: &str| if text.is_empty() { String::new() } else { quote::shell(text) };
        match &self.variable {
            Some(name) => format!("{}\"${name}\"{}", quoted(&self.before), quoted(&self.after)),
            None => quote::shell(&self.before),
        }
    }

    /// As an expression of Python.
    pub(super) fn python(&self) -> String {
        let Some(name) = &self.variable else { return quote::python(&self.before) };
        let mut terms = vec![format!("os.environ[\"{name}\"]")];
        if !self.before.is_empty() {
            terms.insert(0, quote::python(&self.before));
        }
        if !self.after.is_empty() {
            terms.push(quote::python(&self.after));
        }
        terms.join(" + ")
    }
}

/// Whether any of a value must not be printed.
pub(super) fn is_secret(set: &Assignment) -> bool {
    let known = set.option.knowledge();
    let has_userinfo = |text: &String| without_userinfo(text) != *text;
    match &set.value {
        value if value.is_nothing() => false,
        Value::Text(text) if known.secret_userinfo => has_userinfo(text),
        _ => known.secret,
    }
}

/// The value of a text option.
pub(super) fn text(set: &Assignment) -> Option<Text> {
    let Value::Text(text) = &set.value else { return None };
    let variable = || Text::secret(variable(set.option.name));
    Some(if is_secret(set) { variable() } else { Text::plain(text) })
}

/// The lines of a list option.
pub(super) fn lines(set: &Assignment) -> Vec<Text> {
    let Value::List(lines) = &set.value else { return Vec::new() };
    if !is_secret(set) {
        return lines.iter().map(Text::plain).collect();
    }
    let mut names = Vec::new();
    let secret = |line: &String| match line.split_once(':') {
        // What has no value keeps nothing secret.
        None | Some((_, "")) => Text::plain(line),
        Some((name, _)) => field(set.option.name, name, &mut names),
    };
    lines.iter().map(secret).collect()
}

/// The lines of `HTTPHEADER` as curlift sends them, and what keeps libcurl from expecting a
/// `100 Continue`.
pub(super) fn header_lines(options: &LibcurlOptions) -> Vec<Text> {
    let mut names = Vec::new();
    let mut expects = false;
    let line = |line: HeaderLine| match line {
        HeaderLine::Without(name) => Text::plain(format!("{name}:")),
        HeaderLine::Field { name, value } if value.is_empty() => Text::plain(format!("{name};")),
        HeaderLine::Field { name, value } if name == "expect" => {
            Text::plain(format!("{name}: {value}"))
        }
        HeaderLine::Field { name, .. } => field("HTTPHEADER", &name, &mut names),
    };
    let mut lines: Vec<Text> = options
        .header_lines()
        .inspect(|line| {
            let (HeaderLine::Without(name) | HeaderLine::Field { name, .. }) = line;
            expects |= name == "expect";
        })
        .map(line)
        .collect();
    if !expects {
        lines.push(Text::plain("Expect:"));
    }
    lines
}

/// `Name: ` and a variable that no other field has.
fn field(option: &str, name: &str, names: &mut Vec<String>) -> Text {
    let wanted = variable(&format!("{option}_{}", name.trim()));
    let same = names.iter().filter(|known| **known == wanted).count();
    names.push(wanted.clone());
    let variable = if same == 0 { wanted } else { format!("{wanted}_{}", same + 1) };
    Text::secret(variable).prefixed(&format!("{}: ", name.trim()))
}

/// The name of the variable for a secret.
pub(super) fn variable(what: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("CURLIFT_{}", what.chars().map(letter).collect::<String>())
}

/// A value with its unit for a comment, without secrets, and who set it.
pub(super) fn told(set: &Setting<Assignment>) -> String {
    let handle = match set.value.option.handle {
        crate::curlopt::Handle::Easy => "",
        crate::curlopt::Handle::Multi => "multi ",
    };
    let (name, value) = (set.value.option.name, set.value.shown());
    quote::comment(&format!("{handle}{name} = {value} ({})", set.origin))
}

/// Whether a URL lets anybody do something who knows it.
pub(super) fn is_key(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query).to_ascii_lowercase();
    let signs = |pair: &str| {
        ["x-amz-signature=", "x-amz-security-token=", "signature="]
            .iter()
            .any(|name| pair.starts_with(name))
    };
    query.split('&').any(signs) || without_userinfo(url) != url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curlopt::{Given, Handle, check, find};

    fn set(name: &str, given: &Given) -> Assignment {
        check(find(Handle::Easy, name).unwrap(), given).unwrap()
    }

    fn text_of(name: &str, value: &str) -> Text {
        text(&set(name, &Given::Text(value.into()))).unwrap()
    }

    #[test]
    fn secrets_are_variables() {
        assert_eq!(text_of("USERPWD", "me:x").shell(), "\"$CURLIFT_USERPWD\"");
        assert_eq!(text_of("PROXY", "http://me:x@p").python(), "os.environ[\"CURLIFT_PROXY\"]");
        assert_eq!(text_of("PROXY", "http://p:1").shell(), "http://p:1");
        assert_eq!(text_of("USERPWD", "").shell(), "''");
        let around = text_of("PROXY", "me:x@p").prefixed("socks5://").followed(":1");
        assert_eq!(around.shell(), "socks5://\"$CURLIFT_PROXY\":1");
        assert_eq!(around.python(), "\"socks5://\" + os.environ[\"CURLIFT_PROXY\"] + \":1\"");
    }

    #[test]
    fn fields_of_one_name_have_variables_of_their_own() {
        let given = ["X-A: 1", "x-a: 2", "X-B;"].map(|line| Given::Text(line.into()));
        let shown: Vec<String> = lines(&set("PROXYHEADER", &Given::List(given.into())))
            .iter()
            .map(Text::shell)
            .collect();
        let expected = [
            "'X-A: '\"$CURLIFT_PROXYHEADER_X_A\"",
            "'x-a: '\"$CURLIFT_PROXYHEADER_X_A_2\"",
            "'X-B;'",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn presigned_urls_are_keys() {
        assert!(is_key("https://h/b/k?a=b&X-Amz-Signature=00"));
        assert!(is_key("https://me:x@h/b/k"));
        assert!(!is_key("https://h/b/k?partNumber=1"));
        assert!(!is_key("https://h/signature=x"));
    }
}

//! What is wrong with an option as somebody wrote it. Where it stands is the caller's to say.

/// Why an option cannot be set as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// There is no such option.
    #[error("{written}: {}", unknown(.instead.as_ref(), .nearest, .table.as_ref()))]
    Unknown {
        /// As it was written.
        written: String,
        /// What to write, where the name is known from elsewhere.
        instead: Option<&'static str>,
        /// Names like it, the most like first.
        nearest: Vec<&'static str>,
        /// The table of the config file in which it stands, where it is of the other handle.
        table: Option<&'static str>,
    },
    /// The engine sets it itself.
    #[error("{name} is curlift's own: {why}{}", .flag.map(use_instead).unwrap_or_default())]
    Reserved {
        /// Its name.
        name: &'static str,
        /// Why.
        why: &'static str,
        /// What to use in its place.
        flag: Option<&'static str>,
    },
    /// It takes what no text can hold.
    #[error("{name} takes a {takes}, which only a program can hand over")]
    Pointer {
        /// Its name.
        name: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// Its value is of another kind.
    #[error("{name} = {given}: {expected} is expected")]
    Type {
        /// Its name.
        name: &'static str,
        /// What was written; stars where it is secret.
        given: String,
        /// What is expected.
        expected: String,
    },
    /// Its value is of the right kind and yet none.
    #[error("{name} = {given}: {why}")]
    Value {
        /// Its name.
        name: &'static str,
        /// What was written; stars where it is secret.
        given: String,
        /// What is wrong with it.
        why: String,
    },
}

fn use_instead(flag: &str) -> String {
    format!("; use {flag}")
}

fn unknown(
    instead: Option<&&'static str>,
    nearest: &[&'static str],
    table: Option<&&'static str>,
) -> String {
    if let Some(instead) = instead {
        return format!("libcurl has no such option: {instead}");
    }
    if let Some(table) = table {
        return format!("this option belongs in the table [{table}]");
    }
    match nearest {
        [] => "libcurl has no such option; `curlift options ls --all` lists them".to_owned(),
        [one] => format!("libcurl has no such option; did you mean {one}?"),
        [others @ .., last] => {
            format!("libcurl has no such option; did you mean {} or {last}?", others.join(", "))
        }
    }
}

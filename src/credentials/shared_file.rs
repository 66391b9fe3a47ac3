//! The format of the files that AWS tools share, line by line: sections, `name = value`, settings
//! nested under one of them by indentation, comments. What is read goes into [`Profiles`]; nothing
//! is opened here, and no message repeats a line, for it may hold a secret.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".

use std::path::Path;

use super::CredentialsError;
use super::profiles::{Profiles, SectionKind, Setting};

/// Takes in one file. A setting that is there already is replaced.
pub(super) fn read(
    profiles: &mut Profiles,
    file: &Path,
    content: &[u8],
    is_config: bool,
) -> Result<(), CredentialsError> {
    let broken = |line: usize, problem: &str| CredentialsError::BrokenFile {
        file: file.to_owned(),
        line,
        problem: problem.to_owned(),
    };
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    let text = std::str::from_utf8(content).map_err(|error| {
        let before = content[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        broken(before, "this is not UTF-8")
    })?;
    let mut reading = Reading { profiles, file, is_config, place: Place::Nowhere, last: None };
    for (index, text) in text.lines().enumerate() {
        let line = index + 1;
        let read = match Line::of(text) {
            Line::Blank => Ok(()),
            Line::Section(title) => reading.section(title),
            Line::Other { indent, text } => reading.setting(line, indent, text),
        };
        read.map_err(|problem| broken(line, problem))?;
    }
    Ok(())
}

/// One file on its way into the profiles.
struct Reading<'a> {
    profiles: &'a mut Profiles,
    file: &'a Path,
    is_config: bool,
    place: Place,
    last: Option<Last>,
}

impl Reading<'_> {
    fn section(&mut self, title: &str) -> Result<(), &'static str> {
        self.last = None;
        self.place =
            Place::of(title, self.is_config).ok_or("a section is [name] or [kind name]")?;
        if let Place::In(kind, name) = &self.place {
            self.profiles.put(*kind, name, None);
        }
        Ok(())
    }

    fn setting(&mut self, line: usize, indent: usize, text: &str) -> Result<(), &'static str> {
        if let Place::Nowhere = self.place {
            return Err("a setting before the first [section]");
        }
        let parent = self.last.as_ref().filter(|last| indent > last.indent);
        if parent.is_some_and(|parent| parent.has_value) {
            // More of the value above, by AWS's rules; no setting that matters here has more.
            return Ok(());
        }
        let (name, value) = text.split_once('=').ok_or("a setting is name = value")?;
        let (name, value) = (name.trim().to_lowercase(), value.trim());
        if name.is_empty() {
            return Err("a setting needs a name before the =");
        }
        let name = if let Some(parent) = parent {
            format!("{}.{name}", parent.name)
        } else {
            let has_value = !value.is_empty();
            self.last = Some(Last { name: name.clone(), indent, has_value });
            name
        };
        if let Place::In(kind, title) = &self.place {
            let value = without_comment(&name, value).to_owned();
            let setting = Setting { value, file: self.file.to_owned(), line };
            self.profiles.put(*kind, title, Some((name, setting)));
        }
        Ok(())
    }
}

/// The setting that indented lines belong to.
struct Last {
    name: String,
    indent: usize,
    has_value: bool,
}

/// Which section a line is in.
enum Place {
    Nowhere,
    In(SectionKind, String),
    /// One that means nothing to anybody here, such as `[plugins]`.
    Elsewhere,
}

impl Place {
    fn of(title: &str, is_config: bool) -> Option<Place> {
        let (kind, name) = match title.split_once([' ', '\t']) {
            Some((kind, name)) => (kind, name.trim()),
            None => ("", title),
        };
        let name = ["\"", "'"]
            .iter()
            .find_map(|quote| name.strip_prefix(quote)?.strip_suffix(quote))
            .unwrap_or(name);
        if name.is_empty() {
            return None;
        }
        let place = |kind| Some(Place::In(kind, name.to_owned()));
        match kind {
            _ if !is_config => Some(Place::In(SectionKind::Profile, title.to_owned())),
            "profile" => place(SectionKind::Profile),
            "sso-session" => place(SectionKind::SsoSession),
            "services" => place(SectionKind::Services),
            "" if name == "default" => place(SectionKind::Profile),
            _ => Some(Place::Elsewhere),
        }
    }
}

enum Line<'a> {
    Blank,
    Section(&'a str),
    Other { indent: usize, text: &'a str },
}

impl Line<'_> {
    fn of(line: &str) -> Line<'_> {
        let text = line.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            return Line::Blank;
        }
        match text.strip_prefix('[') {
            // Without an end it has no title, which is an error.
            Some(rest) => Line::Section(rest.split_once(']').map_or("", |(title, _)| title.trim())),
            None => Line::Other { indent: line.len() - line.trim_start().len(), text },
        }
    }
}

/// A `#` or `;` behind a blank begins a comment, except in a command, which has its own quoting.
fn without_comment<'a>(name: &str, value: &'a str) -> &'a str {
    if name == "credential_process" {
        return value;
    }
    let comment = value
        .match_indices(['#', ';'])
        .map(|(at, _)| at)
        .find(|at| *at == 0 || value[..*at].ends_with([' ', '\t']));
    value[..comment.unwrap_or(value.len())].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(config: &str, credentials: &str) -> Result<Profiles, CredentialsError> {
        let mut profiles = Profiles::default();
        super::read(&mut profiles, Path::new("config"), config.as_bytes(), true)?;
        super::read(&mut profiles, Path::new("credentials"), credentials.as_bytes(), false)?;
        Ok(profiles)
    }

    fn problem(config: &[u8]) -> String {
        let mut profiles = Profiles::default();
        super::read(&mut profiles, Path::new("/h/.aws/config"), config, true)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn both_files_make_one_profile_and_the_credentials_file_wins() {
        let profiles = read(
            "[default]\nregion = eu-west-1\naws_access_key_id=CONFIG\n[profile a b]\nregion=x\n",
            "[default]\naws_access_key_id = CREDENTIALS # mine\n[a b]\nAWS_Secret_Access_Key = s#1;2\n",
        )
        .unwrap();
        let default = profiles.profile("default").unwrap();
        assert_eq!(default.get("region"), Some("eu-west-1"));
        assert_eq!(default.get("aws_access_key_id"), Some("CREDENTIALS"));
        let setting = default.setting("aws_access_key_id").unwrap();
        assert_eq!((setting.file.to_str(), setting.line), (Some("credentials"), 2));
        let other = profiles.profile("a b").unwrap();
        assert_eq!(other.get("region"), Some("x"));
        assert_eq!(other.get("aws_secret_access_key"), Some("s#1;2"));
        assert_eq!(profiles.names().collect::<Vec<_>>(), ["a b", "default"]);
    }

    #[test]
    fn what_people_write_is_understood() {
        let profiles = read(
            "\u{FEFF}# a comment\r\n; another\r\n[ default ] ; here\r\n  region=eu-west-1\r\n  \
             output = json\r\n  s3 =\r\n    addressing_style = path\r\n    # note\r\n    \
             use_accelerate_endpoint=true\r\n  empty =\r\n[plugins]\r\ncli = x\r\n\
             [profile \"quoted name\"]\r\ncredential_process = a \"b # c\" # d\r\n\
             [sso-session corp]\r\nsso_region = us-east-2\r\n\
             [services local]\r\ns3 =\r\n  endpoint_url = http://127.0.0.1:9000\r\n",
            "[default]\naws_access_key_id = A\n\tcontinued\n  or=so\naws_secret_access_key = B==\n",
        )
        .unwrap();
        let default = profiles.profile("default").unwrap();
        assert_eq!(default.get("region"), Some("eu-west-1"));
        assert_eq!(default.get("output"), Some("json"));
        assert_eq!(default.get("s3.addressing_style"), Some("path"));
        assert_eq!(default.get("s3.use_accelerate_endpoint"), Some("true"));
        assert_eq!(default.get("empty"), None);
        assert_eq!(default.get("cli"), None);
        assert_eq!(default.get("aws_access_key_id"), Some("A"));
        assert_eq!(default.get("aws_secret_access_key"), Some("B=="));
        let quoted = profiles.profile("quoted name").unwrap();
        assert_eq!(quoted.get("credential_process"), Some("a \"b # c\" # d"));
        let session = profiles.section(SectionKind::SsoSession, "corp").unwrap();
        assert_eq!(session.get("sso_region"), Some("us-east-2"));
        let services = profiles.section(SectionKind::Services, "local").unwrap();
        assert_eq!(services.get("s3.endpoint_url"), Some("http://127.0.0.1:9000"));
        assert!(profiles.profile("corp").is_none());
    }

    #[test]
    fn a_mistake_is_told_with_file_and_line_and_without_its_text() {
        for (content, expected) in [
            (&b"[default]\n\naws_secret_access_key: SECRET"[..], "3: a setting is name = value"),
            (b"aws_secret_access_key = SECRET", "1: a setting before the first [section]"),
            (b"[default]\n = SECRET", "2: a setting needs a name before the ="),
            (b"[default]\n[]\n", "2: a section is [name] or [kind name]"),
            (b"[default]\na = b\nc = SECRET\xFF\n", "3: this is not UTF-8"),
            (b"\n[default\na = SECRET\n", "2: a section is [name] or [kind name]"),
        ] {
            let problem = problem(content);
            assert_eq!(problem, format!("/h/.aws/config, line {expected}"));
            assert!(!problem.contains("SECRET"));
        }
    }

    #[test]
    fn nothing_prints_a_value() {
        let profiles = read("", "[default]\naws_secret_access_key = SECRET\n").unwrap();
        assert!(!format!("{profiles:?}").contains("SECRET"));
    }
}

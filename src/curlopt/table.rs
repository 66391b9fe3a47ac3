//! The table of all options of the libcurl whose headers the `curl-sys` crate compiles.

use std::sync::OnceLock;

use super::mistake::Mistake;
use super::{Knowledge, explained};

/// Generated; one option a line, fields separated by tabs.
const TABLE: &str = include_str!("options.tsv");

/// What an option is set on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Handle {
    /// `curl_easy_setopt`: one transfer.
    Easy,
    /// `curl_multi_setopt`: all transfers of one thread.
    Multi,
}

/// What libcurl reads behind an option's number (`CURLOPTTYPE_…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A `long`.
    Long,
    /// A `long` that is one of some constants, or a sum of them.
    Values,
    /// A `curl_off_t`.
    OffT,
    /// A string.
    String,
    /// A `curl_slist`.
    List,
    /// A `curl_blob`.
    Blob,
    /// A pointer to something that only a program has.
    Object,
    /// What a callback is handed.
    Data,
    /// A callback.
    Function,
}

/// One option. Cheap to copy: it points into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurlOption {
    /// What it is set on.
    pub handle: Handle,
    /// Without `CURLOPT_` or `CURLMOPT_`.
    pub name: &'static str,
    /// Its number.
    pub id: u32,
    /// What libcurl reads.
    pub kind: Kind,
    /// The libcurl that brought it, such as `7.62.0`.
    pub since: &'static str,
    /// Whether and since when curl advises against it.
    pub deprecated: Option<Deprecation>,
    values: &'static str,
}

/// That curl advises against an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecation {
    /// The libcurl that did so first.
    pub since: &'static str,
    /// What it advises, as far as it says.
    pub instead: Option<&'static str>,
}

/// A value that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// As people write it: `1.1`.
    pub human: &'static str,
    /// As C and PycURL write it: `CURL_HTTP_VERSION_1_1`.
    pub constant: &'static str,
    /// The number.
    pub number: i64,
}

impl Handle {
    /// What C writes before the names of its options.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Handle::Easy => "CURLOPT_",
            Handle::Multi => "CURLMOPT_",
        }
    }

    /// The table of the config file in which its options stand.
    #[must_use]
    pub fn table(self) -> &'static str {
        match self {
            Handle::Easy => "curl",
            Handle::Multi => "curlm",
        }
    }

    fn read(text: &str) -> Option<Handle> {
        [(Handle::Easy, "easy"), (Handle::Multi, "multi")]
            .into_iter()
            .find_map(|(handle, name)| (name == text).then_some(handle))
    }
}

impl Kind {
    fn read(text: &str) -> Option<Kind> {
        Some(match text {
            "long" => Kind::Long,
            "values" => Kind::Values,
            "off_t" => Kind::OffT,
            "string" => Kind::String,
            "list" => Kind::List,
            "blob" => Kind::Blob,
            "object" => Kind::Object,
            "data" => Kind::Data,
            "function" => Kind::Function,
            _ => return None,
        })
    }

    /// Whether text can hold a value of it.
    #[must_use]
    pub fn can_be_written(self) -> bool {
        !matches!(self, Kind::Object | Kind::Data | Kind::Function)
    }

    /// The C type, as curl's manual names it.
    #[must_use]
    pub fn c_type(self) -> &'static str {
        match self {
            Kind::Long | Kind::Values => "long",
            Kind::OffT => "curl_off_t",
            Kind::String => "string",
            Kind::List => "list of strings",
            Kind::Blob => "blob",
            Kind::Object => "pointer to an object",
            Kind::Data => "pointer for a callback",
            Kind::Function => "callback",
        }
    }
}

impl CurlOption {
    /// The values that have a name.
    pub fn names(&self) -> impl Iterator<Item = Name> + use<> {
        let values = self.values.strip_prefix("mask:").unwrap_or(self.values);
        values.split('|').filter_map(|entry| {
            let mut fields = entry.rsplitn(3, '=');
            let number = fields.next()?.parse().ok()?;
            Some(Name { constant: fields.next()?, human: fields.next()?, number })
        })
    }

    /// Whether several named values may be set at once.
    #[must_use]
    pub fn is_mask(&self) -> bool {
        self.values.starts_with("mask:")
    }

    /// The same, where they are a least and a greatest: of `SSLVERSION`.
    pub(super) fn is_sum(&self) -> bool {
        self.is_mask() || self.names().any(|name| name.human.starts_with("max-"))
    }

    /// What was written down about it; nothing where it does not matter here.
    #[must_use]
    pub fn knowledge(&self) -> &'static Knowledge {
        explained(self)
    }

    /// With `CURLOPT_` or `CURLMOPT_`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}{}", self.handle.prefix(), self.name)
    }

    /// The name under which it and other names of the same setting are one: of `TIMEOUT` and
    /// `TIMEOUT_MS`, which libcurl keeps in one place, the last that is set counts.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        let other = self.knowledge().same_as.as_deref();
        other.map_or(self.name, |other| other.min(self.name))
    }
}

/// A line of the table: an option, or an older name of one.
enum Line {
    Option(CurlOption),
    Alias { handle: Handle, name: &'static str, of: &'static str },
}

fn read(line: &'static str) -> Option<Line> {
    let mut fields = line.split('\t');
    let handle = Handle::read(fields.next()?)?;
    let (name, id, kind) = (fields.next()?, fields.next()?, fields.next()?);
    let (since, deprecated, instead) = (fields.next()?, fields.next()?, fields.next()?);
    if kind == "alias" {
        return Some(Line::Alias { handle, name, of: instead });
    }
    let said = |text: &'static str| (text != "-").then_some(text);
    Some(Line::Option(CurlOption {
        handle,
        name,
        id: id.parse().ok()?,
        kind: Kind::read(kind)?,
        since,
        deprecated: said(deprecated).map(|since| Deprecation { since, instead: said(instead) }),
        values: fields.next()?,
    }))
}

struct Table {
    options: Vec<CurlOption>,
    aliases: Vec<(Handle, &'static str, &'static str)>,
}

fn table() -> &'static Table {
    static READ: OnceLock<Table> = OnceLock::new();
    READ.get_or_init(|| {
        let mut table = Table { options: Vec::new(), aliases: Vec::new() };
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            match read(line).expect("a test reads every line of the table") {
                Line::Option(option) => table.options.push(option),
                Line::Alias { handle, name, of } => table.aliases.push((handle, name, of)),
            }
        }
        table
    })
}

/// All options of a handle, in the order of their numbers.
pub fn all(handle: Handle) -> impl Iterator<Item = &'static CurlOption> {
    table().options.iter().filter(move |option| option.handle == handle)
}

/// The option that is meant: in any case, with or without `CURLOPT_`, by an older name, or as
/// PycURL spells it (`OPT_CERTINFO`).
///
/// # Errors
/// [`Mistake::Unknown`], with the nearest names, or with what to write where the name is known from
/// elsewhere.
pub fn find(handle: Handle, name: &str) -> Result<&'static CurlOption, Mistake> {
    let wanted = name.trim().to_ascii_uppercase();
    let wanted = wanted.strip_prefix(handle.prefix()).unwrap_or(&wanted);
    let wanted = wanted.strip_prefix("OPT_").unwrap_or(wanted);
    let alias = table().aliases.iter().find(|(of, alias, _)| *of == handle && *alias == wanted);
    let wanted = alias.map_or(wanted, |(.., target)| target);
    let found = all(handle).find(|option| option.name == wanted);
    found.ok_or_else(|| unknown(handle, name.trim(), wanted))
}

/// The same of either handle, easy options first: a command line has no tables to tell them apart.
///
/// # Errors
/// As those of [`find`], of easy options.
pub fn find_any(name: &str) -> Result<&'static CurlOption, Mistake> {
    find(Handle::Easy, name).or_else(|unknown| find(Handle::Multi, name).map_err(|_| unknown))
}

/// Names as far from what was written as this are no help.
const SIMILARITY_MIN: f64 = 0.82;

fn unknown(handle: Handle, written: &str, wanted: &str) -> Mistake {
    let mut near: Vec<(f64, &str)> = all(handle)
        .filter(|option| option.kind.can_be_written() && option.deprecated.is_none())
        .map(|option| (strsim::jaro_winkler(option.name, wanted), option.name))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let is_elsewhere = |other: Handle| all(other).any(|option| option.name == wanted);
    let other = match handle {
        Handle::Easy => Handle::Multi,
        Handle::Multi => Handle::Easy,
    };
    Mistake::Unknown {
        written: written.to_owned(),
        instead: super::knowledge::known_elsewhere(wanted),
        nearest: near.into_iter().take(3).map(|(_, name)| name).collect(),
        table: is_elsewhere(other).then(|| other.table()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_can_be_read() {
        let lines: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        for line in &lines {
            assert!(read(line).is_some(), "{line}");
        }
        let (options, aliases) = (&table().options, &table().aliases);
        assert_eq!(options.len() + aliases.len(), lines.len());
        assert!(all(Handle::Easy).count() >= 300, "{}", all(Handle::Easy).count());
        assert!(all(Handle::Multi).count() >= 20, "{}", all(Handle::Multi).count());
    }

    #[test]
    fn numbers_lie_in_the_range_of_their_kind() {
        for option in &table().options {
            let base = match option.kind {
                Kind::Long | Kind::Values => 0,
                Kind::String | Kind::List | Kind::Object | Kind::Data => 10_000,
                Kind::Function => 20_000,
                Kind::OffT => 30_000,
                Kind::Blob => 40_000,
            };
            assert!((base + 1..base + 10_000).contains(&option.id), "{option:?}");
        }
    }

    #[test]
    fn names_and_numbers_are_unique() {
        for handle in [Handle::Easy, Handle::Multi] {
            let mut names: Vec<_> = all(handle).map(|option| option.name).collect();
            let mut ids: Vec<_> = all(handle).map(|option| option.id).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!((names.len(), ids.len()), (count, count), "{handle:?}");
        }
    }

    #[test]
    fn an_option_is_found_however_it_is_spelled() {
        let spellings = [
            "UPLOAD_BUFFERSIZE",
            "upload_buffersize",
            "CURLOPT_UPLOAD_BUFFERSIZE",
            " curlopt_Upload_BufferSize ",
        ];
        for name in spellings {
            let option = find(Handle::Easy, name).unwrap();
            assert_eq!((option.name, option.id), ("UPLOAD_BUFFERSIZE", 280), "{name}");
        }
        assert_eq!(find(Handle::Easy, "OPT_CERTINFO").unwrap().name, "CERTINFO");
        assert_eq!(find(Handle::Easy, "FILE").unwrap().name, "WRITEDATA");
        assert_eq!(find(Handle::Multi, "CURLMOPT_MAXCONNECTS").unwrap().id, 6);
    }

    #[test]
    fn a_name_that_is_none_has_neighbours() {
        let nearest = |name| match find(Handle::Easy, name) {
            Err(Mistake::Unknown { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("CONECTTIMEOUT")[0], "CONNECTTIMEOUT");
        assert_eq!(nearest("TCP_KEEPALIV")[0], "TCP_KEEPALIVE");
        assert!(nearest("XYZZY").is_empty());
    }

    #[test]
    fn an_option_of_the_other_handle_is_told_where_it_belongs() {
        let Err(Mistake::Unknown { table, .. }) = find(Handle::Easy, "MAX_TOTAL_CONNECTIONS")
        else {
            panic!("it is no easy option")
        };
        assert_eq!(table, Some("curlm"));
    }

    #[test]
    fn values_have_names() {
        let version = find(Handle::Easy, "HTTP_VERSION").unwrap();
        let one = version.names().find(|name| name.human == "1.1").unwrap();
        assert_eq!((one.constant, one.number), ("CURL_HTTP_VERSION_1_1", 2));
        assert!(!version.is_mask());
        assert!(find(Handle::Easy, "HTTPAUTH").unwrap().is_mask());
    }

    #[test]
    fn two_names_of_one_setting_are_one() {
        let setting = |name| find(Handle::Easy, name).unwrap().setting();
        assert_eq!(setting("TIMEOUT"), setting("TIMEOUT_MS"));
        assert_eq!(setting("CONNECTTIMEOUT"), setting("CONNECTTIMEOUT_MS"));
        assert_ne!(setting("TIMEOUT"), setting("CONNECTTIMEOUT"));
    }
}

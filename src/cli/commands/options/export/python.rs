//! The options as a script with PycURL that uploads a file.

use super::Export;
use super::joined::All;
use super::quote;
use super::secrets::{self, Text};
use crate::cli::args::ToolVersion;
use crate::config::Setting;
use crate::curlopt::{
    Assignment, CurlOption, Handle, Spelling, Value, pycurl_constant, pycurl_option,
};

/// The script around the options. `@…@` is replaced.
const SCRIPT: &str = include_str!("upload.py.txt");

/// The script.
pub(super) fn script(export: &Export<'_>) -> String {
    let of = |handle| {
        let sets = export.options.iter().filter(move |set| set.value.option.handle == handle);
        sets.filter(|set| set.value.option.name != "HTTPHEADER")
    };
    let easy: String = of(Handle::Easy).map(|set| line(set, "c", export.version)).collect();
    let multi: String = of(Handle::Multi).map(|set| line(set, "m", export.version)).collect();
    let multi = if multi.is_empty() { multi } else { fill(MULTI, &[("OPTIONS", multi)]) };
    let fields: String = secrets::header_lines(export.options)
        .iter()
        .map(|line| {
            if line.is_field_without_value() && export.signs_fields_without_value() {
                // With `fields` the request is signed.
                format!("        *([] if fields else [{}]),\n", line.python())
            } else {
                format!("        {},\n", line.python())
            }
        })
        .collect();
    let (sign, call, as_is) = if export.is_signed {
        let sign = fill(SIGN, &[("REGION", quote::python(export.region))]);
        (sign, "fields = sign(c) if \"X-Amz-Signature=\" not in url else []", AS_IS_UNSIGNED)
    } else {
        (String::new(), "fields = []", "1)")
    };
    let base64 = if easy.contains("base64.") { "import base64\n" } else { "" };
    let parts = [
        ("VERSION", export.version.to_string()),
        ("BASE64", base64.to_owned()),
        ("OPTIONS", easy),
        ("FIELDS", fields),
        ("AS_IS", as_is.to_owned()),
        ("FOLDER", without_folder(export).to_owned()),
        ("MULTI", multi),
        ("SIGN", sign),
        ("CALL", call.to_owned()),
    ];
    fill(SCRIPT, &parts)
}

/// A template with its `@NAMES@` replaced, all at once: a value may hold such a name.
fn fill(template: &str, parts: &[(&str, String)]) -> String {
    let pieces = template.split('@').enumerate().map(|(place, piece)| {
        let part = parts.iter().find(|(name, _)| *name == piece);
        part.filter(|_| place % 2 == 1).map_or(piece, |(_, text)| text)
    });
    pieces.collect()
}

/// A bundle excludes the folder of single certificates, as the engine has it.
fn without_folder(export: &Export<'_>) -> &'static str {
    let all = All(export.options);
    let has_bundle = all.get("CAINFO").is_some() || all.get("CAINFO_BLOB").is_some();
    if has_bundle && all.get("CAPATH").is_none() {
        "    c.unsetopt(pycurl.CAPATH)  # the bundle alone is believed\n"
    } else {
        ""
    }
}

const MULTI: &str = r#"

def multi_options(m):
    """Sets what curlift sets on a pycurl.CurlMulti, for scripts that have one."""
@OPTIONS@"#;

const AS_IS_UNSIGNED: &str = "0 if fields else 1)  # libcurl does not sign with it";

const SIGN: &str = r#"

def sign(c):
    """Has libcurl sign, where there are keys; gives the header fields that belong to it."""
    if "AWS_ACCESS_KEY_ID" not in os.environ:
        return []
    keys = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    c.setopt(pycurl.AWS_SIGV4, "aws:amz:" + @REGION@ + ":s3")
    c.setopt(pycurl.USERPWD, ":".join(keys))
    token = os.environ.get("AWS_SESSION_TOKEN")
    fields = ["x-amz-content-sha256: UNSIGNED-PAYLOAD"]
    return fields + (["x-amz-security-token: " + token] if token else [])
"#;

/// `c.setopt(…)` with a comment, or a comment that says why not.
fn line(set: &Setting<Assignment>, handle: &str, version: ToolVersion) -> String {
    let option = set.value.option;
    let told = secrets::told(set);
    let since = ToolVersion::read(option.since).filter(|since| *since > version);
    if let Some(since) = since {
        return format!("    # {told}: left out, libcurl has it since {since}\n");
    }
    let (name, remark) = match pycurl_option(option) {
        Spelling::Constant(name) => (format!("pycurl.{name}"), None),
        Spelling::Number(id) => {
            (id.to_string(), Some(format!("{}: PycURL has no constant", option.full_name())))
        }
        Spelling::Refused => {
            return format!("    # {told}: left out, PycURL cannot set {}\n", option.full_name());
        }
    };
    let meaning = first_words(&option.knowledge().meaning);
    let colon = if meaning.is_empty() { "" } else { ": " };
    let origin = quote::comment(&format!("{}{colon}{meaning}", set.origin));
    let remark = remark.map(|remark| format!("{remark}; ")).unwrap_or_default();
    let value = value(&set.value);
    format!("    {handle}.setopt({name}, {value})  # {remark}{origin}\n")
}

/// As much of a meaning as stands beside a line.
fn first_words(meaning: &str) -> &str {
    meaning.split([',', ';', ':']).next().unwrap_or_default()
}

fn value(set: &Assignment) -> String {
    match &set.value {
        Value::Number(number) => number_of(set.option, *number),
        Value::Text(_) => secrets::text(set).as_ref().map(Text::python).unwrap_or_default(),
        Value::List(_) => {
            let lines: Vec<String> = secrets::lines(set).iter().map(Text::python).collect();
            format!("[{}]", lines.join(", "))
        }
        Value::Blob(_) if secrets::is_secret(set) => {
            let name = secrets::variable(set.option.name);
            format!("os.environ[\"{name}\"].encode()")
        }
        Value::Blob(_) => {
            let typed = set.typed().concat();
            let encoded = typed.trim_start_matches("base64:");
            format!("base64.b64decode(\"{encoded}\")")
        }
    }
}

/// A number by `PycURL`'s constants where it has them for all of it.
fn number_of(option: &CurlOption, number: i64) -> String {
    let constant = |wanted: i64| {
        let mut names = option.names().filter(|name| name.number == wanted);
        names.find_map(|name| pycurl_constant(&name)).map(|name| format!("pycurl.{name}"))
    };
    if let Some(constant) = constant(number) {
        return constant;
    }
    // A sum of bits, or of a least and a greatest version.
    let bits = (0..63).map(|bit| 1 << bit).filter(|bit| number & bit != 0);
    let bits: Option<Vec<String>> = bits.map(constant).collect();
    let halves = || Some(vec![constant(number & 0xffff)?, constant(number & !0xffff)?]);
    let sum = if option.is_mask() { bits } else { halves() };
    sum.filter(|sum| !sum.is_empty()).map_or_else(|| number.to_string(), |sum| sum.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;
    use crate::curlopt::{Given, check, find};

    fn line_of(name: &str, typed: &str) -> String {
        line_for(name, typed, ToolVersion::NEWEST)
    }

    fn line_for(name: &str, typed: &str, version: ToolVersion) -> String {
        let option = find(Handle::Easy, name).or_else(|_| find(Handle::Multi, name)).unwrap();
        let value = check(option, &Given::Typed(vec![typed.to_owned()])).unwrap();
        line(&Setting { value, origin: Origin::Flag("--curl") }, "c", version)
    }

    #[test]
    fn options_are_set_by_constant_or_number() {
        let rows = [
            (
                "CONNECTTIMEOUT_MS",
                "1500",
                "    c.setopt(pycurl.CONNECTTIMEOUT_MS, 1500)  # --curl: ",
            ),
            (
                "TCP_KEEPCNT",
                "3",
                "    c.setopt(326, 3)  # CURLOPT_TCP_KEEPCNT: PycURL has no constant; ",
            ),
            ("CERTINFO", "1", "    c.setopt(pycurl.OPT_CERTINFO, 1)  # "),
            (
                "HTTP_VERSION",
                "1.1",
                "    c.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)  # ",
            ),
            ("PROXYTYPE", "socks5", "    c.setopt(pycurl.PROXYTYPE, pycurl.PROXYTYPE_SOCKS5)  # "),
            ("PROXYTYPE", "https", "    c.setopt(pycurl.PROXYTYPE, 2)  # "),
            (
                "HTTPAUTH",
                "basic|digest",
                "    c.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_BASIC | pycurl.HTTPAUTH_DIGEST)  # ",
            ),
            (
                "SSLVERSION",
                "TLSv1.2|max-TLSv1.3",
                "    c.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2 | pycurl.SSLVERSION_MAX_TLSv1_3)  # ",
            ),
            ("RESOLVE", "a:1:b", "    c.setopt(pycurl.RESOLVE, [\"a:1:b\"])  # "),
            ("INTERFACE", "if!\"x", "    c.setopt(pycurl.INTERFACE, \"if!\\\"x\")  # "),
            (
                "USERPWD",
                "me:hush",
                "    c.setopt(pycurl.USERPWD, os.environ[\"CURLIFT_USERPWD\"])  # ",
            ),
            (
                "CAINFO_BLOB",
                "abc",
                "    c.setopt(pycurl.CAINFO_BLOB, base64.b64decode(\"YWJj\"))  # ",
            ),
            (
                "DNS_INTERFACE",
                "lo",
                "    # DNS_INTERFACE = lo (--curl): left out, PycURL cannot set CURLOPT_DNS_INTERFACE",
            ),
            ("MAX_TOTAL_CONNECTIONS", "9", "    c.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, 9)  # "),
        ];
        for (name, typed, expected) in rows {
            let line = line_of(name, typed);
            assert!(line.starts_with(expected), "{line}");
            assert!(!line.contains("hush"), "{line}");
        }
    }

    #[test]
    fn what_an_older_libcurl_lacks_is_left_out() {
        let line = line_for("TCP_KEEPCNT", "3", ToolVersion(7, 88));
        assert_eq!(line, "    # TCP_KEEPCNT = 3 (--curl): left out, libcurl has it since 8.9\n");
    }
}

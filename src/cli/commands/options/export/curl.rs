//! The options as one command line of the curl tool, for bash, with what it cannot say above it.

use super::Export;
use super::flags::{Flag, Told};
use super::joined::{self, All};
use super::quote;
use super::secrets::{self, Text};

/// The command line.
pub(super) fn command_line(export: &Export<'_>) -> String {
    let mut told = Sorted::default();
    for set in export.options.iter() {
        // Its lines are put together with the engine's own.
        if set.value.option.name != "HTTPHEADER" {
            told.sort(set, export);
        }
    }
    let cannot_be_signed = export.signs() && export.signs_fields_without_value();
    told.differing.extend(folder_remark(export));
    let url_is_key = export.url.is_some_and(secrets::is_key);
    let mut words = engines(export.file);
    if !export.signs() {
        words.push(Flag::alone("--path-as-is"));
    }
    words.append(&mut told.flags);
    let (fields, unsendable): (Vec<Text>, Vec<Text>) = secrets::header_lines(export.options)
        .into_iter()
        .partition(|line| !(cannot_be_signed && line.is_field_without_value()));
    words.extend(fields.into_iter().map(|line| Flag::with("--header", line)));
    let variables = variables(&words);
    let mut lines: Vec<String> = words.iter().map(line).collect();
    if export.signs() {
        lines.extend(signing(export.region));
    }
    let url = export.url.filter(|_| !url_is_key);
    lines.push(format!("--url {}", url.map_or("\"$URL\"".to_owned(), quote::shell)));

    let mut head = vec![
        format!("# What curlift sets, as curl {} is told it.", export.version),
        "# It is one request: no parts, no retries, no checksums, and nothing to go on from."
            .to_owned(),
    ];
    head.extend(told.heads());
    head.extend(unsendable.iter().map(|line| {
        let line = quote::comment(&line.before);
        format!("# Left out: --header '{line}', which curl before 8.4 signs and does not send.")
    }));
    head.extend(signing_comment(export, url_is_key));
    if url.is_some_and(|url| url.split('?').next().is_some_and(|path| path.ends_with('/'))) {
        head.push("# curl appends the file's name to a URL that ends with a slash.".to_owned());
    }
    let mut needed = variables;
    needed.extend(export.file.is_none().then(|| "FILE".to_owned()));
    needed.extend(url.is_none().then(|| "URL".to_owned()));
    let mut command = String::new();
    if !needed.is_empty() {
        head.push(format!("# Set before: {}", needed.join(", ")));
        let checks: Vec<String> = needed.iter().map(|name| format!("\"${{{name}:?}}\"")).collect();
        command = format!(": {} && \\\n", checks.join(" "));
    }
    let first = "curl --disable";
    let lines = lines.join(" \\\n  ");
    format!("{}\n{command}{first} \\\n  {lines}\n", head.join("\n"))
}

/// Flags for what the engine sets itself, and for what keeps the tool from adding its own.
fn engines(file: Option<&str>) -> Vec<Flag> {
    let file = match file {
        Some(file) => Text::plain(file),
        None => Text { variable: Some("FILE".to_owned()), ..Text::plain("") },
    };
    vec![
        Flag::with("--upload-file", file),
        // An HTTP error is an error, as it is to curlift, and S3's words are shown.
        Flag::alone("--fail-with-body"),
        // Neither brackets in the name of the file nor those of the key are patterns.
        Flag::alone("--globoff"),
        Flag::with("--proto", Text::plain("=http,https")),
    ]
}

fn line(flag: &Flag) -> String {
    match &flag.value {
        Some(value) => format!("{} {}", flag.name, value.shell()),
        None => flag.name.to_owned(),
    }
}

/// The engine leaves the folder of single certificates out where there is a bundle.
fn folder_remark(export: &Export<'_>) -> Option<String> {
    let all = All(export.options);
    let bundle = all.get("CAINFO").filter(|_| all.get("CAPATH").is_none())?;
    let remark = "curl may believe the system's folder of authorities as well";
    Some(format!("{}: {remark}", secrets::told(bundle)))
}

/// Names of the variables that stand for secrets.
fn variables(flags: &[Flag]) -> Vec<String> {
    let values = flags.iter().filter_map(|flag| flag.value.as_ref()?.variable.clone());
    values.filter(|name| name.starts_with("CURLIFT_")).collect()
}

/// Keys are read from the variables where curlift looks first; a token goes along where there is
/// one. Older curls do not say by themselves that the payload's hash is not signed.
fn signing(region: &str) -> [String; 4] {
    let token = "AWS_SESSION_TOKEN";
    [
        "--header 'x-amz-content-sha256: UNSIGNED-PAYLOAD'".to_owned(),
        format!("--aws-sigv4 {}", quote::shell(&format!("aws:amz:{region}:s3"))),
        "--user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"".to_owned(),
        format!("${{{token}:+--header}} ${{{token}:+\"x-amz-security-token: ${token}\"}}"),
    ]
}

/// What there is to know of the signature.
fn signing_comment(export: &Export<'_>, url_is_key: bool) -> Vec<String> {
    let lines: &[&str] = match (url_is_key, export.signs(), export.url) {
        (true, ..) => {
            &["# The URL that was given is a key itself and not repeated: set URL to it."]
        }
        (false, false, _) => &[],
        (false, true, Some(_)) => &[UNSIGNABLE, SIGNED],
        (false, true, None) => &[UNSIGNABLE, SIGNED, PRESIGNED],
    };
    lines.iter().map(|line| (*line).to_owned()).collect()
}

const UNSIGNABLE: &str = "\
# Left out: --path-as-is, with which curl does not sign. It squeezes /./ and /../ out of a key.";
const SIGNED: &str = "# Signed with the keys of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.";
const PRESIGNED: &str = "# For a presigned URL export with --no-sign-request.";

/// What is told and what is not, and why.
#[derive(Debug, Default)]
struct Sorted {
    flags: Vec<Flag>,
    differing: Vec<String>,
    impossible: Vec<String>,
    too_new: Vec<String>,
    needless: Vec<String>,
}

impl Sorted {
    fn sort(
        &mut self,
        set: &crate::config::Setting<crate::curlopt::Assignment>,
        export: &Export<'_>,
    ) {
        let about = |text: &str| format!("{}: {text}", secrets::told(set));
        match joined::told(&set.value, All(export.options)) {
            Told::Flags { flags, since: Some(since), .. } if since > export.version => {
                let names: Vec<&str> = flags.iter().map(|flag| flag.name).collect();
                self.too_new.push(about(&format!("{} since curl {since}", names.join(", "))));
            }
            Told::Flags { flags, since, remark } => {
                let since = since.map(|since| format!("{} needs curl {since}", flags[0].name));
                self.differing.extend(remark.into_iter().chain(since).map(|text| about(&text)));
                self.flags.extend(flags);
            }
            Told::Already(why) => self.needless.push(about(why)),
            Told::Cannot(why) => self.impossible.push(about(&why)),
        }
    }

    fn heads(&self) -> Vec<String> {
        let sections = [
            ("Not told, for want of a flag:", &self.impossible),
            ("Left out, as newer than this curl:", &self.too_new),
            ("Told, but:", &self.differing),
            ("Left out, as curl does so anyway:", &self.needless),
        ];
        let with = sections.iter().filter(|(_, lines)| !lines.is_empty());
        with.flat_map(|(title, lines)| {
            std::iter::once(format!("# {title}"))
                .chain(lines.iter().map(|line| format!("#   {}", quote::comment(line))))
        })
        .collect()
    }
}

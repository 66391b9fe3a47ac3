//! `curlift options export`: what curlift will set, for those who go on with curl or PycURL, and as
//! a config file of its own.

mod config_file;
mod curl;
mod flags;
mod http;
mod joined;
mod proxy;
mod python;
mod quote;
mod secrets;
mod tls;

use serde_json::json;

use crate::cli::Surroundings;
use crate::cli::args::{ExportArgs, Target, ToolVersion};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::config::{Config, LibcurlOptions};

/// What is exported.
#[derive(Debug)]
struct Export<'a> {
    options: &'a LibcurlOptions,
    /// To sign for.
    region: &'a str,
    is_signed: bool,
    url: Option<&'a str>,
    file: Option<&'a str>,
    version: ToolVersion,
}

impl Export<'_> {
    /// Whether the request needs a signature of its own.
    fn signs(&self) -> bool {
        self.is_signed && !self.url.is_some_and(secrets::is_key)
    }

    /// Whether libcurl would sign header fields without a value, which it does not send as they
    /// are signed: curl's issue 11664 of 2023.
    fn signs_fields_without_value(&self) -> bool {
        self.version < ToolVersion(8, 4)
    }
}

/// Prints it; sends nothing.
pub(super) fn run(
    args: &ExportArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    check(args)?;
    let file = surroundings.file()?;
    let config = Config::load(&args.overrides(), &surroundings.environment, file)?;
    let export = Export {
        options: &config.options,
        region: &config.region.value,
        is_signed: !args.no_sign_request,
        url: args.url.as_deref(),
        file: args.file.as_deref(),
        version: args.for_version.unwrap_or(ToolVersion::NEWEST),
    };
    let text = match args.to {
        Target::Curl => curl::command_line(&export),
        Target::Pycurl => python::script(&export),
        Target::Toml => config_file::text(&config, file),
    };
    if console.is_json() {
        console.event(&json!({ "event": "export", "to": args.to.name(), "text": text }));
    } else {
        console.product(&text);
    }
    Ok(ExitStatus::Success)
}

/// What belongs to another target is a mistake, not to be passed over.
fn check(args: &ExportArgs) -> Result<(), CliError> {
    let refuse = |what: &str, hint: &str| {
        Err(CliError::Usage { what: what.to_owned(), hint: hint.to_owned() })
    };
    if args.to != Target::Curl && (args.file.is_some() || args.url.is_some()) {
        return refuse(
            "a file and a URL are for --to curl alone",
            "the PycURL script takes both as arguments; a config file has neither",
        );
    }
    if args.to == Target::Toml && (args.for_version.is_some() || args.no_sign_request) {
        return refuse(
            "--for-version and --no-sign-request are not for --to toml",
            "leave them out: a config file of curlift knows neither",
        );
    }
    if let Some(file @ ("-" | "." | "")) = args.file.as_deref() {
        return refuse(
            &format!("curl sends {file:?} without a length, which S3 refuses"),
            "name a file; a file of this name is ./- for example",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, Overrides};
    use crate::credentials::Environment;
    use crate::curlopt::{Handle, Kind, all};

    /// Exports one option as `text` does.
    fn exported(
        option: &str,
        url: Option<&str>,
        version: ToolVersion,
        text: impl Fn(&Export<'_>, &Config) -> String,
    ) -> String {
        let overrides = Overrides { curl: vec![option.to_owned()], ..Overrides::default() };
        let file = ConfigFile::default();
        let config = Config::load(&overrides, &Environment::default(), &file).unwrap();
        let options = &config.options;
        let region = config.region.value.as_str();
        text(&Export { options, region, is_signed: true, url, file: None, version }, &config)
    }

    fn line(option: &str, url: Option<&str>, version: ToolVersion) -> String {
        exported(option, url, version, |export, _| curl::command_line(export))
    }

    #[test]
    fn flags_that_a_curl_lacks_are_left_out_and_named() {
        let newest = line("TCP_KEEPCNT=3", None, ToolVersion::NEWEST);
        assert!(newest.contains("  --keepalive-cnt 3 \\\n"), "{newest}");
        assert!(newest.contains("--keepalive-cnt needs curl 8.9"), "{newest}");
        let old = line("TCP_KEEPCNT=3", None, ToolVersion(7, 88));
        assert!(!old.contains("--keepalive-cnt 3"), "{old}");
        assert!(old.contains("TCP_KEEPCNT = 3 (--curl): --keepalive-cnt since curl 8.9"), "{old}");
    }

    #[test]
    fn a_command_line_names_what_it_needs() {
        let line = line("USERPWD=me:hush", None, ToolVersion::NEWEST);
        let needs = ": \"${CURLIFT_USERPWD:?}\" \"${FILE:?}\" \"${URL:?}\" && \\\ncurl --disable";
        assert!(line.contains(needs), "{line}");
        assert!(line.contains("  --upload-file \"$FILE\" \\\n"), "{line}");
        assert!(line.ends_with("  --url \"$URL\"\n"), "{line}");
    }

    #[test]
    fn signing_depends_on_the_url() {
        let plain = line("TIMEOUT=1", Some("https://h/b/k"), ToolVersion::NEWEST);
        assert!(plain.contains("--aws-sigv4 aws:amz:us-east-1:s3"), "{plain}");
        assert!(plain.contains("\"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\""), "{plain}");
        assert!(plain.ends_with("--url https://h/b/k\n"), "{plain}");
        let presigned = line("TIMEOUT=1", Some(PRESIGNED), ToolVersion::NEWEST);
        assert!(!presigned.contains("--aws-sigv4"), "{presigned}");
        assert!(presigned.contains("--path-as-is") && !presigned.contains("hush"), "{presigned}");
    }

    #[test]
    fn a_url_that_names_a_folder_is_told_of() {
        let folder = line("TIMEOUT=1", Some("https://h/b/k/?a=b"), ToolVersion::NEWEST);
        assert!(folder.contains("# curl appends the file's name"), "{folder}");
    }

    const PRESIGNED: &str = "https://h/k?X-Amz-Signature=hush";

    #[test]
    fn no_secret_is_exported() {
        let mut count = 0;
        for option in all(Handle::Easy) {
            let known = option.knowledge();
            let is_secret = known.secret || known.secret_userinfo;
            if !is_secret || known.reserved.is_some() {
                continue;
            }
            count += 1;
            let value = match option.kind {
                Kind::List => "X-Key: hush",
                _ if known.secret_userinfo => "http://me:hush@h",
                _ => "me:hush=hush",
            };
            let file = ConfigFile::default();
            let texts: [fn(&Export<'_>, &Config, &ConfigFile) -> String; 3] = [
                |export, _, _| curl::command_line(export),
                |export, _, _| python::script(export),
                |_, config, file| config_file::text(config, file),
            ];
            for text in texts {
                let typed = format!("{}={value}", option.name);
                let text =
                    exported(&typed, Some(PRESIGNED), ToolVersion::NEWEST, |export, config| {
                        text(export, config, &file)
                    });
                assert!(!text.contains("hush"), "{}:\n{text}", option.name);
                assert!(text.contains(option.name), "{}:\n{text}", option.name);
            }
        }
        assert!(count >= 15, "{count}");
    }
}

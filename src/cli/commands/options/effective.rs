//! `curlift options effective`: every value that will be set, and who set it.

use serde::Serialize;

use super::facts::{handle, origin};
use super::{page, settings};
use crate::cli::args::OptionsEffectiveArgs;
use crate::cli::commands::store::concurrency;
use crate::cli::console::{Console, harmless};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{Surroundings, libcurl};
use crate::config::{Config, LibcurlOptions, Origin, Setting};
use crate::credentials::Environment;
use crate::curlopt::{Assignment, Handle, HeaderLine, without_userinfo};
use crate::transport::{EngineOption, Refusal, engine_options, version};

/// Prints all of them, then what cp would say of them.
pub(super) fn run(
    args: &OptionsEffectiveArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let file = surroundings.file()?;
    let config = Config::load(&args.overrides(), &surroundings.environment, file)?;
    let concurrency = concurrency(&config, console);
    let (taken, refused) = libcurl::judged(&config.options);
    let effective = Effective {
        options: options(&config.options, &refused, concurrency),
        engine: engine_options(&libcurl::settings_of(&config.options, &taken)),
        fields: fields(&config.options),
        variables: variables(&config.options, &surroundings.environment),
        settings: settings::all(&config, file),
    };
    if console.is_json() {
        effective.tell(console);
    } else {
        console.product(&harmless(&effective.text()));
    }
    libcurl::tell_remarks(&config.options, concurrency, console);
    libcurl::objections(refused)?;
    Ok(ExitStatus::Success)
}

/// All that is set.
struct Effective {
    options: Vec<Set>,
    engine: Vec<EngineOption>,
    fields: Vec<Field>,
    variables: Vec<Variable>,
    settings: Vec<settings::Shown>,
}

/// An option that is set.
#[derive(Debug, Serialize)]
struct Set {
    event: &'static str,
    name: &'static str,
    handle: &'static str,
    value: String,
    origin: String,
    taken: bool,
    refusal: Option<String>,
}

/// A line of `HTTPHEADER`.
#[derive(Debug, Serialize)]
struct Field {
    event: &'static str,
    /// Stars in place of what may be a key.
    line: String,
    /// Signed and sent; else a field of libcurl's own that is not sent.
    signed: bool,
    origin: String,
}

/// What the engine sets, for programs.
#[derive(Debug, Serialize)]
struct Engine {
    event: &'static str,
    name: &'static str,
    value: &'static str,
}

/// In the order in which they are set.
fn options(
    options: &LibcurlOptions,
    refused: &[(Setting<Assignment>, Refusal)],
    concurrency: u32,
) -> Vec<Set> {
    let set = |set: &Setting<Assignment>| {
        let refusal = refused.iter().find(|(other, _)| other == set);
        let is_default = set.origin == Origin::Default;
        Set {
            event: "option",
            name: set.value.option.name,
            handle: handle(set.value.option.handle),
            value: set.value.shown(),
            origin: origin(&set.origin),
            taken: refusal.is_none(),
            refusal: refusal.map(|(_, refusal)| {
                let left_out = if is_default { "left out: " } else { "" };
                format!("{left_out}{refusal}")
            }),
        }
    };
    let is_limited = options.of(Handle::Multi).any(|set| set.option.name == CONNECTIONS);
    let connections = (!is_limited).then(|| Set {
        event: "option",
        name: CONNECTIONS,
        handle: handle(Handle::Multi),
        value: concurrency.to_string(),
        origin: "the concurrency".to_owned(),
        taken: true,
        refusal: None,
    });
    connections.into_iter().chain(options.iter().map(set)).collect()
}

/// The multi option that the transport sets to the concurrency before all others.
const CONNECTIONS: &str = "MAXCONNECTS";

fn fields(options: &LibcurlOptions) -> Vec<Field> {
    let shown = options.iter().filter(|set| set.value.option.name == "HTTPHEADER");
    let shown = shown.flat_map(|set| {
        let origin = origin(&set.origin);
        set.value.shown_lines().into_iter().map(move |line| (line, origin.clone()))
    });
    let field = |((line, origin), meant): ((String, String), HeaderLine)| {
        let signed = matches!(meant, HeaderLine::Field { .. });
        Field { event: "header", line, signed, origin }
    };
    shown.zip(options.header_lines()).map(field).collect()
}

/// A variable of the environment that libcurl, or its TLS library, reads by itself.
#[derive(Debug, Serialize)]
struct Variable {
    event: &'static str,
    name: &'static str,
    /// Stars in place of user and password.
    value: String,
}

/// Those that an option takes the place of, and the option.
const VARIABLES: [(&str, &str); 10] = [
    ("http_proxy", "PROXY"),
    ("https_proxy", "PROXY"),
    ("HTTPS_PROXY", "PROXY"),
    ("all_proxy", "PROXY"),
    ("ALL_PROXY", "PROXY"),
    ("no_proxy", "NOPROXY"),
    ("NO_PROXY", "NOPROXY"),
    ("SSL_CERT_FILE", "CAINFO"),
    ("SSL_CERT_DIR", "CAPATH"),
    ("SSLKEYLOGFILE", ""),
];

fn variables(options: &LibcurlOptions, environment: &Environment) -> Vec<Variable> {
    let is_set = |name: &str| options.iter().any(|set| set.value.option.name == name);
    let heard = VARIABLES.iter().filter(|(_, option)| !is_set(option));
    let variable = |(name, _): &(&'static str, &str)| {
        let value = without_userinfo(environment.get(name)?);
        Some(Variable { event: "environment", name, value })
    };
    heard.filter_map(variable).collect()
}

impl Effective {
    fn tell(&self, console: &Console) {
        self.options.iter().for_each(|set| console.event(set));
        for EngineOption { name, value } in &self.engine {
            console.event(&Engine { event: "engine", name, value });
        }
        self.fields.iter().for_each(|field| console.event(field));
        self.variables.iter().for_each(|variable| console.event(variable));
        self.settings.iter().for_each(|setting| console.event(setting));
    }

    fn text(&self) -> String {
        let libcurl = version();
        let options = self.options.iter().map(|set| {
            let refused = set.refusal.as_ref().map(|why| format!("  [{why}]")).unwrap_or_default();
            let prefix = if set.handle == "multi" { "CURLMOPT_" } else { "" };
            [format!("{prefix}{}", set.name), set.value.clone(), set.origin.clone() + &refused]
        });
        let engine = self.engine.iter();
        let engine = engine.map(|set| [set.name.to_owned(), set.value.to_owned()]);
        let settings = self.settings.iter();
        let settings =
            settings.map(|set| [set.name.clone(), set.value.clone(), set.origin.clone()]);
        let mut sections = vec![
            (
                format!(
                    "options of libcurl {}, in the order in which they are set",
                    libcurl.version
                ),
                page::columns(&options.collect::<Vec<_>>()),
            ),
            (
                "over all of them, curlift's own".to_owned(),
                page::columns(&engine.collect::<Vec<_>>()),
            ),
        ];
        if !self.fields.is_empty() {
            let fields = self.fields.iter().map(|field| {
                let what = if field.signed { "signed and sent" } else { "not sent" };
                [field.line.clone(), what.to_owned(), field.origin.clone()]
            });
            sections.push((
                "header fields of every request, from HTTPHEADER".to_owned(),
                page::columns(&fields.collect::<Vec<_>>()),
            ));
        }
        if !self.variables.is_empty() {
            let variables = self.variables.iter();
            let variables = variables.map(|set| [set.name.to_owned(), set.value.clone()]);
            sections.push((
                "environment that libcurl reads by itself".to_owned(),
                page::columns(&variables.collect::<Vec<_>>()),
            ));
        }
        sections.push((
            "settings that are not libcurl's".to_owned(),
            page::columns(&settings.collect::<Vec<_>>()),
        ));
        let sections = sections.into_iter().map(|(head, rows)| format!("{head}\n{rows}"));
        sections.collect::<Vec<_>>().join("\n\n")
    }
}

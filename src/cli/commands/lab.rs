//! `curlift lab`: the local S3 endpoint with faults, around a command or in the foreground.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{self, Child};
use std::sync::mpsc;
use std::time::SystemTime;

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::args::LabArgs;
use crate::cli::console::{Console, wall_clock};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::place::quoted;
use crate::cli::signals::Interrupts;
use crate::credentials::Environment;
use crate::http::{Body, Headers, Method, Request};
use crate::lab::{Lab, LabSettings, LinkRate, NullServer};
use crate::s3::sigv4::{Lifetime, Signer};
use crate::s3::{Addressing, Credentials, Endpoint, Object, Secret};

/// Variables that would make a client go elsewhere or use other keys than the lab's.
pub(super) const MISLEADING: [&str; 5] = [
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ENDPOINT_URL_S3",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
];

/// Runs the lab until the command ends or a signal comes.
pub(super) fn run(
    args: LabArgs,
    console: &Console,
    environment: &Environment,
) -> Result<u8, CliError> {
    let (address, null) = (args.listen, args.null);
    let (command, buckets) = (args.command.clone(), args.buckets.clone());
    let failed = |error| CliError::Lab { address, error };
    let interrupts = Interrupts::listen()?;
    let server = if null {
        Server::Null(NullServer::start(address).map_err(failed)?)
    } else {
        Server::Lab(Lab::start(settings(args)).map_err(failed)?)
    };
    let mut variables = server.variables(environment);
    if let (Server::Lab(lab), Some(bucket)) = (&server, buckets.first()) {
        let url = put_url(lab, bucket, PUT_KEY, wall_clock(), Lifetime::MAX);
        variables.extend(url.map(|url| ("CURLIFT_LAB_PUT_URL", url)));
    }
    let code = if let Some((program, arguments)) = command.split_first() {
        around(program, arguments, &variables, &interrupts)?
    } else {
        let misleading: Vec<&str> =
            MISLEADING.into_iter().filter(|name| environment.get(name).is_some()).collect();
        if !misleading.is_empty() {
            console.warn(&format!("clients may be misled; first: unset {}", misleading.join(" ")));
        }
        foreground(&server, &variables, &buckets, console, &interrupts)?.code()
    };
    match server {
        Server::Lab(lab) => console.note(lab.stop().to_string().trim_end()),
        Server::Null(server) => console.note(&format!(
            "the server saw {} connections, {} requests, {} bytes of request bodies",
            server.connections(),
            server.requests(),
            server.body_bytes()
        )),
    }
    Ok(code)
}

/// One of the two servers there are.
pub(super) enum Server {
    Lab(Lab),
    Null(NullServer),
}

impl Server {
    pub(super) fn endpoint_url(&self) -> String {
        match self {
            Server::Lab(lab) => lab.endpoint_url().to_owned(),
            Server::Null(server) => server.endpoint_url(),
        }
    }

    /// What a client needs to find the lab.
    pub(super) fn variables(&self, environment: &Environment) -> Vec<(&'static str, String)> {
        let (access_key, secret_key) = match self {
            Server::Lab(lab) => (lab.access_key(), lab.secret_key()),
            Server::Null(_) => ("NULLNULLNULLNULLNULL", "null"),
        };
        let mut variables = vec![
            ("AWS_ENDPOINT_URL", self.endpoint_url()),
            ("AWS_ACCESS_KEY_ID", access_key.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret_key.to_owned()),
            // boto3 reads only the second.
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ];
        if let Server::Lab(lab) = self {
            let bundle = lab.ca_bundle().map(|bundle| bundle.display().to_string());
            variables.extend(bundle.map(|bundle| ("AWS_CA_BUNDLE", bundle)));
        }
        for name in ["no_proxy", "NO_PROXY"] {
            let before = environment.get(name).map(|hosts| format!("{hosts},")).unwrap_or_default();
            variables.push((name, format!("{before}127.0.0.1,localhost")));
        }
        variables
    }
}

/// A presigned PUT, for clients that have no keys; it lives from `at` on.
pub(super) fn put_url(
    lab: &Lab,
    bucket: &str,
    key: &str,
    at: SystemTime,
    lifetime: Lifetime,
) -> Option<String> {
    let endpoint = Endpoint::new(lab.endpoint_url(), Addressing::Path).ok()?;
    let object = Object::parse(&format!("s3://{bucket}/{key}"), None).ok()?;
    let credentials = Credentials {
        access_key_id: lab.access_key().to_owned(),
        secret_access_key: Secret::new(lab.secret_key()),
        session_token: None,
        expires_at: None,
    };
    let request = Request {
        method: Method::Put,
        url: endpoint.object_url(&object, &[]),
        headers: Headers::new(),
        body: Body::Empty,
    };
    let signer = Signer { credentials, region: REGION.to_owned() };
    Some(signer.presign(&request, at, lifetime).to_string())
}

/// The object that it uploads.
const PUT_KEY: &str = "presigned.bin";

fn settings(args: LabArgs) -> LabSettings {
    LabSettings {
        address: args.listen,
        faults: args.faults,
        seed: args.seed,
        discard: args.discard,
        folder: args.folder,
        tls: args.tls,
        link: args.link_rate.map(|bytes_per_s| LinkRate { bytes_per_s, is_shared: true }),
        buckets: args.buckets,
        ..LabSettings::default()
    }
}

/// Runs the command; its exit code becomes ours, as a shell would say it.
fn around(
    program: &OsString,
    arguments: &[OsString],
    variables: &[(&'static str, String)],
    interrupts: &Interrupts,
) -> Result<u8, CliError> {
    let failed =
        |error| CliError::Command { command: program.to_string_lossy().into_owned(), error };
    let mut command = process::Command::new(program);
    command.args(arguments);
    for name in MISLEADING {
        command.env_remove(name);
    }
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let mut child = command.spawn().map_err(failed)?;
    pass_on_signals(&child, interrupts);
    Ok(exit_code(child.wait().map_err(failed)?))
}

/// A terminal sends Ctrl-C to the command as well, which ends it and then us; the other signals
/// came to us alone.
fn pass_on_signals(child: &Child, interrupts: &Interrupts) {
    let pid = Pid::from_child(child);
    interrupts.at_first(move |number| {
        let signal = Signal::from_named_raw(i32::from(number));
        if let Some(signal) = signal.filter(|signal| *signal != Signal::INT) {
            // A command that has ended already needs no signal.
            kill_process(pid, signal).ok();
        }
    });
}

fn exit_code(child: process::ExitStatus) -> u8 {
    let signalled = || child.signal().map_or(u8::MAX, |signal| 128 | signal as u8);
    child.code().map_or_else(signalled, |code| code as u8)
}

/// Prints the lines to copy into another terminal and waits for Ctrl-C.
fn foreground(
    server: &Server,
    variables: &[(&'static str, String)],
    buckets: &[String],
    console: &Console,
    interrupts: &Interrupts,
) -> Result<ExitStatus, CliError> {
    for (name, value) in variables {
        console.product(&format!("export {name}={}", quoted(&[value])));
    }
    let buckets = match server {
        Server::Lab(_) => format!(" with bucket {}", buckets.join(", ")),
        Server::Null(_) => String::new(),
    };
    console.note(&format!("listening at {}{buckets}; Ctrl-C ends it", server.endpoint_url()));
    let (signal, come) = mpsc::channel();
    interrupts.at_first(move |number| {
        // Nobody waits any more only where the first signal was heard already.
        signal.send(number).ok();
    });
    let ended = |_| CliError::System {
        doing: "cannot wait for signals",
        error: io::ErrorKind::BrokenPipe.into(),
    };
    let signal = come.recv().map_err(ended)?;
    // Ctrl-C is how the lab is meant to be ended.
    Ok(match ExitStatus::of_signal(signal) {
        ExitStatus::Interrupted => ExitStatus::Success,
        status => status,
    })
}

/// The region clients are told; the lab takes any.
const REGION: &str = "us-east-1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commands_end_is_told_as_a_shell_does() {
        let ended = |raw: i32| exit_code(process::ExitStatus::from_raw(raw));
        assert_eq!([ended(0), ended(3 << 8), ended(255 << 8)], [0, 3, 255]);
        assert_eq!([ended(15), ended(9)], [143, 137]);
    }
}

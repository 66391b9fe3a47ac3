//! Who uploads: which of the clients there are, and what each needs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::curlift::Program;
use super::python::Python;
use crate::cli::args::{ClientWord, PresignedExpiryArgs};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::experiment::Client;

/// The programs that upload.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) python: Option<Python>,
    pub(super) curlift: Program,
    /// A folder of ours.
    pub(super) folder: PathBuf,
}

/// What a client is to do in a cell.
pub(super) struct Task<'a> {
    /// A name for files that is the cell's own.
    pub(super) name: String,
    pub(super) client: Client,
    pub(super) file: &'a Path,
    /// Uploads, or bodies, at a time.
    pub(super) workers: u32,
    /// Whether all requests begin at once and only bodies wait.
    pub(super) holds: bool,
    /// When it is given up.
    pub(super) limit: Duration,
}

impl Clients {
    /// Those that were asked for, or all there are; what is missing is told.
    pub(super) fn find(
        args: &PresignedExpiryArgs,
        folder: &Path,
        console: &Console,
    ) -> Result<(Clients, Vec<Client>), CliError> {
        let python = Python::find(args.python.as_deref(), folder, args.expect)?;
        let asked =
            |client: Client| args.client.iter().any(|word| word.clients().contains(&client));
        let mut found = Vec::new();
        for client in Client::ALL {
            match (missing(client, python.as_ref(), args), asked(client)) {
                (None, is_asked) if is_asked || args.client.is_empty() => found.push(client),
                (Some(error), true) => return Err(error),
                (Some(error), false) if args.client.is_empty() => {
                    let hint = error.hint().unwrap_or_default();
                    console.note(&format!("without {}: {error}\n  {hint}", client.name()));
                }
                _ => {}
            }
        }
        let curlift = Program::find(folder)?;
        Ok((Clients { python, curlift, folder: folder.to_owned() }, found))
    }
}

impl ClientWord {
    fn clients(self) -> &'static [Client] {
        match self {
            ClientWord::Pycurl => &[Client::Pycurl],
            ClientWord::Python => &[Client::Python],
            ClientWord::Curlift => &[Client::Curlift],
            ClientWord::Both => &[Client::Pycurl, Client::Curlift],
        }
    }
}

/// Why a client cannot be used.
fn missing(
    client: Client,
    python: Option<&Python>,
    args: &PresignedExpiryArgs,
) -> Option<CliError> {
    match (client, python) {
        (Client::Curlift, _) | (Client::Python, Some(_)) => None,
        (_, None) => Some(no_python(args)),
        (Client::Pycurl, Some(python)) => {
            let why = python.pycurl.as_ref().err()?;
            let shown = python.shown();
            Some(CliError::Usage {
                what: format!("{shown} has no PycURL: {why}"),
                hint: format!(
                    "install it with {shown} -m pip install pycurl, name another with --python, or \
                     type --client python"
                ),
            })
        }
    }
}

fn no_python(args: &PresignedExpiryArgs) -> CliError {
    let typed = args.python.as_deref().unwrap_or(Path::new("python3"));
    CliError::Usage {
        what: format!("{} is no Python that runs (3.7 or later)", typed.display()),
        hint: "install it, such as apt-get install python3, or name one with --python".to_owned(),
    }
}

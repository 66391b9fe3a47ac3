//! What is foretold of an upload, and whether that lets it begin.

use std::collections::BTreeSet;
use std::path::Path;

use super::Upload;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::forecast::{Outlook, Rights, Watch};
use crate::s3::PartNumber;
use crate::upload::{Beginning, UploadPlan};

impl Upload {
    /// What is sent and what is known of it, where it is cut by `plan`.
    pub(in crate::cli::commands) fn outlook<'a>(
        &'a self,
        plan: &'a UploadPlan,
        rights: &'a Rights,
    ) -> Outlook<'a> {
        Outlook {
            plan,
            concurrency: self.concurrency,
            host: self.destination.endpoint.authority(),
            folder: self.rates_folder(),
            expected_rate: self.expiry.expected_rate,
            rights,
        }
    }

    /// Where rates are remembered. One that was limited says nothing of others, nor they of it.
    fn rates_folder(&self) -> Option<&Path> {
        self.journals.as_deref().filter(|_| !self.transport.sets("MAX_SEND_SPEED_LARGE"))
    }

    /// Tells what is to be expected of an upload that begins so, before anything is sent; with
    /// `--strict-expiry` an error, where something would begin too late. Gives what watches it.
    pub(super) fn foretell(
        &self,
        beginning: &Beginning,
        rights: &Rights,
        console: &Console,
    ) -> Result<Watch, CliError> {
        let (plan, stored) = match beginning {
            Beginning::Resumed(resumed) => {
                (&resumed.plan, resumed.parts.iter().map(|part| part.number).collect())
            }
            Beginning::Anew | Beginning::Adopted(_) | Beginning::Prescribed(_) => {
                (&self.plan, BTreeSet::new())
            }
        };
        let is_stored = |number: PartNumber| stored.contains(&number);
        let outlook = self.outlook(plan, rights);
        let is_told = outlook.tell(is_stored, self.expiry.strict, console)?;
        let memory = outlook.folder.map(|folder| (outlook.host.to_owned(), folder.to_owned()));
        Ok(Watch::new(rights, stored, is_told, memory))
    }
}

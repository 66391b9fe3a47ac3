//! All cells, several at a time.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::children::Children;
use super::clients::Clients;
use super::{cell, told};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::progress::Progress;
use crate::experiment::{Cell, Design, Outcome, forecast, next};

/// What a measurement needs.
pub(super) struct Measuring<'a> {
    pub(super) design: &'a Design,
    pub(super) clients: &'a Clients,
    /// The file that everybody uploads.
    pub(super) file: &'a Path,
    pub(super) children: Children,
    pub(super) console: &'a Console,
}

impl Measuring<'_> {
    /// Measures until all is done or the user stops it: what there is by then, in the order of the
    /// tables.
    ///
    /// # Errors
    /// A lab or a client cannot be started; the others are ended.
    pub(super) fn run(&self) -> Result<Vec<Outcome>, CliError> {
        let mut waiting: Vec<(Cell, Duration)> =
            self.design.cells().map(|c| (c, self.takes(c))).collect();
        let (cells, bytes_all) = (waiting.len(), self.bytes(self.design.cells()));
        let mut outcomes = Vec::new();
        let mut failed = None;
        let mut progress = Progress::new(self.console);
        thread::scope(|scope| {
            let (sender, ended) = mpsc::channel();
            let (mut uploads, mut going) = (0, 0);
            loop {
                let sizes: Vec<_> = waiting.iter().map(|(cell, t)| (cell.users, *t)).collect();
                let is_over = failed.is_some() || self.children.is_over();
                if let Some(index) = next(&sizes, uploads).filter(|_| !is_over) {
                    let (cell, _) = waiting.swap_remove(index);
                    (uploads, going) = (uploads + cell.users, going + 1);
                    let sender = sender.clone();
                    scope.spawn(move || {
                        let measured = self.measure(cell);
                        sender.send((cell, measured)).expect("the loop waits for all");
                    });
                    continue;
                }
                if going == 0 {
                    return;
                }
                let (cell, measured) = ended.recv().expect("we hold a sender");
                (uploads, going) = (uploads - cell.users, going - 1);
                match measured {
                    Ok(Some(outcome)) => {
                        self.console.event(&told::cell(self.design, &outcome));
                        outcomes.push(outcome);
                        let done = outcomes.iter().map(|outcome: &Outcome| outcome.cell);
                        let bytes = self.bytes(done);
                        let so_far = format!("{} of {cells} cells", outcomes.len());
                        progress.show_measured(bytes, bytes_all, &so_far);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        self.children.stop();
                        failed = Some(error);
                    }
                }
            }
        });
        drop(progress);
        if let Some(error) = failed {
            return Err(CliError::System { doing: "cannot measure a cell", error });
        }
        outcomes.sort_by_key(|outcome| outcome.cell);
        Ok(outcomes)
    }

    fn measure(&self, cell: Cell) -> std::io::Result<Option<Outcome>> {
        cell::measure(cell, self.design, self.clients, self.file, &self.children)
    }

    fn bytes(&self, cells: impl Iterator<Item = Cell>) -> u64 {
        cells.map(|cell| u64::from(cell.users) * self.design.size()).sum()
    }

    fn takes(&self, cell: Cell) -> Duration {
        forecast(cell.behaviour, cell.client, &self.design.setting(&cell)).takes
    }
}

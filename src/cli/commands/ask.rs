//! One call at a time, for commands that decide after each answer what they ask next.

use std::time::Duration;

use super::store::{Caller, SessionKeys, StoreAccess};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::hints::hint;
use crate::cli::place::Place;
use crate::cli::signals::Interrupts;
use crate::s3::{BucketPrefix, Key, Operation, Reply};
use crate::upload::{Call, CallsOutcome, Failure, Script};

/// Asks about one object, or its bucket.
pub(super) struct Asker<'a> {
    caller: Caller<'a>,
    place: &'a Place,
    interrupts: &'a Interrupts,
    key: Key,
}

impl<'a> Asker<'a> {
    /// Opens what is needed to ask about `address`, of which `place` has the names.
    pub(super) fn open(
        access: StoreAccess,
        address: &BucketPrefix,
        keys: SessionKeys,
        console: &'a Console,
        place: &'a Place,
        interrupts: &'a Interrupts,
    ) -> Result<Asker<'a>, CliError> {
        let caller = access.caller(address, keys, console, place, interrupts)?;
        Ok(Asker { caller, place, interrupts, key: Key::listed(&address.prefix) })
    }

    /// What makes the calls, for scripts of more than one.
    pub(super) fn caller(&mut self) -> &mut Caller<'a> {
        &mut self.caller
    }

    /// Asks; the inner error is the store's or the network's, retries being used up.
    pub(super) fn ask(
        &mut self,
        operation: Operation,
    ) -> Result<Result<Reply, Box<Failure>>, CliError> {
        self.ask_until(operation, &[], |_| true)
    }

    /// As [`ask`](Asker::ask), of what need not be known: a store that cannot say is not bothered.
    pub(super) fn ask_lightly(
        &mut self,
        operation: Operation,
    ) -> Result<Result<Reply, Box<Failure>>, CliError> {
        let before = self.caller.set_attempts_max(LIGHT_ATTEMPTS_MAX);
        self.caller.set_attempts_max(before.min(LIGHT_ATTEMPTS_MAX));
        let result = self.ask(operation);
        self.caller.set_attempts_max(before);
        result
    }

    /// Asks until the answer is `enough`, after each of `pauses` once more.
    pub(super) fn ask_until(
        &mut self,
        operation: Operation,
        pauses: &[Duration],
        enough: impl FnMut(&Reply) -> bool,
    ) -> Result<Result<Reply, Box<Failure>>, CliError> {
        let what = operation.name();
        let call = Call { tag: (), key: self.key.clone(), operation, pause: Duration::ZERO };
        let pauses = pauses.iter();
        let asking = Asking { call, is_begun: false, pauses, enough, result: None };
        let (outcome, asked) = self.caller.carry_out(asking)?;
        match asked.result {
            Some(result) if outcome != CallsOutcome::Stopped => Ok(result.map_err(Box::new)),
            _ => {
                let what = format!("{what} was not answered");
                Err(CliError::Stopped { what, signal: self.interrupts.first() })
            }
        }
    }

    /// Asks at once; `doing` says what for, where it fails.
    pub(super) fn demand(&mut self, doing: &str, operation: Operation) -> Result<Reply, CliError> {
        let result = self.ask(operation)?;
        result.map_err(|failure| self.failed(doing, failure))
    }

    /// A failure as the command's end.
    pub(super) fn failed(&self, doing: &str, failure: Box<Failure>) -> CliError {
        let hint = hint(&failure, self.place, &self.caller.cost().diagnoses);
        CliError::Call { doing: doing.to_owned(), failure, hint }
    }
}

/// A script of one call, made again until its answer is enough.
struct Asking<'p, F> {
    call: Call<()>,
    is_begun: bool,
    pauses: std::slice::Iter<'p, Duration>,
    enough: F,
    result: Option<Result<Reply, Failure>>,
}

impl<F: FnMut(&Reply) -> bool> Script for Asking<'_, F> {
    type Tag = ();

    fn next(&mut self) -> Option<Call<()>> {
        (!std::mem::replace(&mut self.is_begun, true)).then(|| self.call.clone())
    }

    fn answered(&mut self, (): &(), result: Result<Reply, Failure>) -> Option<Call<()>> {
        let is_enough = result.as_ref().map_or(true, &mut self.enough);
        self.result = Some(result);
        if is_enough {
            return None;
        }
        let pause = *self.pauses.next()?;
        Some(Call { pause, ..self.call.clone() })
    }
}

/// Attempts at a call whose answer is welcome and not needed.
const LIGHT_ATTEMPTS_MAX: u32 = 3;

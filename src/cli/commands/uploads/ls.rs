//! `curlift uploads ls`: shows unfinished uploads and what they cost.

use super::ownership::Ownerships;
use super::sum::Sum;
use super::table::{Row, counted, table, total};
use super::{Task, told};
use crate::cli::Surroundings;
use crate::cli::args::SelectionArgs;
use crate::cli::console::{Console, harmless};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::upload::Listed;

/// Lists, and gives the exit code: 0 where the listing is whole.
pub(super) fn run(
    args: &SelectionArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let (task, store, address) = Task::prepare(args, console, surroundings)?;
    let mut caller = task.caller(store, &address, args)?;
    let listed = task.list(&mut caller)?;
    let place = &task.place;
    let Some(listed) = listed else {
        let summary = told::Summary::of_nothing(&place.object);
        console.event(&told::Summary { outcome: "interrupted", ..summary });
        return Ok(task.stopped("the listing is not whole, and not shown"));
    };
    let sum = Sum::of(&listed.uploads);
    tell(&task, &listed, &sum);
    let gaps = task.tell_gaps(&listed, &caller);
    let unknown = listed.unknown.as_ref().map(|(failure, count)| {
        let what = format!("the parts of {} could not be listed", counted(*count, "upload"));
        task.tell_unknown(&what, failure, &caller)
    });
    let status = gaps.or(unknown).unwrap_or(ExitStatus::Success);
    let outcome = if status == ExitStatus::Success { "listed" } else { "failed" };
    let summary = told::Summary::new(outcome, &place.object, &sum, task.price, caller.cost());
    let exit_code = Some(status.code());
    console.event(&told::Summary { others: listed.others, exit_code, ..summary });
    Ok(status)
}

fn tell(task: &Task<'_>, listed: &Listed, sum: &Sum) {
    let ownerships = Ownerships::of_this_machine(&task.surroundings.environment, task.console);
    let rows: Vec<Row<'_>> = listed
        .uploads
        .iter()
        .map(|upload| Row { upload, ownership: task.ownership(&ownerships, upload) })
        .collect();
    for Row { upload, ownership } in &rows {
        task.console.event(&told::Upload::new(upload, *ownership, task.price, None));
    }
    if task.console.is_json() {
        return;
    }
    let others = match listed.others {
        0 => String::new(),
        others => format!(" ({} not of the selection)", counted(others as u64, "other")),
    };
    if rows.is_empty() && listed.fault.is_some() {
        // Nothing is known.
    } else if rows.is_empty() {
        let none = format!("{} has no unfinished uploads{others}", task.selected());
        task.console.result(&none);
    } else {
        // What was asked for itself: also with -q.
        task.console.product(&harmless(&table(&rows, task.price)));
        task.console.result(&format!("{}{others}", total(sum, task.price)));
    }
}

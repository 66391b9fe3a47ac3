//! What `curlift lifecycle` tells of rules, as text and as JSON lines.

use serde::Serialize;

use crate::cli::args::RuleArgs;
use crate::s3::{BucketPrefix, Edit, Lifecycle, LifecycleRule};

/// What was changed, as a small difference of rules.
pub(super) fn changed_text(
    edit: &Edit,
    address: &BucketPrefix,
    args: &RuleArgs,
    days: Option<u32>,
) -> String {
    let mut lines = Vec::new();
    let verb = match (&edit.result, args.dry_run) {
        (None, _) => "stay as they are",
        (Some(_), true) => "would change (nothing was sent)",
        (Some(_), false) => "changed, and read back",
    };
    lines.push(format!("lifecycle rules of {address}: {verb}"));
    if edit.result.is_some() {
        lines.extend(edit.before.as_ref().map(|rule| format!("- {rule}")));
        lines.extend(edit.after.as_ref().map(|rule| format!("+ {rule}")));
    } else if let Some(rule) = &edit.before {
        lines.push(format!("  {rule}"));
    } else if days.is_none() {
        lines.push(format!(
            "  there is no rule that `curlift lifecycle set` added for these keys; for others: \
             curlift lifecycle show {address}"
        ));
    }
    lines.extend(edit.same_keys.iter().map(|rule| {
        let sooner = rule.abort_after_days <= days;
        let which = if sooner { "already does so" } else { "does so later, and has no effect" };
        format!("  {rule}: {which}")
    }));
    let others = edit.others - edit.same_keys.len();
    lines.extend((others > 0).then(|| format!("  {}: untouched", other_rules(others))));
    lines.join("\n")
}

fn other_rules(count: usize) -> String {
    if count == 1 { "1 other rule".into() } else { format!("{count} other rules") }
}

/// A rule for programs.
#[derive(Debug, Serialize)]
struct Rule<'a> {
    id: &'a str,
    enabled: bool,
    prefix: &'a str,
    narrowed: bool,
    abort_after_days: Option<u32>,
    ours: bool,
}

impl<'a> Rule<'a> {
    fn of(rule: &'a LifecycleRule) -> Rule<'a> {
        Rule {
            id: &rule.id,
            enabled: rule.enabled,
            prefix: &rule.prefix,
            narrowed: rule.is_narrowed,
            abort_after_days: rule.abort_after_days,
            ours: rule.is_ours(),
        }
    }
}

/// The answer of `show`.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'a> {
    event: &'static str,
    bucket: &'a str,
    rules: Vec<Rule<'a>>,
    other_rules: usize,
    #[serde(skip)]
    lines: Vec<String>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(address: &'a BucketPrefix, lifecycle: Option<&'a Lifecycle>) -> Shown<'a> {
        let rules = lifecycle.map_or(&[][..], Lifecycle::rules);
        let aborts = |rule: &&LifecycleRule| rule.abort_after_days.is_some();
        let aborting: Vec<_> = rules.iter().filter(aborts).collect();
        Shown {
            event: "lifecycle",
            bucket: address.bucket.as_str(),
            lines: aborting.iter().map(|rule| row(rule)).collect(),
            other_rules: rules.len() - aborting.len(),
            rules: aborting.into_iter().map(Rule::of).collect(),
        }
    }

    pub(super) fn text(&self) -> String {
        let bucket = format!("s3://{}", self.bucket);
        let others = (self.other_rules > 0).then(|| other_rules(self.other_rules));
        let is_any = self.rules.iter().any(|rule| rule.enabled);
        let mut lines = self.lines.clone();
        if !lines.is_empty() {
            lines.insert(0, format!("{:<10}{:<10}{:<40}KEYS", "AFTER", "STATUS", "RULE"));
        }
        lines.extend(others);
        if !is_any {
            lines.push(format!(
                "no rule of {bucket} aborts unfinished uploads: their parts are kept, and billed, \
                 until somebody does\nset one with: curlift lifecycle set {bucket} \
                 --abort-incomplete-after 7d"
            ));
        }
        lines.join("\n")
    }
}

/// A line of the table.
fn row(rule: &LifecycleRule) -> String {
    let days = rule.abort_after_days.unwrap_or_default();
    let after = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    let status = if rule.enabled { "enabled" } else { "disabled" };
    format!("{after:<10}{status:<10}{:<39} {}", rule.shown_id(), rule.keys())
}

/// The answer of `set` and `rm`.
#[derive(Debug, Serialize)]
pub(super) struct ChangeEvent<'a> {
    event: &'static str,
    bucket: &'a str,
    changed: bool,
    dry_run: bool,
    before: Option<Rule<'a>>,
    after: Option<Rule<'a>>,
    other_rules: usize,
}

impl<'a> ChangeEvent<'a> {
    pub(super) fn new(edit: &'a Edit, address: &'a BucketPrefix, dry_run: bool) -> ChangeEvent<'a> {
        ChangeEvent {
            event: "lifecycle",
            bucket: address.bucket.as_str(),
            changed: edit.result.is_some(),
            dry_run,
            before: edit.before.as_ref().map(Rule::of),
            after: edit.after.as_ref().map(Rule::of),
            other_rules: edit.others,
        }
    }
}

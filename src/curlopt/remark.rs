//! What somebody should know who sets an option to a value that libcurl takes.

use super::{Assignment, Kind, Value};

/// What should be known of an assignment that is no mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// It is likely to do harm; the text says which, and what to use instead.
    Warning(String),
    /// It is not what it seems.
    Note(String),
}

impl Remark {
    /// The words alone.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Remark::Warning(text) | Remark::Note(text) => text,
        }
    }
}

/// All there is to say of `assignment`, warnings first.
#[must_use]
pub fn remarks(assignment: &Assignment) -> Vec<Remark> {
    let option = assignment.option;
    let known = option.knowledge();
    let mut remarks: Vec<Remark> = known
        .warn
        .iter()
        .filter(|warning| meets(warning.values.as_deref(), assignment))
        .map(|warning| Remark::Warning(warning.text.clone()))
        .collect();
    if known.no_effect {
        let instead = known.instead.as_deref().unwrap_or_default();
        remarks.push(Remark::Warning(format!("does nothing for an upload; instead: {instead}")));
    }
    if let Some(deprecated) = option.deprecated {
        let instead = deprecated.instead.map(|text| format!(": {text}")).unwrap_or_default();
        let since = deprecated.since;
        remarks.push(Remark::Note(format!("deprecated since libcurl {since}{instead}")));
    }
    remarks.extend(clamped(assignment).map(Remark::Note));
    remarks
}

fn meets(values: Option<&[i64]>, assignment: &Assignment) -> bool {
    match (values, &assignment.value) {
        (Some(values), Value::Number(number)) => {
            let has_bit = |bit: &i64| bit.count_ones() == 1 && number & bit != 0;
            values.contains(number) || assignment.option.is_mask() && values.iter().any(has_bit)
        }
        (Some(_), _) => false,
        (None, value) => !value.is_nothing(),
    }
}

/// What libcurl makes of a number outside its bounds without a word.
fn clamped(assignment: &Assignment) -> Option<String> {
    let (option, known) = (assignment.option, assignment.option.knowledge());
    let Value::Number(number) = assignment.value else { return None };
    if !known.clamped || option.kind == Kind::Values {
        return None;
    }
    let taken = number.max(known.min.unwrap_or(number)).min(known.max.unwrap_or(number));
    let shown = super::value::in_unit(taken, known.unit);
    (taken != number).then(|| format!("libcurl silently takes {shown} in its place"))
}

#[cfg(test)]
mod tests {
    use super::super::{Given, Handle, check, find};
    use super::*;

    fn of(name: &str, given: &Given) -> Vec<Remark> {
        remarks(&check(find(Handle::Easy, name).unwrap(), given).unwrap())
    }

    #[test]
    fn a_silent_clamp_is_told() {
        let said = of("UPLOAD_BUFFERSIZE", &Given::Text("512MiB".into()));
        assert_eq!(said, [Remark::Note("libcurl silently takes 2 MiB in its place".into())]);
        assert_eq!(of("UPLOAD_BUFFERSIZE", &Given::Text("512KiB".into())), []);
    }

    #[test]
    fn what_does_nothing_is_told() {
        let said = of("BUFFERSIZE", &Given::Text("1MiB".into()));
        assert!(matches!(&said[..], [Remark::Warning(text)] if text.contains("UPLOAD_BUFFERSIZE")));
    }

    #[test]
    fn dangerous_values_are_told_apart_from_others() {
        let warns = |name, number| {
            let said = of(name, &Given::Integer(number));
            said.iter().any(|remark| matches!(remark, Remark::Warning(_)))
        };
        assert!(warns("SSL_VERIFYPEER", 0) && !warns("SSL_VERIFYPEER", 1));
        assert!(warns("FOLLOWLOCATION", 1) && !warns("FOLLOWLOCATION", 0));
        assert!(warns("HTTP_VERSION", 3) && !warns("HTTP_VERSION", 2));
        let said = of("USERPWD", &Given::Text("me:x".into()));
        assert!(matches!(&said[..], [Remark::Warning(_), ..]), "{said:?}");
    }
}

//! What is measured at all: every combination of the values while these are few, else each value
//! by itself and then the combinations of the two best of each name.

use std::fmt;

/// Candidates beside the baseline, at most, that are measured from the start; and as many may be
/// made of the best of them.
pub const CANDIDATES_MAX: usize = 24;

/// A setting, and the values it is tried with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// A libcurl option in capitals, or a setting of ours.
    pub name: String,
    /// In the order they were written, each once.
    pub values: Vec<String>,
}

/// Settings to be measured together. Without any it is the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Candidate {
    /// Names and values, in the order of the sweeps.
    pub settings: Vec<(String, String)>,
}

/// The candidates that are measured from the start, the baseline first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Design {
    pub(super) candidates: Vec<Candidate>,
    /// The sweeps whose best values are combined later; empty where all combinations are there.
    pub(super) later: Vec<Sweep>,
}

/// The sweeps make more candidates than can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// Values in all.
    pub values: usize,
    /// Combinations of the two best of each name.
    pub combinations: usize,
}

impl Candidate {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_baseline(&self) -> bool {
        self.settings.is_empty()
    }

    /// The value of a name; `None` where it is left as it is.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_baseline() {
            return f.write_str("as it is");
        }
        for (index, (name, value)) in self.settings.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{name}={value}")?;
        }
        Ok(())
    }
}

impl Design {
    /// The candidates of these sweeps, whose names differ.
    ///
    /// # Errors
    /// They are too many even one value at a time.
    pub fn new(sweeps: &[Sweep]) -> Result<Design, TooMany> {
        let mut combinations = sweeps.iter().map(|sweep| sweep.values.len());
        let combinations = combinations.try_fold(1_usize, usize::checked_mul);
        if combinations.is_some_and(|count| count <= CANDIDATES_MAX) {
            let values = sweeps.iter().map(|sweep| some_of(&sweep.name, &sweep.values)).collect();
            return Ok(Design { candidates: with_baseline(grid(values)), later: Vec::new() });
        }
        let values = sweeps.iter().map(|sweep| sweep.values.len()).sum();
        let names = u32::try_from(sweeps.len()).unwrap_or(u32::MAX);
        let combinations = 2_usize.checked_pow(names).unwrap_or(usize::MAX);
        if values > CANDIDATES_MAX || combinations > CANDIDATES_MAX {
            return Err(TooMany { values, combinations });
        }
        let single = |sweep: &Sweep| grid(vec![some_of(&sweep.name, &sweep.values)]);
        let candidates = with_baseline(sweeps.iter().flat_map(single).collect());
        Ok(Design { candidates, later: sweeps.to_vec() })
    }

    /// The candidates from the start, the baseline first.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Whether combinations follow, of the best that were measured one by one.
    #[must_use]
    pub fn is_staged(&self) -> bool {
        !self.later.is_empty()
    }

    /// The most candidates there can be in the end.
    #[must_use]
    pub fn candidates_max(&self) -> usize {
        // Of the combinations, one changes nothing, and one for each name is measured already
        // where what is set is among the best; at worst none is.
        let later = if self.is_staged() { 1 << self.later.len() } else { 0 };
        self.candidates.len() + later
    }
}

/// A name's values to choose from; `None` leaves it as it is.
pub(super) type Choice = (String, Vec<Option<String>>);

fn some_of(name: &str, values: &[String]) -> Choice {
    (name.to_owned(), values.iter().cloned().map(Some).collect())
}

/// Every combination of the choices.
pub(super) fn grid(choices: Vec<Choice>) -> Vec<Candidate> {
    let mut candidates = vec![Candidate::default()];
    for (name, values) in choices {
        candidates = candidates
            .iter()
            .flat_map(|before| values.iter().map(|value| extended(before, &name, value.as_ref())))
            .collect();
    }
    candidates
}

fn extended(before: &Candidate, name: &str, value: Option<&String>) -> Candidate {
    let mut candidate = before.clone();
    candidate.settings.extend(value.map(|value| (name.to_owned(), value.clone())));
    candidate
}

fn with_baseline(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.retain(|candidate| !candidate.is_baseline());
    candidates.insert(0, Candidate::default());
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(name: &str, values: &[&str]) -> Sweep {
        Sweep { name: name.into(), values: values.iter().map(|&v| v.into()).collect() }
    }

    fn shown(design: &Design) -> Vec<String> {
        design.candidates().iter().map(Candidate::to_string).collect()
    }

    #[test]
    fn few_values_are_combined_in_every_way() {
        let design = Design::new(&[sweep("A", &["1", "2"]), sweep("b", &["x", "y"])]).unwrap();
        assert_eq!(shown(&design), ["as it is", "A=1 b=x", "A=1 b=y", "A=2 b=x", "A=2 b=y"]);
        assert_eq!((design.is_staged(), design.candidates_max()), (false, 5));
        assert_eq!(design.candidates()[2].value("b"), Some("y"));
        assert_eq!(design.candidates()[2].value("c"), None);
        assert_eq!(shown(&Design::new(&[]).unwrap()), ["as it is"]);
    }

    #[test]
    fn many_values_are_tried_one_by_one_first() {
        let values = ["1", "2", "3"];
        let design =
            Design::new(&[sweep("A", &values), sweep("b", &values), sweep("c", &values)]).unwrap();
        assert_eq!(shown(&design)[..5], ["as it is", "A=1", "A=2", "A=3", "b=1"]);
        assert_eq!((design.is_staged(), design.candidates_max()), (true, 10 + 8));
    }

    #[test]
    fn more_than_can_be_measured_is_told_in_numbers() {
        let names: Vec<Sweep> = (0..5).map(|n| sweep(&n.to_string(), &["1", "2"])).collect();
        assert_eq!(Design::new(&names), Err(TooMany { values: 10, combinations: 32 }));
        let values: Vec<String> = (0..25).map(|n| n.to_string()).collect();
        let one = [Sweep { name: "A".into(), values }];
        assert_eq!(Design::new(&one), Err(TooMany { values: 25, combinations: 2 }));
    }
}

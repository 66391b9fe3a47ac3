//! What each name does by itself, whatever the others are set to.

use super::statistics::median;
use super::{Entry, Sample, Sweep};

/// The throughput by the values of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The name.
    pub name: String,
    /// Its values in the order they were written, those that were never uploaded with left out;
    /// `None` is the baseline. With each the median, in bytes a second, of the medians of the
    /// candidates that have it: of those that set nothing else, where there are such.
    pub values: Vec<(Option<String>, f64)>,
}

/// What each of the sweeps does.
#[must_use]
pub fn effects(sweeps: &[Sweep], entries: &[Entry]) -> Vec<Effect> {
    let only_sets =
        |entry: &Entry, name: &str| entry.candidate.settings.iter().all(|(set, _)| set == name);
    let of_value = |name: &str, value: Option<&str>| {
        let has_it = |entry: &&Entry| entry.candidate.value(name) == value;
        // In a design of two stages, some values are combined with the best of others, some not.
        let is_fair = entries.iter().filter(has_it).any(|entry| only_sets(entry, name));
        let medians: Vec<f64> = entries
            .iter()
            .filter(has_it)
            .filter(|entry| !is_fair || only_sets(entry, name))
            .filter_map(|entry| entry.spread(Sample::throughput))
            .map(|spread| spread.median)
            .collect();
        median(&medians)
    };
    let effect = |sweep: &Sweep| {
        let values = std::iter::once(None).chain(sweep.values.iter().map(Some));
        let with_median = |value: Option<&String>| {
            Some((value.cloned(), of_value(&sweep.name, value.map(String::as_str))?))
        };
        Effect { name: sweep.name.clone(), values: values.filter_map(with_median).collect() }
    };
    sweeps.iter().map(effect).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::Candidate;

    #[test]
    fn a_value_is_judged_by_all_that_have_it() {
        let entry = |settings: &[(&str, &str)], rates: &[f64]| {
            let settings = settings.iter().map(|&(n, v)| (n.into(), v.into())).collect();
            let sample = |&rate: &f64| Sample {
                bytes: 1000,
                elapsed_s: 1000.0 / rate,
                cpu_s: 1.0,
                memory_peak_bytes: None,
                retries: 0,
            };
            let samples = rates.iter().map(sample).collect();
            Entry { samples, ..Entry::new(Candidate { settings }) }
        };
        let entries = [
            entry(&[], &[10.0]),
            entry(&[("a", "1"), ("b", "x")], &[20.0, 30.0, 40.0]),
            entry(&[("a", "1"), ("b", "y")], &[50.0]),
            entry(&[("a", "2"), ("b", "x")], &[]),
        ];
        let sweep = |name: &str, values: &[&str]| Sweep {
            name: name.into(),
            values: values.iter().map(|&value| value.into()).collect(),
        };
        let found = effects(&[sweep("a", &["1", "2"]), sweep("b", &["x", "y"])], &entries);
        let rounded = |effect: &Effect| {
            let values = effect.values.iter();
            values.map(|(value, rate)| (value.clone(), rate.round() as u32)).collect::<Vec<_>>()
        };
        assert_eq!(rounded(&found[0]), [(None, 10), (Some("1".into()), 40)]);
        let b = [(None, 10), (Some("x".into()), 30), (Some("y".into()), 50)];
        assert_eq!(rounded(&found[1]), b);
        // One that sets nothing else says it best.
        let alone = [&entries[..], &[entry(&[("b", "y")], &[11.0])]].concat();
        let found = effects(&[sweep("b", &["x", "y"])], &alone);
        let b = [(None, 10), (Some("x".into()), 30), (Some("y".into()), 11)];
        assert_eq!(rounded(&found[0]), b);
    }
}

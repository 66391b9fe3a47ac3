//! What numbers that scatter allow to be said.

/// The middle of the numbers; `None` where there are none.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// How far repeated measurements of the same thing scatter, as a share of it: a standard deviation
/// pooled over `groups`, robust against outliers. 0 where nothing was measured twice.
pub(super) fn noise(groups: &[Vec<f64>]) -> f64 {
    let mut residuals = Vec::new();
    for group in groups.iter().filter(|group| group.len() > 1) {
        let count = group.len() as f64;
        let mean = group.iter().sum::<f64>() / count;
        // The mean lies nearer to its own samples than the truth does.
        let correction = (count / (count - 1.0)).sqrt();
        if mean > 0.0 {
            residuals.extend(group.iter().map(|value| (value / mean - 1.0).abs() * correction));
        }
    }
    MAD_TO_DEVIATION * median(&residuals).unwrap_or(0.0)
}

/// The standard deviation of a normal distribution, over its median absolute deviation.
const MAD_TO_DEVIATION: f64 = 1.4826;

/// How likely numbers from one and the same source would be divided at least so well as `greater`
/// is from `others`, by ranks alone: the exact one-sided test of Mann and Whitney (Annals of
/// Mathematical Statistics 18, 1947). 1 where either is empty. Made for some dozens of numbers:
/// the effort is the square of the product of both lengths.
pub(super) fn likelihood_of_chance(greater: &[f64], others: &[f64]) -> f64 {
    let wins = greater.iter().flat_map(|a| others.iter().map(move |b| f64::from(compare(*a, *b))));
    // Twice U, so that ties, which count half, are whole.
    let wins: f64 = wins.sum();
    let least = (wins / 2.0).floor() as usize;
    let distribution = wins_by_chance(greater.len(), others.len());
    distribution.get(least..).map_or(0.0, |tail| tail.iter().sum::<f64>()).min(1.0)
}

/// 2 where `a` is greater, 1 where they are equal, 0 where it is less.
fn compare(a: f64, b: f64) -> u8 {
    match a.total_cmp(&b) {
        std::cmp::Ordering::Greater => 2,
        std::cmp::Ordering::Equal => 1,
        std::cmp::Ordering::Less => 0,
    }
}

/// How likely `n` numbers win each number of the comparisons with `m` others from the same source:
/// the greatest of all is one of the `n`, which then wins `m` times, or one of the `m`.
fn wins_by_chance(n: usize, m: usize) -> Vec<f64> {
    // The distributions for i and each j up to m.
    let mut row: Vec<Vec<f64>> = vec![vec![1.0]; m + 1];
    for i in 1..=n {
        let mut next: Vec<Vec<f64>> = vec![vec![1.0]];
        for (j, above) in row.iter().enumerate().skip(1) {
            let share = i as f64 / (i + j) as f64;
            let mut both = vec![0.0; i * j + 1];
            for (wins, chance) in above.iter().enumerate() {
                both[wins + j] += share * chance;
            }
            for (wins, chance) in next[j - 1].iter().enumerate() {
                both[wins] += (1.0 - share) * chance;
            }
            next.push(both);
        }
        row = next;
    }
    row.swap_remove(m)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn chances_are_those_of_the_tables() {
        // One of the 70 ways to divide eight numbers into four and four.
        let (low, high) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]);
        assert!(near(likelihood_of_chance(&high, &low), 1.0 / 70.0));
        assert!(near(likelihood_of_chance(&low, &high), 1.0));
        // Five and five with at most three comparisons lost: 7 of 252.
        let (a, b) = ([3.5, 4.5, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!(near(likelihood_of_chance(&a, &b), 7.0 / 252.0), "three lost");
        let a = [4.5, 5.5, 6.0, 7.0, 8.0];
        assert!(near(likelihood_of_chance(&a, &b), 2.0 / 252.0), "one lost");
        assert!(near(likelihood_of_chance(&[], &b), 1.0));
        let ten: Vec<f64> = (0..10).map(f64::from).collect();
        let more: Vec<f64> = (10..20).map(f64::from).collect();
        assert!(near(likelihood_of_chance(&more, &ten), 1.0 / 184_756.0));
        // What is equal says nothing.
        assert!(likelihood_of_chance(&[1.0; 6], &[1.0; 6]) > 0.5);
    }

    #[test]
    fn all_chances_together_are_certain() {
        for (n, m) in [(1, 1), (2, 7), (50, 50)] {
            assert!(near(wins_by_chance(n, m).iter().sum(), 1.0), "{n} {m}");
        }
    }

    #[test]
    fn noise_is_a_share_and_bears_an_outlier() {
        let mut chance = fastrand::Rng::with_seed(1);
        // The sum of twelve uniform numbers is normal enough, its deviation 1.
        let mut normal = || (0..12).map(|_| chance.f64()).sum::<f64>() - 6.0;
        let mut groups: Vec<Vec<f64>> =
            (0..200).map(|_| (0..3).map(|_| 50.0 + 5.0 * normal()).collect()).collect();
        let before = noise(&groups);
        assert!((0.085..0.115).contains(&before), "{before}");
        groups[0] = vec![50.0, 5000.0];
        assert!((noise(&groups) - before).abs() < 0.01);
        assert!(near(noise(&[vec![1.0], vec![]]), 0.0));
    }
}

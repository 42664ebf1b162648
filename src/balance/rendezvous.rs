//! Rendezvous hashing (highest random weight, Thaler and Ravishankar 1998) over stable names.
//!
//! The arithmetic is integer, or `libm`'s logarithm where weights differ: the same on every CPU and build.

use std::cmp::Ordering;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Fixed for ever: another value moves every user of every installation.
const NAMES: u64 = 0x7468_616c_616d_7573;

/// What a worker's name contributes to its scores.
pub fn seed(name: &str) -> u64 {
    xxh3_64_with_seed(name.as_bytes(), NAMES)
}

/// The workers of a pool as the hash sees them; `weights` is empty when all weigh the same.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    seeds: &'a [u64],
    weights: &'a [f64],
}

/// A place in the order of one key.
#[derive(Clone, Copy, Debug)]
struct Score {
    points: u64,
    weighted: f64,
    index: usize,
}

impl<'a> Order<'a> {
    /// `weights` has one positive number per seed, or none at all.
    pub fn new(seeds: &'a [u64], weights: &'a [f64]) -> Self {
        debug_assert!(weights.is_empty() || weights.len() == seeds.len());
        Self { seeds, weights }
    }

    /// The best worker for `key` among those that `allowed` accepts, as an index.
    ///
    /// Only the best is asked first; each refusal costs one more walk over the seeds.
    pub fn first(self, key: u64, mut allowed: impl FnMut(usize) -> bool) -> Option<usize> {
        self.candidates(key).find(|&index| allowed(index))
    }

    /// All workers for `key`, best first; each step walks the seeds once and allocates nothing.
    pub fn candidates(self, key: u64) -> impl Iterator<Item = usize> {
        let mut last: Option<Score> = None;
        std::iter::from_fn(move || {
            last = self.best_after(key, last);
            last.map(|score| score.index)
        })
    }

    fn best_after(self, key: u64, last: Option<Score>) -> Option<Score> {
        if self.weights.is_empty() {
            return self.best_even(key, last);
        }
        let below = |score: &Score| last.is_none_or(|last| score.compare(&last) == Ordering::Less);
        (0..self.seeds.len())
            .map(|index| self.score(key, index))
            .filter(below)
            .max_by(Score::compare)
    }

    /// As `best_after` where all weigh the same: integers alone, which is the road of every request.
    fn best_even(self, key: u64, last: Option<Score>) -> Option<Score> {
        let bound = last.map_or((u64::MAX, 0), |last| (last.points, last.index));
        let mut best: Option<(u64, usize)> = None;
        for (index, seed) in self.seeds.iter().enumerate() {
            let points = mix(key ^ seed);
            let below =
                last.is_none() || points < bound.0 || (points == bound.0 && index > bound.1);
            if below && best.is_none_or(|(most, _)| points > most) {
                best = Some((points, index));
            }
        }
        best.map(|(points, index)| Score {
            points,
            weighted: 0.0,
            index,
        })
    }

    fn score(self, key: u64, index: usize) -> Score {
        let points = mix(key ^ self.seeds[index]);
        Score {
            points,
            weighted: weighted(points, self.weights[index]),
            index,
        }
    }
}

impl Score {
    fn compare(&self, other: &Self) -> Ordering {
        self.weighted
            .total_cmp(&other.weighted)
            .then(self.points.cmp(&other.points))
            .then(other.index.cmp(&self.index))
    }
}

/// `-weight / ln(u)` with u in (0, 1): each worker wins in proportion to its weight, and a change of one weight moves
/// keys to or from that worker only (Schindelhauer and Schomaker 2005).
fn weighted(points: u64, weight: f64) -> f64 {
    let u = ((points >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    -weight / libm::log(u)
}

/// The finalizer of SplitMix64: every bit of the input moves every bit of the output.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seeds(count: usize) -> Vec<u64> {
        (0..count).map(|n| seed(&format!("sync{n}"))).collect()
    }

    fn winner(seeds: &[u64], weights: &[f64], key: u64) -> usize {
        Order::new(seeds, weights).candidates(key).next().unwrap()
    }

    fn keys() -> impl Iterator<Item = u64> {
        (0..20_000u64).map(|n| xxh3_64_with_seed(&n.to_le_bytes(), 0))
    }

    #[test]
    fn the_arithmetic_is_fixed() {
        assert_eq!(seed("sync1"), 0xa6c9_eae6_0aff_90d8);
        assert_eq!(mix(1), 0x5692_161d_100b_05e5);
        let order: Vec<_> = Order::new(&seeds(5), &[]).candidates(42).collect();
        assert_eq!(order, VECTOR_EVEN);
        let weights = [1.0, 2.0, 3.0, 4.0, 5.0];
        let order: Vec<_> = Order::new(&seeds(5), &weights).candidates(42).collect();
        assert_eq!(order, VECTOR_WEIGHTED);
    }

    const VECTOR_EVEN: [usize; 5] = [3, 1, 0, 2, 4];
    const VECTOR_WEIGHTED: [usize; 5] = [3, 1, 2, 0, 4];

    #[test]
    fn keys_spread_evenly_in_first_and_second_place() {
        let seeds = seeds(10);
        let mut places = [[0; 10]; 2];
        for key in keys() {
            for (place, index) in places
                .iter_mut()
                .zip(Order::new(&seeds, &[]).candidates(key))
            {
                place[index] += 1;
            }
        }
        assert!(
            places
                .iter()
                .flatten()
                .all(|&n: &i32| (1_800..=2_200).contains(&n)),
            "{places:?}"
        );
    }

    #[test]
    fn a_worker_wins_by_its_weight() {
        let (seeds, weights) = (seeds(3), [1.0, 1.0, 2.0]);
        let mut won = [0; 3];
        keys().for_each(|key| won[winner(&seeds, &weights, key)] += 1);
        assert!(
            (4_700..=5_300).contains(&won[0]) && (9_700..=10_300).contains(&won[2]),
            "{won:?}"
        );
    }

    #[test]
    fn a_leaving_worker_moves_only_its_own_keys() {
        let all = seeds(10);
        for key in keys().take(2_000) {
            let before = winner(&all, &[], key);
            let after = winner(&all[..9], &[], key);
            assert!(before == 9 || before == after);
        }
    }

    proptest! {
        #[test]
        fn candidates_name_every_worker_once(key: u64, count in 1usize..40, weighted: bool) {
            let weights: Vec<f64> = if weighted { (1..=count).map(|n| n as f64).collect() } else { vec![] };
            let seeds = seeds(count);
            let mut order: Vec<_> = Order::new(&seeds, &weights).candidates(key).collect();
            order.sort_unstable();
            prop_assert_eq!(order, (0..count).collect::<Vec<_>>());
        }

        #[test]
        fn equal_weights_are_no_weights(key: u64, count in 1usize..20) {
            let seeds = seeds(count);
            let even: Vec<_> = Order::new(&seeds, &[]).candidates(key).collect();
            let same: Vec<_> = Order::new(&seeds, &vec![2.0; count]).candidates(key).collect();
            prop_assert_eq!(even, same);
        }

        #[test]
        fn places_in_the_list_do_not_matter(key: u64, count in 1usize..20) {
            let mut reversed = seeds(count);
            let name = reversed[winner(&reversed, &[], key)];
            reversed.reverse();
            prop_assert_eq!(reversed[winner(&reversed, &[], key)], name);
        }
    }
}

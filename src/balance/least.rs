//! The least busy worker, for pools without a key.

/// The index of the least load among the workers that `load` gives one for; `turn` decides between equals, so that
/// idle workers take turns.
pub fn least(count: usize, turn: usize, load: impl Fn(usize) -> Option<f64>) -> Option<usize> {
    let start = turn.checked_rem(count)?;
    let mut best: Option<(f64, usize)> = None;
    for index in (start..count).chain(0..start) {
        let Some(load) = load(index) else { continue };
        if best.is_none_or(|(least, _)| load < least) {
            best = Some((load, index));
        }
    }
    best.map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_least_and_equals_in_turn() {
        let loads = [2.0, 1.0, 1.0];
        let pick = |turn| least(3, turn, |index| Some(loads[index]));
        assert_eq!(
            (pick(0), pick(1), pick(2), pick(3)),
            (Some(1), Some(1), Some(2), Some(1))
        );
    }

    #[test]
    fn passes_over_those_without_a_load() {
        assert_eq!(least(3, 0, |index| (index == 2).then_some(9.0)), Some(2));
        assert_eq!(least(3, 0, |_| None), None);
        assert_eq!(least(0, 7, |_| Some(0.0)), None);
    }
}

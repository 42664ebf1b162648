//! Whose turn it is: round robin over callers, so that one caller's burst starves nobody.

use std::collections::VecDeque;

use ahash::HashMap;

/// Those who wait for the same, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Line {
    turns: VecDeque<u64>,
    callers: HashMap<u64, VecDeque<usize>>,
}

impl Line {
    /// Lets one more wait.
    pub(super) fn push(&mut self, caller: u64, number: usize) {
        let own = self.callers.entry(caller).or_default();
        if own.is_empty() {
            self.turns.push_back(caller);
        }
        own.push_back(number);
    }

    /// Takes the next one out: the first of the caller whose turn it is.
    pub(super) fn pop(&mut self) -> Option<usize> {
        let caller = self.turns.pop_front()?;
        let own = self.callers.get_mut(&caller)?;
        let number = own.pop_front();
        match own.is_empty() {
            true => drop(self.callers.remove(&caller)),
            false => self.turns.push_back(caller),
        }
        number
    }

    /// Takes one out that waits no longer.
    pub(super) fn remove(&mut self, caller: u64, number: usize) {
        let Some(own) = self.callers.get_mut(&caller) else {
            return;
        };
        own.retain(|other| *other != number);
        if own.is_empty() {
            self.callers.remove(&caller);
            self.turns.retain(|other| *other != caller);
        }
    }

    /// True when nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(line: &mut Line) -> Vec<usize> {
        std::iter::from_fn(|| line.pop()).collect()
    }

    #[test]
    fn a_burst_of_one_caller_lets_the_others_through() {
        let mut line = Line::default();
        (0..100).for_each(|number| line.push(7, number));
        line.push(8, 100);
        line.push(9, 101);
        line.push(8, 102);
        assert_eq!(all(&mut line)[..7], [0, 100, 101, 1, 102, 2, 3]);
        assert!(line.is_empty());
    }

    #[test]
    fn who_leaves_is_passed_over() {
        let mut line = Line::default();
        for (caller, number) in [(1, 10), (2, 20), (1, 11), (3, 30)] {
            line.push(caller, number);
        }
        line.remove(2, 20);
        line.remove(1, 10);
        line.remove(1, 10);
        line.remove(4, 40);
        assert_eq!(all(&mut line), [11, 30]);
    }
}

//! Chance for simulations: cheap, and the same run after run.

use std::{ops::Range, time::Duration};

/// A sequence of numbers that look random (splitmix64).
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of that number.
    pub fn new(seed: usize) -> Self {
        Self(seed as u64)
    }

    /// A number of the range.
    pub fn pick(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// A time of the range, in milliseconds.
    pub fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.pick(range))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_range_comes_up_and_nothing_else() {
        let mut dice = Dice::new(0);
        let mut seen = [0; 6];
        for _ in 0..600 {
            seen[dice.pick(0..6) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| count > 60), "{seen:?}");
    }
}

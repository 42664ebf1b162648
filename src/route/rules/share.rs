//! A share of the callers, the same ones on every replica; who is in stays in while it grows.

use std::fmt;

use crate::matrix::{Caller, Key};

/// A share of all callers, from none to all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    percent: f64,
    below: u64,
}

impl Share {
    /// So many of a hundred callers; none when it is not above 0 and at most 100.
    pub fn new(percent: f64) -> Option<Self> {
        let sound = percent > 0.0 && percent <= 100.0;
        sound.then(|| Self {
            percent,
            // A float of 2^64 becomes the largest integer, which then stands for everybody.
            below: (percent / 100.0 * 2f64.powi(64)) as u64,
        })
    }

    /// True when this caller is in: users by their name whatever their device, servers by theirs, nobody never.
    pub fn contains(&self, caller: &Caller<'_>) -> bool {
        hash(caller).is_some_and(|hash| hash < self.below || self.below == u64::MAX)
    }
}

fn hash(caller: &Caller<'_>) -> Option<u64> {
    match caller {
        Caller::User(user) | Caller::Appservice(user) => Key::User(*user).hash(),
        Caller::Known(user) => Key::Known(*user).hash(),
        Caller::Token(token) | Caller::Invalid(token) => Key::Token(*token).hash(),
        Caller::Server(name) => Key::Origin(name).hash(),
        Caller::Nobody => None,
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Localpart;
    use proptest::prelude::*;

    fn is_in(percent: f64, user: &str) -> bool {
        let caller = Caller::User(Localpart::new(user.as_bytes()).unwrap());
        Share::new(percent).unwrap().contains(&caller)
    }

    #[test]
    fn a_share_is_about_as_large_as_it_says() {
        let users = 20_000;
        for percent in [1.0, 5.0, 50.0, 100.0] {
            let count = (0..users)
                .filter(|n| is_in(percent, &format!("user{n}")))
                .count();
            let wanted = f64::from(users) * percent / 100.0;
            let count = count as f64;
            assert!(
                (count - wanted).abs() <= wanted * 0.15,
                "{percent}: {count}"
            );
        }
        assert_eq!(Share::new(0.0), None);
        assert_eq!(Share::new(100.1), None);
        assert_eq!(Share::new(f64::NAN), None);
    }

    #[test]
    fn nobody_is_in_no_share_and_a_server_is_one_in_any_case() {
        let all = Share::new(100.0).unwrap();
        assert!(!all.contains(&Caller::Nobody));
        assert!(all.contains(&Caller::Server("example.org")));
        let half = Share::new(50.0).unwrap();
        for name in 0..100 {
            let (lower, upper) = (format!("s{name}.example"), format!("S{name}.EXAMPLE"));
            assert_eq!(
                half.contains(&Caller::Server(&lower)),
                half.contains(&Caller::Server(&upper))
            );
        }
    }

    proptest! {
        #[test]
        fn who_is_in_stays_in_while_it_grows(user in "[a-z0-9]{1,20}", a in 0.01..100.0, b in 0.01..100.0) {
            let (small, large) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(!is_in(small, &user) || is_in(large, &user));
        }
    }
}

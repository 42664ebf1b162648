//! What the stand-in workers of one homeserver share: rooms, their members, and who has news.

use tokio::sync::watch;

/// All rooms.
pub const ROOMS: usize = 60;

/// Members of a room.
const MEMBERS: usize = 10;

/// The state of the homeserver; every worker sees it at once, as if replication took no time.
#[derive(Debug)]
pub struct House {
    /// How many pieces of news each user had so far.
    news: Box<[watch::Sender<u64>]>,
}

impl House {
    /// A homeserver with that many users; each has one piece of news, so that nobody's first long poll waits.
    pub fn new(users: usize) -> Self {
        Self {
            news: (0..users).map(|_| watch::Sender::new(1)).collect(),
        }
    }

    /// Where a user's news stand.
    pub fn position(&self, user: usize) -> Option<u64> {
        self.news.get(user).map(|news| *news.borrow())
    }

    /// A message comes to a room: its members have news.
    pub fn tell(&self, room: usize) {
        for (_, news) in self
            .news
            .iter()
            .enumerate()
            .filter(|(user, _)| rooms_of(*user).contains(&room))
        {
            news.send_modify(|count| *count += 1);
        }
    }

    /// Waits until a user has news after `since`.
    pub async fn wait(&self, user: usize, since: u64) {
        if let Some(news) = self.news.get(user) {
            // The senders live as long as we do, so this ends with news only.
            let _ = news.subscribe().wait_for(|&count| count > since).await;
        }
    }
}

/// The rooms a user is in: one with the neighbours, one with people from all over.
pub fn rooms_of(user: usize) -> [usize; 2] {
    let [near, far] = [user / MEMBERS, user].map(|number| number % (ROOMS / 2));
    [2 * near, 2 * far + 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_is_news_to_the_members_of_its_room_only() {
        let house = House::new(40);
        let [room, _] = rooms_of(12);
        house.tell(room);
        assert_eq!(
            [9, 10, 19, 20].map(|user| house.position(user)),
            [Some(1), Some(2), Some(2), Some(1)]
        );
        house.wait(12, 1).await;
    }

    #[tokio::test(start_paused = true)]
    async fn without_news_the_wait_goes_on() {
        let house = House::new(1);
        let second = std::time::Duration::from_secs(1);
        assert!(
            tokio::time::timeout(second, house.wait(0, 1))
                .await
                .is_err()
        );
    }
}

//! The classes of Matrix endpoints a pool can serve.

use std::{fmt, str::FromStr};

/// A class of endpoints; the names are what a configuration says under `serves`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// `/sync` and `/events` that resume.
    Sync,
    /// `/sync` and `/events` from nothing, and the old `initialSync`.
    InitialSync,
    /// Sliding sync that resumes.
    SlidingSync,
    /// Sliding sync from nothing.
    InitialSlidingSync,
    /// Reads and small writes any client worker can serve.
    ClientReader,
    /// `/rooms/{room}/messages`: all of one room belong on one worker.
    Messages,
    /// Key queries, key claims and key backup.
    DeviceKeys,
    /// Devices and key uploads.
    DeviceLists,
    /// Login and registration.
    Login,
    /// Sending events, membership, creating and joining rooms.
    EventCreator,
    /// Profiles.
    Profile,
    /// Delayed events (MSC4140), the part workers serve.
    DelayedEvents,
    /// Typing, one writer.
    Typing,
    /// To-device messages, one writer.
    ToDevice,
    /// Account data and tags.
    AccountData,
    /// Receipts and read markers.
    Receipts,
    /// Presence.
    Presence,
    /// Push rules.
    PushRules,
    /// Thread subscriptions (MSC4306).
    ThreadSubscriptions,
    /// Quarantine, whose writers must hold the media repository.
    QuarantinedMediaChanges,
    /// User directory search.
    UserDirectory,
    /// Transactions of other servers.
    FederationInbound,
    /// Other federation requests.
    FederationReader,
    /// Server signing keys.
    FederationKeys,
    /// Media, wherever the media repository runs.
    Media,
    /// Admin requests about media.
    MediaAdmin,
    /// Single sign-on, one process.
    Sso,
    /// QR login sessions, one process.
    Rendezvous,
    /// Login endpoints that belong to MAS where MAS is used.
    MasCompat,
    /// The API MAS calls on Synapse.
    MasApi,
    /// `/.well-known/matrix`.
    WellKnown,
    /// `/_synapse/admin`.
    Admin,
    /// Other services under the same name.
    Mount,
    /// Everything only the main process serves.
    Main,
    /// Never passed on.
    Refused,
}

/// A set of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Groups(u64);

/// A name that is no group's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no group is called `{0}`")]
pub struct UnknownGroup(pub String);

impl Group {
    /// How many groups there are; `group as usize` is below it.
    pub const COUNT: usize = Self::ALL.len();

    /// Every group, in the order of their discriminants.
    pub const ALL: [Self; 35] = [
        Self::Sync,
        Self::InitialSync,
        Self::SlidingSync,
        Self::InitialSlidingSync,
        Self::ClientReader,
        Self::Messages,
        Self::DeviceKeys,
        Self::DeviceLists,
        Self::Login,
        Self::EventCreator,
        Self::Profile,
        Self::DelayedEvents,
        Self::Typing,
        Self::ToDevice,
        Self::AccountData,
        Self::Receipts,
        Self::Presence,
        Self::PushRules,
        Self::ThreadSubscriptions,
        Self::QuarantinedMediaChanges,
        Self::UserDirectory,
        Self::FederationInbound,
        Self::FederationReader,
        Self::FederationKeys,
        Self::Media,
        Self::MediaAdmin,
        Self::Sso,
        Self::Rendezvous,
        Self::MasCompat,
        Self::MasApi,
        Self::WellKnown,
        Self::Admin,
        Self::Mount,
        Self::Main,
        Self::Refused,
    ];

    /// The name users write and read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::InitialSync => "initial_sync",
            Self::SlidingSync => "sliding_sync",
            Self::InitialSlidingSync => "initial_sliding_sync",
            Self::ClientReader => "client_reader",
            Self::Messages => "messages",
            Self::DeviceKeys => "device_keys",
            Self::DeviceLists => "device_lists",
            Self::Login => "login",
            Self::EventCreator => "event_creator",
            Self::Profile => "profile",
            Self::DelayedEvents => "delayed_events",
            Self::Typing => "typing",
            Self::ToDevice => "to_device",
            Self::AccountData => "account_data",
            Self::Receipts => "receipts",
            Self::Presence => "presence",
            Self::PushRules => "push_rules",
            Self::ThreadSubscriptions => "thread_subscriptions",
            Self::QuarantinedMediaChanges => "quarantined_media_changes",
            Self::UserDirectory => "user_directory",
            Self::FederationInbound => "federation_inbound",
            Self::FederationReader => "federation_reader",
            Self::FederationKeys => "federation_keys",
            Self::Media => "media",
            Self::MediaAdmin => "media_admin",
            Self::Sso => "sso",
            Self::Rendezvous => "rendezvous",
            Self::MasCompat => "mas_compat",
            Self::MasApi => "mas_api",
            Self::WellKnown => "well_known",
            Self::Admin => "admin",
            Self::Mount => "mount",
            Self::Main => "main",
            Self::Refused => "refused",
        }
    }
}

impl Groups {
    /// Every group.
    pub const ALL: Self = Self(u64::MAX);

    /// True when `group` is one of them.
    pub const fn contains(self, group: Group) -> bool {
        self.0 & (1 << group as u64) != 0
    }
}

impl FromIterator<Group> for Groups {
    fn from_iter<I: IntoIterator<Item = Group>>(groups: I) -> Self {
        Self(
            groups
                .into_iter()
                .fold(0, |set, group| set | 1 << group as u64),
        )
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Group {
    type Err = UnknownGroup;

    fn from_str(name: &str) -> Result<Self, UnknownGroup> {
        Self::ALL
            .into_iter()
            .find(|group| group.name() == name)
            .ok_or_else(|| UnknownGroup(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_all_is_in_order() {
        for (index, group) in Group::ALL.into_iter().enumerate() {
            assert_eq!(group as usize, index);
            assert_eq!(group.name().parse(), Ok(group));
        }
        assert!("Sync".parse::<Group>().is_err());
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: Groups = [Group::Sync, Group::Refused].into_iter().collect();
        let held: Vec<_> = Group::ALL
            .into_iter()
            .filter(|group| set.contains(*group))
            .collect();
        assert_eq!(held, [Group::Sync, Group::Refused]);
        assert!(Group::ALL.iter().all(|group| Groups::ALL.contains(*group)));
    }
}

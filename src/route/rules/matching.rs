//! What a request must be for a rule to apply; whatever is not said holds for every request.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Regex;
use crate::{
    http1::Request,
    matrix::{Call, Caller, Group, Method, UserHash},
    route::Mount,
};

/// What a request must be: each list that is not empty must hold one thing that fits.
#[derive(Clone, Debug, Default)]
pub struct Match {
    /// The raw, undecoded path, without its query.
    pub path: Option<Regex>,
    /// The method; GET stands for HEAD too.
    pub methods: Vec<Method>,
    /// What the endpoint table takes it for.
    pub groups: Vec<Group>,
    /// The room id or alias in the path, percent-decoded.
    pub rooms: Vec<Box<str>>,
    /// The user who asks, by the hash of the localpart.
    pub users: Vec<UserHash>,
    /// The server that asks, in lower case.
    pub servers: Vec<Box<str>>,
    /// The client's address.
    pub clients: Vec<IpNet>,
    /// Header fields with a value that fits; all of them must be there.
    pub headers: Vec<(Box<str>, Regex)>,
}

/// A request as the rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'s, 'h, 'b> {
    /// The method.
    pub method: Method,
    /// What is asked.
    pub call: &'s Call<'b>,
    /// Who seems to ask.
    pub caller: &'s Caller<'b>,
    /// The client's address.
    pub client: IpAddr,
    /// The head, for its fields.
    pub request: &'s Request<'h, 'b>,
    /// The service that it belongs to, where that is not Synapse.
    pub mount: Option<&'s Mount>,
}

impl Match {
    /// True when the request is what it says; the cheap questions first.
    pub fn takes(&self, seen: &Seen<'_, '_, '_>) -> bool {
        any(&self.methods, |method| takes_method(*method, seen.method))
            && any(&self.groups, |group| *group == seen.call.group)
            && any(&self.rooms, |room| seen.call.is_in_room(room))
            && any(&self.users, |user| seen.caller.user() == Some(*user))
            && any(&self.servers, |name| is_server(seen.caller, name))
            && any(&self.clients, |network| network.contains(&seen.client))
            && self
                .path
                .as_ref()
                .is_none_or(|path| path.is_match(seen.call.path().as_bytes()))
            && self
                .headers
                .iter()
                .all(|(name, value)| seen.request.values(name).any(|text| value.is_match(text)))
    }

    /// True when it says nothing, so that every request fits.
    pub fn is_everything(&self) -> bool {
        !self.is_narrowed() && self.path.is_none() && self.headers.is_empty()
    }

    /// Its regular expressions, each with what it is asked about.
    pub fn regexes(&self) -> impl Iterator<Item = (&str, &Regex)> {
        let path = self.path.iter().map(|regex| ("path", regex));
        path.chain(self.headers.iter().map(|(name, regex)| (&**name, regex)))
    }

    /// True when something cheaper than a regular expression must hold first.
    pub fn is_narrowed(&self) -> bool {
        !(self.methods.is_empty()
            && self.groups.is_empty()
            && self.rooms.is_empty()
            && self.users.is_empty()
            && self.servers.is_empty()
            && self.clients.is_empty())
    }
}

fn any<T>(list: &[T], fits: impl Fn(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(fits)
}

fn takes_method(wanted: Method, method: Method) -> bool {
    wanted == method || (wanted, method) == (Method::Get, Method::Head)
}

fn is_server(caller: &Caller<'_>, name: &str) -> bool {
    matches!(caller, Caller::Server(origin) if origin.eq_ignore_ascii_case(name))
}

//! The endpoint table: data, read from the servlets of Synapse 1.157 to 1.163 and held against them in
//! `tests/synapse/registrar` (`synapse/rest`,
//! `synapse/federation/transport/server`, `synapse/_scripts/generate_workers_map.py`).

use super::{
    Group::{self, *},
    KeyKind, Methods, Reach, Release, Row, When,
};

const GET: Methods = Methods::GET;
const POST: Methods = Methods::POST;
const PUT: Methods = Methods::PUT;
const DELETE: Methods = Methods::DELETE;
const GET_POST: Methods = GET.or(POST);
const GET_PUT: Methods = GET.or(PUT);
const PUT_DELETE: Methods = PUT.or(DELETE);
const GET_DELETE: Methods = GET.or(DELETE);
const GET_PUT_DELETE: Methods = GET_PUT.or(DELETE);
const ANY: Methods = Methods::ANY;

/// Every row, for requests that are neither refused, nor OPTIONS, nor the main process's.
#[rustfmt::skip]
pub static TABLE: &[Row] = &[
    // Sync
    row("S2", InitialSync, GET, "/_matrix/client/V2/sync").when(When::NoSince).key(KeyKind::User),
    row("S1", Sync, GET, "/_matrix/client/V2/sync").key(KeyKind::User),
    row("S3", InitialSync, GET, "/_matrix/client/V1/initialSync").key(KeyKind::User),
    row("S3", InitialSync, GET, "/_matrix/client/V1/rooms/{room}/initialSync").key(KeyKind::User),
    row("S4", InitialSync, GET, "/_matrix/client/V1/events").when(When::NoFrom).key(KeyKind::User),
    row("S4", Sync, GET, "/_matrix/client/V1/events").key(KeyKind::User),
    row("S5", InitialSlidingSync, POST, "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync").when(When::NoPos).key(KeyKind::User),
    row("S5", SlidingSync, POST, "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync").key(KeyKind::User),
    row("S6", SlidingSync, POST, "/_matrix/client/v4/sync").when(When::InBody).key(KeyKind::User),
    // Reads and small writes of clients
    row("C1", ClientReader, GET, "/_matrix/client/versions"),
    row("C1", ClientReader, GET_POST, "/_matrix/client/V1/publicRooms"),
    row("C1", ClientReader, GET, "/_matrix/client/V1/rooms/{room}/(joined_members|members|state)"),
    row("C1", ClientReader, GET, "/_matrix/client/V1/rooms/{room}/(context|event)/{event}"),
    row("C1", ClientReader, GET, "/_matrix/client/V1/joined_rooms"),
    row("C1", ClientReader, GET, "/_matrix/client/V1/voip/turnServer"),
    row("C1", ClientReader, POST, "/_matrix/client/V1/search"),
    row("C1", ClientReader, GET, "/_matrix/client/V1/events/{event}"),
    row("C1", ClientReader, GET, "/_matrix/client/V2/(capabilities|notifications|account/whoami)"),
    row("C1", ClientReader, GET_POST, "/_matrix/client/V2/account/3pid"),
    row("C1", ClientReader, POST, "/_matrix/client/V2/account/deactivate"),
    row("C1", ClientReader, GET_PUT_DELETE, "/_matrix/client/V1/directory/room/{room}"),
    row("C1", ClientReader, GET, "/_matrix/client/v1/rooms/{room}/(hierarchy|threads|timestamp_to_event)"),
    row("C1", ClientReader, GET, "/_matrix/client/(v1|unstable)/rooms/{room}/relations/{event}(|/{relation}|/{relation}/{type})"),
    row("C1", ClientReader, GET, "/_matrix/client/(r0|v3|unstable/org.matrix.msc2432)/rooms/{room}/aliases"),
    row("C1", ClientReader, GET, "/_matrix/client/v1/room_summary/{room}"),
    row("C1", ClientReader, GET, "/_matrix/client/unstable/im.nheko.summary/summary/{room}"),
    row("C1", ClientReader, GET, "/_matrix/client/unstable/im.nheko.summary/rooms/{room}/summary"),
    row("C1", ClientReader, POST, "/_matrix/client/V2/user/{user}/filter"),
    row("C1", ClientReader, GET, "/_matrix/client/V2/user/{user}/filter/{filter}"),
    row("C2", ClientReader, POST, "/_matrix/client/(v1|unstable)/appservice/{id}/ping"),
    row("C2", ClientReader, GET, "/_matrix/client/(v1|unstable|unstable/org.matrix.msc2965)/auth_metadata"),
    row("C2", ClientReader, GET, "/_matrix/client/unstable/org.matrix.msc2965/auth_issuer").until(1, 161),
    row("C2", ClientReader, GET, "/_matrix/client/unstable/org.matrix.msc1763/retention/configuration"),
    row("C2", ClientReader, POST, "/_matrix/client/unstable/org.matrix.msc3720/account_status"),
    row("C2", ClientReader, GET, "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports"),
    row("C2", ClientReader, GET_PUT_DELETE, "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device"),
    row("C2", ClientReader, GET_POST, "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{device}/events"),
    row("C2", ClientReader, POST, "/_matrix/client/unstable/org.matrix.msc3983/keys/claim"),
    row("C2", ClientReader, GET, "/_matrix/client/unstable/io.element.msc4502/rooms/{room}/is_joined").since(1, 160),
    row("C2", ClientReader, POST, "/_matrix/client/unstable/io.element.msc4512/appservice/fed_proxy").since(1, 161),
    row("C3", Messages, GET, "/_matrix/client/V1/rooms/{room}/messages").key(KeyKind::Room),
    // Encryption and devices
    row("E1", DeviceKeys, POST, "/_matrix/client/V2/keys/(query|claim)").key(KeyKind::User),
    row("E1", DeviceKeys, GET, "/_matrix/client/V2/keys/changes").key(KeyKind::User),
    row("E1", DeviceKeys, GET_PUT_DELETE, "/_matrix/client/V2/room_keys/keys(|/{room+}|/{room+}/{session+})").key(KeyKind::User),
    row("E1", DeviceKeys, GET_POST, "/_matrix/client/V2/room_keys/version").key(KeyKind::User),
    row("E1", DeviceKeys, GET_PUT_DELETE, "/_matrix/client/V2/room_keys/version/{version+}").key(KeyKind::User),
    row("E2", DeviceLists, POST, "/_matrix/client/V2/(delete_devices|keys/upload|keys/signatures/upload)").key(KeyKind::User),
    row("E2", DeviceLists, GET, "/_matrix/client/V2/devices").key(KeyKind::User),
    row("E2", DeviceLists, GET_PUT_DELETE, "/_matrix/client/V2/devices/{device}").key(KeyKind::User),
    row("E2", DeviceLists, POST, "/_matrix/client/(v3|unstable)/keys/device_signing/upload").key(KeyKind::User),
    // Login and registration
    row("R1", Login, GET_POST, "/_matrix/client/V2/login").mas(),
    row("R1", Login, GET_POST, "/_matrix/client/api/v1/login"),
    row("R1", Login, POST, "/_matrix/client/V2/register"),
    row("R1", Login, GET, "/_matrix/client/V2/(register/available|password_policy)"),
    row("R1", Login, GET, "/_matrix/client/(v1|unstable)/register/m.login.registration_token/validity"),
    // Events, membership, profiles; {txn}: stored with the event, so a repeat makes no second one
    row("W1", EventCreator, POST, "/_matrix/client/V1/rooms/{room}/(send/{type}|redact/{event})").key(KeyKind::Room),
    row("W1", EventCreator, PUT, "/_matrix/client/V1/rooms/{room}/(send/{type}|redact/{event})/{txn}").key(KeyKind::Room),
    row("W1", EventCreator, GET_PUT, "/_matrix/client/V1/rooms/{room}/state/{type}(|/{state_key})").key(KeyKind::Room),
    row("W1", EventCreator, POST, "/_matrix/client/V1/rooms/{room}/(join|invite|leave|ban|unban|kick)").key(KeyKind::Room),
    row("W1", EventCreator, PUT, "/_matrix/client/V1/rooms/{room}/(join|invite|leave|ban|unban|kick)/{txn}").key(KeyKind::Room),
    row("W1", EventCreator, POST, "/_matrix/client/V1/join/{room}").key(KeyKind::Room),
    row("W1", EventCreator, PUT, "/_matrix/client/V1/join/{room}/{txn}").key(KeyKind::Room),
    row("W1", EventCreator, POST, "/_matrix/client/V2/knock/{room}").key(KeyKind::Room),
    row("W1", EventCreator, POST, "/_matrix/client/V1/createRoom").key(KeyKind::User),
    row("W1", EventCreator, PUT, "/_matrix/client/V1/createRoom/{attempt}").key(KeyKind::User),
    row("W2", Profile, GET, "/_matrix/client/V1/profile/{user}").key(KeyKind::User),
    row("W2", Profile, GET_PUT_DELETE, "/_matrix/client/V1/profile/{user}/(avatar_url|displayname)").key(KeyKind::User),
    row("W2", Profile, GET_PUT_DELETE, "/_matrix/client/(v3|unstable/uk.tcpip.msc4133)/profile/{user}/{field}").key(KeyKind::User),
    row("W3", DelayedEvents, GET, "/_matrix/client/unstable/org.matrix.msc4140/delayed_events"),
    row("W3", DelayedEvents, GET, "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delay+}").since(1, 161),
    row("W3", DelayedEvents, POST, "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delay+}/restart"),
    // Streams
    row("T1", Typing, PUT, "/_matrix/client/V1/rooms/{room}/typing/{user}").reach(Reach::Writer),
    row("T2", ToDevice, PUT, "/_matrix/client/V2/sendToDevice/{type}/{attempt}").reach(Reach::Writer),
    row("T3", AccountData, GET_PUT, "/_matrix/client/V2/user/{user}(|/rooms/{room})/account_data/{type}").key(KeyKind::User),
    row("T3", AccountData, DELETE, "/_matrix/client/unstable/org.matrix.msc3391/user/{user}(|/rooms/{room})/account_data/{type}").key(KeyKind::User),
    row("T3", AccountData, GET, "/_matrix/client/V2/user/{user}/rooms/{room}/tags").key(KeyKind::User),
    row("T3", AccountData, PUT_DELETE, "/_matrix/client/V2/user/{user}/rooms/{room}/tags/{tag}").key(KeyKind::User),
    row("T4", Receipts, POST, "/_matrix/client/V2/rooms/{room}/(receipt/{type}/{event}|read_markers)").reach(Reach::Writer).key(KeyKind::User),
    row("T5", Presence, GET_PUT, "/_matrix/client/V1/presence/{user}/status"),
    row("T6", PushRules, GET, "/_matrix/client/V1/pushrules/**"),
    row("T6", PushRules, PUT_DELETE, "/_matrix/client/V1/pushrules/**").reach(Reach::Writer),
    row("T7", ThreadSubscriptions, GET, "/_matrix/client/unstable/io.element.msc4306/rooms/{room}/thread/{event}/subscription").key(KeyKind::User),
    row("T7", ThreadSubscriptions, PUT_DELETE, "/_matrix/client/unstable/io.element.msc4306/rooms/{room}/thread/{event}/subscription").reach(Reach::Writer).key(KeyKind::User),
    row("T7", ThreadSubscriptions, GET, "/_matrix/client/unstable/io.element.msc4308/thread_subscriptions").key(KeyKind::User),
    row("T8", QuarantinedMediaChanges, POST, "/_synapse/admin/v1/(quarantine_media/{room}|room/{room}/media/quarantine)").reach(Reach::Writer),
    row("T8", QuarantinedMediaChanges, POST, "/_synapse/admin/v1/user/{user}/media/quarantine").reach(Reach::Writer),
    row("T8", QuarantinedMediaChanges, POST, "/_synapse/admin/v1/media/(quarantine|unquarantine)/{server}/{media}").reach(Reach::Writer),
    row("U1", UserDirectory, POST, "/_matrix/client/V2/user_directory/search"),
    // Other servers
    row("F1", FederationInbound, PUT, "/_matrix/federation/v1/send/{txn}(|/)").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, GET, "/_matrix/federation/v1/(state|state_ids)/{room}(|/)").reach(Reach::Federation).key(KeyKind::Uri),
    row("F2", FederationReader, GET, "/_matrix/federation/v1/version").reach(Reach::Federation).key(KeyKind::Origin),
    // Workers register it and answer 500: only main's store has `OpenIdStore` (`synapse/storage/databases/main`).
    row("F2", FederationReader, GET, "/_matrix/federation/v1/openid/userinfo").reach(Reach::Main),
    row("F2", FederationReader, GET, "/_matrix/federation/v1/(backfill|timestamp_to_event)/{room}(|/)").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, GET, "/_matrix/federation/v1/event/{event}(|/)").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, GET, "/_matrix/federation/v1/event_auth/{room}/{event}").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, GET, "/_matrix/federation/v1/hierarchy/{room}").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, POST, "/_matrix/federation/v1/get_missing_events/{room}").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, PUT, "/_matrix/federation/v1/exchange_third_party_invite/{room}").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, GET, "/_matrix/federation/v1/(make_join|make_knock|make_leave)/{room}/{user}").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, PUT, "/_matrix/federation/(v1|v2)/(send_join|send_leave|invite)/{room}/{event}").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, PUT, "/_matrix/federation/v1/send_knock/{room}/{event}").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, GET_POST, "/_matrix/federation/v1/publicRooms").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, GET, "/_matrix/federation/v1/query/{type}").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, POST, "/_matrix/federation/v1/3pid/onbind").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, GET, "/_matrix/federation/v1/user/devices/{user}").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, POST, "/_matrix/federation/v1/user/keys/(claim|query)").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, POST, "/_matrix/federation/unstable/user/keys/claim").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, GET, "/_matrix/federation/unstable/rooms/{room}/complexity").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, GET, "/_matrix/federation/unstable/org.matrix.msc4370/extremities/{room}").reach(Reach::Federation).key(KeyKind::Origin),
    row("F2", FederationReader, POST, "/_matrix/federation/unstable/org.matrix.msc3720/query/account_status").reach(Reach::Federation).key(KeyKind::Origin),
    row("F3", FederationKeys, POST, "/_matrix/key/v2/query").reach(Reach::Federation),
    row("F3", FederationKeys, GET, "/_matrix/key/v2/query/{server}(|/{key})").reach(Reach::Federation),
    row("F3", FederationKeys, GET, "/_matrix/key/v2/server(|/{key})").reach(Reach::Federation),
    // Media
    row("M1", Media, ANY, "/_matrix/media/**").reach(Reach::Media).key(KeyKind::Media),
    row("M1", Media, GET, "/_matrix/media/(r0|v3|v1)/download/{server}/{media}(|/{file})").reach(Reach::Media).key(KeyKind::Media),
    row("M1", Media, GET, "/_matrix/media/(r0|v3|v1)/thumbnail/{server}/{media}").reach(Reach::Media).key(KeyKind::Media),
    row("M1", Media, ANY, "/_matrix/client/v1/media/**").reach(Reach::Media).key(KeyKind::Media),
    row("M1", Media, GET, "/_matrix/client/v1/media/download/{server}/{media}(|/{file})").reach(Reach::Media).key(KeyKind::Media),
    row("M1", Media, GET, "/_matrix/client/v1/media/thumbnail/{server}/{media}").reach(Reach::Media).key(KeyKind::Media),
    row("M1", Media, ANY, "/_matrix/federation/v1/media/**").reach(Reach::Media).key(KeyKind::Media),
    row("M1", Media, GET, "/_matrix/federation/v1/media/(download|thumbnail)/{media}").reach(Reach::Media).key(KeyKind::Media),
    row("M2", MediaAdmin, GET_DELETE, "/_synapse/admin/v1/media/{server}/{media}").reach(Reach::Media),
    row("M2", MediaAdmin, POST, "/_synapse/admin/v1/media/(delete|{server}/delete|protect/{id}|unprotect/{id})").reach(Reach::Media),
    row("M2", MediaAdmin, GET, "/_synapse/admin/v1/media/quarantine_changes").reach(Reach::Media),
    row("M2", MediaAdmin, POST, "/_synapse/admin/v1/purge_media_cache").reach(Reach::Media),
    row("M2", MediaAdmin, GET, "/_synapse/admin/v1/room/{room}/media").reach(Reach::Media),
    row("M2", MediaAdmin, GET_DELETE, "/_synapse/admin/v1/users/{user}/media").reach(Reach::Media),
    // Sessions in one process's memory, and what MAS answers
    row("L1", Sso, GET, "/_matrix/client/V2/login/sso/redirect").reach(Reach::OneProcess).mas(),
    row("L1", Sso, GET, "/_matrix/client/(r0|v3)/login/sso/redirect/{idp+}").reach(Reach::OneProcess).mas(),
    row("L1", Sso, GET, "/_matrix/client/api/v1/login/sso/redirect").reach(Reach::OneProcess),
    row("L1", Sso, GET, "/_matrix/client/V1/login/cas/(ticket|redirect)").reach(Reach::OneProcess),
    row("L1", Sso, GET, "/_synapse/client/(pick_idp|pick_username/check|sso_register)").reach(Reach::OneProcess),
    row("L1", Sso, GET_POST, "/_synapse/client/(pick_username/account_details|new_user_consent|oidc/callback)").reach(Reach::OneProcess),
    row("L1", Sso, POST, "/_synapse/client/oidc/backchannel_logout").reach(Reach::OneProcess),
    row("L1", Sso, GET, "(/_synapse/client|/_matrix)/saml2/metadata.xml").reach(Reach::OneProcess),
    row("L1", Sso, GET_POST, "(/_synapse/client|/_matrix)/saml2/authn_response").reach(Reach::OneProcess),
    row("L2", Rendezvous, ANY, "/_matrix/client/unstable/(org.matrix.msc4108|io.element.msc4388)/rendezvous(|/**)").reach(Reach::OneProcess),
    row("L2", Rendezvous, ANY, "/_synapse/client/rendezvous(|/**)").reach(Reach::OneProcess),
    row("L3", MasCompat, GET_POST, "/_matrix/client/{version+}/(login|logout|logout/all|refresh)").reach(Reach::Main).mas(),
    row("L3", MasCompat, GET_POST, "/_matrix/client/{version+}/login/sso/redirect(|/{idp})").reach(Reach::Main).mas(),
    row("L4", MasApi, ANY, "/_synapse/mas/**").mas(),
    // Administration and the rest
    row("A1", Admin, ANY, "/_synapse/admin/**").reach(Reach::Main),
    row("A1", Admin, GET, "/_synapse/admin/v2/users/{user}"),
    row("A1", Admin, GET_DELETE, "/_synapse/admin/v1/rooms/{room}"),
    row("A2", ClientReader, GET_POST, "/_synapse/client/unsubscribe"),
    row("A2", ClientReader, GET, "/_synapse/client/v1/config/federation_whitelist"),
    row("A2", ClientReader, GET, "/_synapse/client/media_upload_limit_exceeded").since(1, 158),
    row("A3", WellKnown, GET, "/.well-known/matrix/(client|server)"),
];

/// The main process: whatever no row takes.
pub(super) static MAIN: Row = row("A4", Main, ANY, "/**").reach(Reach::Main);

/// What Synapse passes on to an application service (MSC4512); its registration file says the prefix.
pub(super) static PROXIED: Row = row(
    "C2",
    ClientReader,
    GET_PUT_DELETE.or(POST),
    "/_matrix/client/{version}/{prefix}(|/**)",
)
.since(1, 161);

/// The same for what other servers ask of it.
pub(super) static PROXIED_FEDERATION: Row = row(
    "F2",
    FederationReader,
    GET_PUT_DELETE.or(POST),
    "/_matrix/federation/{version}/{prefix}(|/**)",
)
.reach(Reach::Federation)
.key(KeyKind::Origin)
.since(1, 161);

/// What belongs to another service under the same name, as the configuration says.
pub(super) static MOUNTED: Row = row("X6", Mount, ANY, "/**").reach(Reach::Main);

/// OPTIONS: every process answers 204 (`synapse/http/server.py`).
pub(super) static OPTIONS: Row = row("X5", ClientReader, ANY, "/**");

/// Metrics and replication: unauthenticated, so never passed on.
pub(super) static REFUSED: Row =
    row("X3", Refused, ANY, "/_synapse/(metrics|replication)**").reach(Reach::Nobody);

/// Every row that holds for that release, what no row takes, and what is refused.
pub fn rows(release: Release) -> impl Iterator<Item = &'static Row> {
    let holding = TABLE.iter().filter(move |row| row.holds(release));
    holding.chain([&MAIN, &REFUSED])
}

const fn row(id: &'static str, group: Group, methods: Methods, pattern: &'static str) -> Row {
    Row::new(id, group, methods, pattern)
}

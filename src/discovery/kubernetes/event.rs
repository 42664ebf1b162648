//! What is wrong with a Service's labels, said where `kubectl describe` shows it.

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::Timestamp,
};
use kube::{Api, Error, api::PostParams};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Cluster, Labelled,
    client::{self, Fault},
};

/// The longest text that an Event takes, in bytes.
const LONGEST: usize = 1024;

/// Writes an Event on the Service. Its name comes from what it says, so that several replicas write it once.
///
/// # Errors
/// Why the API server did not take it, in words.
pub async fn tell(cluster: &Cluster, about: &Labelled, why: &str) -> Result<(), String> {
    write(cluster, &event(about, why))
        .await
        .map_err(|fault| format!("write an Event on the Service {}: {fault}", about.service))
}

async fn write(cluster: &Cluster, event: &Event) -> Result<(), Fault> {
    let client = client::connect(cluster).await?;
    let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
    let events: Api<Event> = Api::namespaced(client, namespace);
    match events.create(&PostParams::default(), event).await {
        Err(Error::Api(status)) if status.code == 409 => Ok(()),
        written => Ok(written.map(|_| ())?),
    }
}

fn event(about: &Labelled, why: &str) -> Event {
    let service = &about.service;
    let identity = xxh3_64(format!("{}\n{}\n{why}", about.uid, about.version).as_bytes());
    let end = why.floor_char_boundary(LONGEST);
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{identity:016x}", service.name)),
            namespace: Some(service.namespace.to_string()),
            ..Default::default()
        },
        regarding: Some(ObjectReference {
            api_version: Some("v1".into()),
            kind: Some("Service".into()),
            name: Some(service.name.to_string()),
            namespace: Some(service.namespace.to_string()),
            uid: Some(about.uid.to_string()),
            resource_version: Some(about.version.to_string()),
            ..Default::default()
        }),
        event_time: Some(MicroTime(Timestamp::now())),
        type_: Some("Warning".into()),
        action: Some("MakePool".into()),
        reason: Some("FaultyLabel".into()),
        note: Some(why[..end].into()),
        reporting_controller: Some("thalamus".into()),
        reporting_instance: Some("thalamus".into()),
        ..Default::default()
    }
}

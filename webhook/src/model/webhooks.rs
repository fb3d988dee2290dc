//! Signed webhooks, sent in the background and logged.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{Request, header::HOST};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use super::config::ModelWebhook;

/// GitHub's own timeout for an answer.
const SEND_DEADLINE: Duration = Duration::from_secs(10);
/// Maximum logged deliveries; older ones are forgotten.
const DELIVERIES_MAX: usize = 100_000;

/// How events are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Deliver it.
    Send,
    /// Log it and never deliver it.
    Lose,
    /// Deliver it twice, with the same GUID.
    Double,
    /// Hold it until its GUID is released, in any order.
    Hold,
}

/// A logged delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentDelivery {
    /// Its number; a redelivery gets a new one.
    pub id: u64,
    /// Its GUID; a redelivery keeps it.
    pub guid: String,
    /// The event.
    pub event: String,
    /// The action.
    pub action: String,
    /// The receiver's status; `None` while waiting, 0 if there was no answer.
    pub status: Option<u16>,
    /// Whether it is a redelivery.
    pub redelivery: bool,
    /// Whether it is held.
    pub held: bool,
}

struct Record {
    sent: SentDelivery,
    body: Bytes,
}

#[derive(Default)]
struct Log {
    records: VecDeque<Record>,
    last_id: u64,
}

/// The target, policy and log of deliveries.
pub(super) struct Webhooks {
    pub(super) target: Option<ModelWebhook>,
    usual: Policy,
    next: VecDeque<Policy>,
    guids: u64,
    log: Arc<Mutex<Log>>,
    running: JoinSet<()>,
}

impl Webhooks {
    pub(super) fn new(target: Option<ModelWebhook>) -> Self {
        Self {
            target,
            usual: Policy::Send,
            next: VecDeque::new(),
            guids: 0,
            log: Arc::default(),
            running: JoinSet::new(),
        }
    }

    pub(super) fn set_usual(&mut self, policy: Policy) {
        self.usual = policy;
    }

    pub(super) fn set_next(&mut self, policy: Policy, times: usize) {
        self.next.extend(std::iter::repeat_n(policy, times));
    }

    /// Sends an event according to the policy; returns its GUID.
    pub(super) fn emit(&mut self, event: &str, payload: &Value) -> String {
        self.guids += 1;
        let guid = format!("{:08x}-0000-4000-8000-{:012x}", self.guids, self.guids);
        let policy = self.next.pop_front().unwrap_or(self.usual);
        let body = Bytes::from(payload.to_string());
        let action = payload["action"].as_str().unwrap_or_default();
        let times = if policy == Policy::Double { 2 } else { 1 };
        for attempt in 0..times {
            let sent = SentDelivery {
                id: 0,
                guid: guid.clone(),
                event: event.to_owned(),
                action: action.to_owned(),
                status: None,
                redelivery: attempt > 0,
                held: policy == Policy::Hold,
            };
            let id = self.record(sent, body.clone());
            if matches!(policy, Policy::Send | Policy::Double) {
                self.send(id);
            }
        }
        guid
    }

    /// Delivers a held delivery; false if none has this GUID.
    pub(super) fn release(&mut self, guid: &str) -> bool {
        let released = {
            let mut log = lock(&self.log);
            let mut records = log.records.iter_mut();
            let found = records.find(|r| r.sent.held && r.sent.guid == guid);
            found.map(|record| {
                record.sent.held = false;
                record.sent.id
            })
        };
        released.inspect(|id| self.send(*id)).is_some()
    }

    /// Delivers the delivery with this GUID again.
    pub(super) fn redeliver(&mut self, guid: &str) -> bool {
        let id = {
            let log = lock(&self.log);
            let mut records = log.records.iter();
            records.find(|r| r.sent.guid == guid).map(|r| r.sent.id)
        };
        id.is_some_and(|id| self.redeliver_id(id))
    }

    pub(super) fn redeliver_id(&mut self, id: u64) -> bool {
        let again = {
            let log = lock(&self.log);
            let mut records = log.records.iter();
            let found = records.find(|record| record.sent.id == id);
            found.map(|record| (record.sent.clone(), record.body.clone()))
        };
        let Some((sent, body)) = again else {
            return false;
        };
        let id = self.record(
            SentDelivery {
                status: None,
                redelivery: true,
                held: false,
                ..sent
            },
            body,
        );
        self.send(id);
        true
    }

    pub(super) fn all(&self) -> Vec<SentDelivery> {
        let log = lock(&self.log);
        log.records.iter().map(|r| r.sent.clone()).collect()
    }

    /// The deliveries as the API lists them, newest first.
    pub(super) fn shapes(&self) -> Vec<Value> {
        let all = self.all().into_iter().rev();
        all.map(|sent| {
            let code = sent.status.unwrap_or_default();
            json!({
                "id": sent.id, "guid": sent.guid, "event": sent.event, "action": sent.action,
                "redelivery": sent.redelivery, "status_code": code,
                "status": if (200..300).contains(&code) { "OK" } else { "failed to connect" },
                "delivered_at": "2026-01-01T00:00:00Z", "duration": 0.01,
                "installation_id": null, "repository_id": null,
            })
        })
        .collect()
    }

    fn record(&self, sent: SentDelivery, body: Bytes) -> u64 {
        let mut log = lock(&self.log);
        log.last_id += 1;
        let id = log.last_id;
        if log.records.len() >= DELIVERIES_MAX {
            log.records.pop_front();
        }
        log.records.push_back(Record {
            sent: SentDelivery { id, ..sent },
            body,
        });
        id
    }

    fn send(&mut self, id: u64) {
        while self.running.try_join_next().is_some() {}
        let Some(target) = self.target.clone() else {
            return;
        };
        let log = Arc::clone(&self.log);
        self.running.spawn(async move {
            let found = {
                let log = lock(&log);
                let mut records = log.records.iter();
                let found = records.find(|record| record.sent.id == id);
                found.map(|record| (record.sent.clone(), record.body.clone()))
            };
            let Some((sent, body)) = found else { return };
            let answered = timeout(SEND_DEADLINE, post(&target, &sent, body)).await;
            let status = answered.ok().flatten().unwrap_or_default();
            let mut log = lock(&log);
            let mut records = log.records.iter_mut();
            if let Some(record) = records.find(|record| record.sent.id == id) {
                record.sent.status = Some(status);
            }
        });
    }
}

fn lock(log: &Mutex<Log>) -> std::sync::MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn post(target: &ModelWebhook, sent: &SentDelivery, body: Bytes) -> Option<u16> {
    let key = target.secret.expose_secret().as_bytes();
    let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    let digest = mac.chain_update(&body).finalize().into_bytes();
    let request = Request::post(&target.path)
        .header(HOST, &target.host)
        .header("content-type", "application/json")
        .header("user-agent", "GitHub-Hookshot/model")
        .header("x-github-delivery", &sent.guid)
        .header("x-github-event", &sent.event)
        .header(
            "x-hub-signature-256",
            format!("sha256={}", hex::encode(digest)),
        )
        .body(Full::new(body))
        .ok()?;
    let stream = TcpStream::connect(target.connect).await.ok()?;
    let io = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.ok()?;
    let answer = async {
        let response = sender.send_request(request).await.ok()?;
        Some(response.status().as_u16())
    };
    tokio::pin!(connection);
    tokio::select! {
        answer = answer => answer,
        _ = &mut connection => None,
    }
}

//! Scripted faults.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

/// Maximum time that a request is held, whatever the script says.
const HOLD_MAX: Duration = Duration::from_secs(60);

/// One kind of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status and a JSON message.
    Status(u16),
    /// Answers 200 with an HTML page.
    Html,
    /// Sends no answer (for a minute).
    Hang,
    /// Sends the right answer after a delay.
    Slow(Duration),
    /// Breaks the connection during the answer, without executing the request.
    Close,
    /// Executes the request, then breaks the connection during the answer.
    CloseAfter,
    /// Answers 403 with the headers of an exhausted quota; the value is the wait in seconds.
    RateLimit(u64),
}

#[derive(Debug)]
struct Scripted {
    method: Option<String>,
    prefix: String,
    fault: Fault,
    left: u32,
}

/// The script; the first matching line applies to a request.
#[derive(Debug)]
pub struct Faults {
    script: Mutex<Vec<Scripted>>,
    held: watch::Sender<bool>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            script: Mutex::default(),
            held: watch::Sender::new(false),
        }
    }
}

impl Faults {
    /// Applies a fault to the next `times` requests that match. `matcher` is a prefix of the path,
    /// or a method, a space and a prefix: `"POST /repos/acme/shop/deployments"`.
    pub fn next(&self, matcher: &str, fault: Fault, times: u32) {
        let (method, prefix) = match matcher.split_once(' ') {
            Some((method, prefix)) => (Some(method.to_owned()), prefix),
            None => (None, matcher),
        };
        let scripted = Scripted {
            method,
            prefix: prefix.to_owned(),
            fault,
            left: times,
        };
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.push(scripted);
    }

    /// Holds all requests until [`release`](Self::release).
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Answers held requests.
    pub fn release(&self) {
        self.held.send_replace(false);
    }

    /// Clears the script and answers held requests.
    pub fn clear(&self) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.clear();
        self.release();
    }

    pub(super) async fn wait_while_held(&self) {
        let mut held = self.held.subscribe();
        // Both the timeout and the end of the model mean: continue.
        let _ = timeout(HOLD_MAX, held.wait_for(|held| !held)).await;
    }

    pub(super) fn next_for(&self, method: &str, path: &str) -> Option<Fault> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |s: &Scripted| {
            s.left > 0
                && path.starts_with(&s.prefix)
                && s.method.as_deref().is_none_or(|wanted| wanted == method)
        };
        let at = script.iter().position(fits)?;
        script[at].left -= 1;
        let fault = script[at].fault.clone();
        script.retain(|s| s.left > 0);
        Some(fault)
    }
}

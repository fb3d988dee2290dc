//! What goes wrong, as scripted.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

/// Nothing is held for longer, whatever the script says.
const HOLD_MAX: Duration = Duration::from_secs(60);

/// One way to go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status, with a JSON message.
    Status(u16),
    /// 200 with an HTML page.
    Html,
    /// No answer (for a minute).
    Hang,
    /// The right answer, later.
    Slow(Duration),
    /// The connection breaks in the answer; nothing was done.
    Close,
    /// The connection breaks in the answer, after the request was carried out.
    CloseAfter,
    /// 403 with the headers of a used-up quota; wait this many seconds.
    RateLimit(u64),
}

#[derive(Debug)]
struct Scripted {
    method: Option<String>,
    prefix: String,
    fault: Fault,
    left: u32,
}

/// The script; the first line that fits a request is applied to it.
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
    /// Applies a fault to the next `times` requests whose path begins so. `matcher` is a prefix of
    /// the path, or a method, a space, and a prefix: `"POST /repos/acme/shop/deployments"`.
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

    /// From now on no request is answered, until [`release`](Self::release).
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Answers what was held.
    pub fn release(&self) {
        self.held.send_replace(false);
    }

    /// Forgets the script and answers what was held.
    pub fn clear(&self) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.clear();
        self.release();
    }

    pub(super) async fn wait_while_held(&self) {
        let mut held = self.held.subscribe();
        // Both the end of the wait and of the model mean: go on.
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

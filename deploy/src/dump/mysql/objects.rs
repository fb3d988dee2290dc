//! Views, triggers, routines and events: their definers and schedules.

use super::{Rules, collations::nearest, edits::Edits};
use crate::dump::tokens::{Kind, Statement};

/// Objects that may have a definer.
const OBJECTS: [&str; 8] = [
    "view",
    "trigger",
    "function",
    "procedure",
    "event",
    "aggregate",
    "package",
    "table",
];

impl Rules {
    /// Removes `DEFINER = account`, so that the loading user becomes the definer.
    pub(super) fn definer(&self, s: &Statement<'_>, edits: &mut Edits) {
        if !s.is_any(0, &["create", "alter"]) {
            return;
        }
        let object = s.find(1, &OBJECTS).unwrap_or(0);
        let Some(at) = (1..object).find(|&at| s.is(at, "definer") && s.is_sign(at + 1, b'='))
        else {
            return;
        };
        // `sql security definer` may follow and is kept.
        let words = [
            "sql",
            "view",
            "trigger",
            "function",
            "procedure",
            "event",
            "aggregate",
        ];
        let words = [words.as_slice(), &["package", "algorithm"]].concat();
        let end = (at + 3..=object)
            .find(|&at| s.is_any(at, &words))
            .unwrap_or(object);
        let account = s.value(at + 2).unwrap_or_default();
        self.note(format!(
            "definer {}: replaced by {}",
            String::from_utf8_lossy(&account),
            String::from_utf8_lossy(&self.user)
        ));
        edits.put(s.start(at)..s.end(end - 1), b"".as_slice());
    }

    /// Creates events disabled: a copy of data should do nothing on its own.
    pub(super) fn event(&self, s: &Statement<'_>, edits: &mut Edits) {
        let schedule = (1..s.tokens.len()).find(|&at| s.are(at, &["on", "schedule"]));
        let event = s.find(1, &["event"]);
        let (Some(event), Some(schedule)) = (event, schedule.filter(|_| s.is(0, "create"))) else {
            return;
        };
        let end = s.find(schedule, &["do"]).unwrap_or(s.tokens.len());
        let head = schedule..end;
        if head.clone().any(|at| s.is(at, "disable")) {
            return;
        }
        let name = s
            .value(schedule - 1)
            .filter(|_| event < schedule)
            .unwrap_or_default();
        self.note(format!(
            "event {}: created disabled",
            String::from_utf8_lossy(&name)
        ));
        match head.clone().find(|&at| s.is(at, "enable")) {
            Some(at) => edits.put(s.start(at)..s.end(at), b"disable".as_slice()),
            None => {
                let comment = head.clone().find(|&at| s.is(at, "comment")).unwrap_or(end);
                edits.put(s.start(comment)..s.start(comment), b"disable ".as_slice());
            }
        }
    }

    /// Replaces collations that this server lacks. A literal only counts where a setting is
    /// assigned.
    pub(super) fn collations(&self, s: &Statement<'_>, edits: &mut Edits) {
        let sets = s.is(0, "set");
        for at in 1..s.tokens.len() {
            let given = s.is(at - 1, "collate") || sets && s.is_sign(at - 1, b'=');
            let named = match s.kind(at) {
                Some(Kind::Word) => true,
                Some(Kind::Quoted | Kind::Literal) => given,
                Some(Kind::Sign(_)) | None => false,
            };
            let Some(value) = s.value(at).filter(|_| named) else {
                continue;
            };
            let name = String::from_utf8_lossy(&value).into_owned();
            if let Some(nearest) = nearest(self.server, &name) {
                self.note(format!(
                    "collation {name}: replaced by {nearest}, the nearest one"
                ));
                edits.put(s.start(at)..s.end(at), nearest);
            }
        }
    }
}

//! Files that a script includes.

use std::io;

use super::{DEPTH_MAX, INCLUDED_MAX, ScriptReader};
use crate::dump::{
    paths::{Mention, resolve},
    source::Source,
};

impl ScriptReader {
    pub(super) fn mention(&mut self, path: &str, beside: bool, is_script: bool) {
        // More than this maximum are never read anyway.
        if self
            .mentions
            .as_ref()
            .is_some_and(|all| all.len() >= INCLUDED_MAX)
        {
            return;
        }
        let script = self.sources.last().map_or("", |source| &source.path);
        let candidates = resolve(&self.folder, script, path, beside);
        if let (Ok(candidates), Some(mentions)) = (candidates, &mut self.mentions) {
            mentions.push(Mention {
                candidates,
                is_script,
            });
        }
    }

    /// Reads another script in place of the line.
    pub(super) fn include(&mut self, path: &str, beside: bool) -> io::Result<()> {
        if self.mentions.is_some() {
            self.mention(path, beside, true);
            self.end_line(false);
            return Ok(());
        }
        let source = self.find(path, beside)?;
        self.source()?.line += 1;
        self.flush();
        if self.sources.len() >= DEPTH_MAX {
            let why =
                format!("it includes {path}, {DEPTH_MAX} files deep; do they include each other?");
            return Err(self.refuse(why));
        }
        self.enter(source)
    }

    pub(super) fn find(&mut self, path: &str, beside: bool) -> io::Result<Source> {
        if self.branches > 0 {
            let why = format!(
                "it reads {path} in an \\if, which is only evaluated later; read it outside"
            );
            return Err(self.refuse(why));
        }
        self.included += 1;
        if self.included > INCLUDED_MAX {
            let why = format!("it reads more than {INCLUDED_MAX} files; merge some of them");
            return Err(self.refuse(why));
        }
        let script = self.source()?.path.clone();
        let candidates = match resolve(&self.folder, &script, path, beside) {
            Ok(candidates) => candidates,
            Err(why) => return Err(self.refuse(why)),
        };
        let found = candidates.iter().find_map(|candidate| {
            let bytes = (self.open)(candidate)?;
            Some(bytes.map(|bytes| Source::new(candidate.clone(), bytes)))
        });
        found.unwrap_or_else(|| {
            let wanted = candidates.join(" or ");
            Err(self.refuse(format!("it reads {path}, but there is no file {wanted}")))
        })
    }
}

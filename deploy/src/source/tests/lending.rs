//! Helpers: commits with submodules, and lenders of credentials.

use async_trait::async_trait;

use crate::{
    names::CommitSha,
    source::{Home, Lender, MirrorId, Remote, SourceError, Transport, Tree, testing::Bench},
};

/// Commits with submodules.
impl Bench {
    /// Writes submodules (path, address, commit) into the index and `.gitmodules`, and commits.
    pub(in crate::source) fn commit_with_submodules(
        &self,
        submodules: &[(&str, &str, &CommitSha)],
    ) -> CommitSha {
        let section = |(path, url, _): &(&str, &str, &CommitSha)| {
            format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n")
        };
        let text: String = submodules.iter().map(section).collect();
        self.put(".gitmodules", text);
        self.git(&["add", "-A", "-f"]);
        for (path, _, commit) in submodules {
            let gitlink = format!("160000,{commit},{path}");
            self.git(&["update-index", "--add", "--cacheinfo", &gitlink]);
        }
        self.commit_index()
    }

    /// Fetches a commit with its submodules.
    pub(in crate::source) async fn whole(
        &self,
        commit: &CommitSha,
        allow: Transport,
        lender: &Lends,
    ) -> Result<Tree, SourceError> {
        let tree = self.fetch(commit).await?;
        let home = Home {
            remote: &self.remote(),
            allow,
            lender,
        };
        self.mirrors.with_submodules(tree, &home).await
    }
}

/// Lends credentials for one URL.
pub(in crate::source) struct Lends {
    pub(in crate::source) url: String,
    /// The location of the repository.
    pub(in crate::source) at: String,
    pub(in crate::source) token: &'static str,
}

impl Lends {
    pub(in crate::source) fn nothing() -> Self {
        Self {
            url: String::new(),
            at: String::new(),
            token: "none",
        }
    }
}

#[async_trait]
impl Lender for Lends {
    fn lists(&self, url: &str) -> bool {
        url == self.url
    }

    async fn lend(&self, _: &str, mirror: MirrorId) -> Result<Remote, SourceError> {
        Ok(Remote {
            mirror,
            url: self.at.clone(),
            token: Some(self.token.into()),
            allow: Transport::AlsoFile,
            addresses: Vec::new(),
        })
    }
}

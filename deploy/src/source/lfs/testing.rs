//! A scripted forge, and commits with files in Git LFS.

use std::{
    future::ready,
    io::Write as _,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use sha2::{Digest as _, Sha256};

use crate::source::{
    Lack, Remote, SourceError, Transport, Tree,
    testing::{Bench, Heard, remote},
};

/// `x-access-token:s3cret-t0ken`
pub(super) const BASIC: &str = "Basic eC1hY2Nlc3MtdG9rZW46czNjcmV0LXQwa2Vu";

pub(super) fn oid(content: &str) -> String {
    hex::encode(Sha256::digest(content))
}

/// The pointer that Git LFS commits instead of a content.
pub(super) fn pointer(content: &str) -> String {
    let (oid, size) = (oid(content), content.len());
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
}

/// The status line and headers, and a body.
pub(super) type Reply = (String, String);

pub(super) fn fine(body: impl Into<String>) -> Reply {
    ("200 fine".to_owned(), body.into())
}

pub(super) fn moved(to: &str) -> Reply {
    (format!("302 moved\r\nLocation: {to}"), String::new())
}

/// An answer about one object.
pub(super) fn place(content: &str, href: &str) -> String {
    let (oid, size) = (oid(content), content.len());
    format!(
        r#"{{"oid":"{oid}","size":{size},"actions":{{"download":{{"href":"{href}","header":{{"X-Ticket":"7"}}}}}}}}"#
    )
}

pub(super) fn places(all: &[String]) -> Reply {
    fine(format!(
        r#"{{"transfer":"basic","objects":[{}]}}"#,
        all.join(",")
    ))
}

/// Listens until the process ends, and records requests.
pub(super) struct Forge {
    pub(super) address: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Forge {
    pub(super) fn answering(
        answer: impl Fn(&str, &Heard) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (own, log, answer) = (address.clone(), Arc::clone(&heard), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (own, log, answer) = (own.clone(), Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let mut stream: TcpStream = stream.unwrap();
                    let Some(heard) = Heard::read(&stream) else {
                        return;
                    };
                    let (head, body) = answer(&own, &heard);
                    log.lock().unwrap().push(heard);
                    let length = body.len();
                    let _gone = stream.write_all(
                        format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
                            .as_bytes(),
                    );
                });
            }
        });
        Self { address, heard }
    }

    /// Has these contents, at its own URLs.
    pub(super) fn with(contents: &'static [&'static str]) -> Self {
        Self::answering(move |own, heard| {
            if heard.method == "POST" {
                let at = |content: &&str| place(content, &format!("{own}/o/{}", oid(content)));
                return places(&contents.iter().map(at).collect::<Vec<_>>());
            }
            let found = contents
                .iter()
                .find(|content| heard.target.ends_with(&oid(content)));
            fine(*found.unwrap())
        })
    }

    pub(super) fn remote(&self) -> Remote {
        Remote {
            token: Some("s3cret-t0ken".into()),
            allow: Transport::AlsoHttp,
            ..remote(&format!("{}/acme/shop.git", self.address))
        }
    }

    pub(super) async fn fill(&self, bench: &Bench, tree: Tree) -> Result<Tree, SourceError> {
        bench.mirrors.with_lfs(tree, ready(Ok(self.remote()))).await
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

/// A repository that assigns `*.bin` to Git LFS.
pub(super) fn bench() -> Bench {
    let bench = Bench::new();
    bench
        .put(".gitattributes", "*.bin filter=lfs\n")
        .put("Dockerfile", "");
    bench
}

pub(super) async fn here(bench: &Bench, tree: Tree) -> Tree {
    let unasked = ready(Err::<Remote, _>(SourceError::Refused(
        "it was asked for".to_owned(),
    )));
    bench.mirrors.with_lfs(tree, unasked).await.unwrap()
}

pub(super) fn whys(tree: &Tree) -> Vec<(&str, &str)> {
    let all = tree.missing().iter();
    all.map(|one| match &one.lack {
        Lack::NotFetched(why) => (one.path.as_str(), why.as_str()),
        Lack::NotSent => panic!("{one} was never sent for"),
    })
    .collect()
}

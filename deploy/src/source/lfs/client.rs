//! Requests objects from a forge and checks its answers.

use std::{collections::BTreeMap, error::Error};

use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::{
    super::{
        Remote, SourceError,
        limits::{LFS_ANSWER_BYTES_MAX, LFS_STALL_DEADLINE},
        missing::Fault,
    },
    batch::{self, Action, MEDIA_TYPE},
    objects::Objects,
    pointer::Pointer,
    request::{Requests, unreachable},
};

/// A Git LFS client for one repository.
pub(super) struct Client {
    requests: Requests,
    endpoint: Uri,
}

impl Client {
    /// A client for the repository at this remote.
    pub(super) fn new(remote: &Remote) -> Result<Self, Fault> {
        remote.check()?;
        let endpoint = endpoint(&remote.url).parse();
        let endpoint = endpoint.map_err(|_| "its repository has no address".to_owned())?;
        let requests = Requests::new(remote, &endpoint)?;
        Ok(Self { requests, endpoint })
    }

    /// Requests the locations of objects.
    pub(super) async fn batch(
        &self,
        pointers: &[Pointer],
    ) -> Result<BTreeMap<String, Result<Action, String>>, Fault> {
        let question = batch::question(pointers);
        let answer = self
            .requests
            .post(&self.endpoint, MEDIA_TYPE, question)
            .await?;
        let (status, host) = (answer.status(), self.endpoint.host().unwrap_or_default());
        let body = Limited::new(answer.into_body(), LFS_ANSWER_BYTES_MAX).collect();
        let body: Bytes = match tokio::time::timeout(LFS_STALL_DEADLINE, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => return Err(unreachable(host, error.as_ref()).into()),
            Err(_) => return Err(stalled(host).into()),
        };
        let said = batch::message(&body);
        judge(
            status,
            &format!("{host} answered {status} about Git LFS{said}"),
        )?;
        batch::answer(&body).map_err(Fault::Said)
    }

    /// Downloads an object and keeps it.
    pub(super) async fn receive(
        &self,
        pointer: &Pointer,
        action: &Action,
        objects: &Objects,
    ) -> Result<(), Fault> {
        let answer = self.requests.get(&action.href, action.headers()?).await?;
        let status = answer.status();
        judge(status, &format!("its address answered {status}"))?;
        let mut incoming = objects.receive(pointer)?;
        let mut body = answer;
        while let Some(piece) = piece(&mut body).await? {
            if !incoming.add(&piece).await? {
                return Err(other("is longer than"));
            }
        }
        match incoming.end().await? {
            true => Ok(()),
            false => Err(other("is not")),
        }
    }
}

/// The Git LFS endpoint of a repository at this URL.
fn endpoint(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let git = if url.ends_with(".git") { "" } else { ".git" };
    format!("{url}{git}/info/lfs/objects/batch")
}

fn other(how: &str) -> Fault {
    let why =
        format!("the content {how} what its pointer names; `git lfs push --all origin` uploads it");
    Fault::Said(why)
}

fn stalled(host: &str) -> SourceError {
    let seconds = LFS_STALL_DEADLINE.as_secs();
    SourceError::Unreachable(format!("{host} sent nothing for {seconds} s"))
}

async fn piece(body: &mut Response<Incoming>) -> Result<Option<Bytes>, Fault> {
    loop {
        let frame = tokio::time::timeout(LFS_STALL_DEADLINE, body.body_mut().frame()).await;
        match frame.map_err(|_| stalled("the host of a Git LFS object"))? {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some(piece));
                }
            }
            Some(Err(error)) => {
                let error: &dyn Error = &error;
                return Err(unreachable("the host of a Git LFS object", error).into());
            }
        }
    }
}

/// A temporary failure is an error; every other refusal becomes the file's reason. A forge answers
/// 507 and 509 when a transfer quota is exceeded.
fn judge(status: StatusCode, said: &str) -> Result<(), Fault> {
    match status.as_u16() {
        200..=299 => Ok(()),
        408 | 429 | 500 | 502..=504 => Err(SourceError::Unreachable(said.to_owned()).into()),
        _ => Err(said.to_owned().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Git LFS 3.3.0 requested these endpoints, with a remote at each of the three URLs.
    #[test]
    fn the_endpoint_is_the_one_that_git_lfs_asks() {
        for url in ["https://h/a/b.git", "https://h/a/b", "https://h/a/b/"] {
            assert_eq!(endpoint(url), "https://h/a/b.git/info/lfs/objects/batch");
        }
    }

    #[test]
    fn what_may_pass_is_told_from_what_does_not() {
        for status in [408, 429, 500, 502, 503, 504] {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(matches!(judge(status, ""), Err(Fault::Of(_))), "{status}");
        }
        for status in [301, 400, 401, 403, 404, 410, 422, 501, 507, 509] {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(matches!(judge(status, ""), Err(Fault::Said(_))), "{status}");
        }
    }
}

//! One build: the request to the builder, its progress, and its result.

use std::{
    collections::HashMap,
    fmt, io,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bollard_buildkit_proto::moby::buildkit::v1::{
    SolveRequest, SolveResponse, StatusRequest, StatusResponse, control_client::ControlClient,
};
use http::StatusCode;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint, Uri},
};

use super::session::Offer;
use crate::{
    docker::{
        build::under_way::BuildsUnderWay,
        transport::{UpgradeError, upgrade},
    },
    names::PreviewId,
};

/// Maximum size of a message from the builder, in bytes. It sends its log in pieces, but a
/// Dockerfile's source as a whole.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Time limit for the last messages of a build after its end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long a cancelled build may still create an image if the builder does not report its end.
/// An engine that is writing an image continues for some seconds.
const UNTOLD_END: Duration = Duration::from_secs(10);

/// How long Dayfly waits for the builder to report the end of a cancelled build. The engine may
/// never report it if the client died while it requested the build.
const TOLD_END: Duration = Duration::from_secs(20);

/// Pause between two attempts to ask the builder about a build.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Maximum number of queued messages of the builder; further ones wait in the connection.
const WORDS_WAITING_MAX: usize = 64;

/// A build request in the builder's terms.
pub(crate) struct Order {
    /// The tag for the image.
    pub(crate) tag: String,
    /// Attributes of the Dockerfile frontend.
    pub(crate) attributes: HashMap<String, String>,
}

/// The result of a successful build.
pub(crate) struct Answer {
    /// The engine's id for the image.
    pub(crate) image: String,
}

/// Why there is no image.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The engine does not offer BuildKit.
    NotOffered(UpgradeError),
    /// The builder does not answer.
    Unreachable(String),
    /// The builder answered with an error.
    Builder(Status),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered(why) => why.fmt(f),
            Self::Unreachable(why) => f.write_str(why),
            Self::Builder(status) => f.write_str(status.message()),
        }
    }
}

impl From<UpgradeError> for Fault {
    fn from(error: UpgradeError) -> Self {
        match error {
            // The engine does not know the path, or does not upgrade the connection.
            UpgradeError::Refused {
                status:
                    StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED,
                ..
            } => Self::NotOffered(error),
            other => Self::Unreachable(other.to_string()),
        }
    }
}

/// Requests a build and passes on its progress. The build ends when this is dropped and `cut` is
/// cancelled. It stays in `builds` until the builder reports its end, even after that.
pub(crate) async fn solve(
    socket: &Path,
    cut: CancellationToken,
    order: Order,
    offer: Offer,
    (builds, preview): (&BuildsUnderWay, &PreviewId),
    mut tell: impl FnMut(StatusResponse),
) -> Result<Answer, Fault> {
    // Not cut with the build: it reports when the engine has finished a cancelled build.
    let over = CancellationToken::new();
    let mut control = control(socket, over.clone()).await?;
    let session = super::session::open(socket, cut.clone(), offer).await?;
    let under_way = builds
        .begin(preview)
        .map_err(|error| Fault::Unreachable(format!("cannot write the build journal: {error}")))?;
    let build = under_way.name().to_owned();
    let ended = CancellationToken::new();
    let (words, mut told) = mpsc::channel(WORDS_WAITING_MAX);
    let watch = Watch {
        control: control.clone(),
        build: build.clone(),
        words,
        cut: cut.clone(),
        ended: ended.clone(),
    };
    tokio::spawn(async move {
        watch.listen().await;
        under_way.over();
        // The result may still be in transit.
        cut.cancelled().await;
        over.cancel();
    });
    let request = SolveRequest {
        r#ref: build,
        session,
        exporter_deprecated: "moby".to_owned(),
        exporter_attrs_deprecated: HashMap::from([("name".to_owned(), order.tag)]),
        frontend: "dockerfile.v0".to_owned(),
        frontend_attrs: order.attributes,
        ..SolveRequest::default()
    };
    let solve = async {
        let solved = control.solve(request).await;
        ended.cancel();
        solved
    };
    let told = async {
        let late = async {
            ended.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        let told = async {
            while let Some(message) = told.recv().await {
                tell(message);
            }
        };
        tokio::select! {
            () = told => {}
            () = late => {}
        }
    };
    let (solved, ()) = futures_util::future::join(solve, told).await;
    answer(solved.map_err(fault)?.into_inner())
}

fn answer(mut response: SolveResponse) -> Result<Answer, Fault> {
    let image = response.exporter_response.remove("containerimage.digest");
    let image = image.ok_or_else(|| {
        Fault::Unreachable(
            "the build ended without an image and without an error message".to_owned(),
        )
    })?;
    Ok(Answer { image })
}

/// A client of the builder on its own connection.
pub(super) async fn control(
    socket: &Path,
    cut: CancellationToken,
) -> Result<ControlClient<Channel>, Fault> {
    let connection = upgrade(socket, cut, "/grpc", http::HeaderMap::new()).await?;
    // The channel connects once and never reconnects.
    let once = Mutex::new(Some(connection));
    let connector = tower::service_fn(move |_: Uri| {
        let connection = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move { connection.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    let channel = Endpoint::from_static("http://docker")
        .connect_with_connector(connector)
        .await
        .map_err(|error| Fault::Unreachable(error.to_string()))?;
    Ok(ControlClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX))
}

/// Listens to the builder until one build has ended, even if its caller is gone.
struct Watch {
    control: ControlClient<Channel>,
    build: String,
    words: mpsc::Sender<StatusResponse>,
    /// Cancelled when the caller no longer waits for the build.
    cut: CancellationToken,
    /// Cancelled when the builder has answered.
    ended: CancellationToken,
}

impl Watch {
    /// Returns when the build can no longer create an image.
    async fn listen(self) {
        let Self {
            mut control,
            build,
            words,
            cut,
            ended,
        } = self;
        let cut_off_for = async |pause| {
            cut.cancelled().await;
            if !ended.is_cancelled() {
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            told = follow(&mut control, &build, &words) => match told {
                Ok(()) => return,
                Err(status) => {
                    tracing::debug!(%status, "the builder does not report the end of a build");
                }
            },
            () = cut_off_for(TOLD_END) => {
                tracing::warn!(build, "a cancelled build is still running; not waiting for it");
                return;
            }
        }
        cut_off_for(UNTOLD_END).await;
    }
}

/// Passes on the progress of one build until its end.
///
/// # Errors
/// The builder's error if it does not know the build (it waits some seconds for it), or the
/// connection's error.
async fn follow(
    control: &mut ControlClient<Channel>,
    build: &str,
    words: &mpsc::Sender<StatusResponse>,
) -> Result<(), Status> {
    let asked = StatusRequest {
        r#ref: build.to_owned(),
    };
    let mut messages = control.status(asked).await?.into_inner();
    while let Some(message) = messages.message().await? {
        // The receiver may be gone; only the end of the build matters.
        drop(words.send(message).await);
    }
    Ok(())
}

/// Returns when a build of an earlier process can no longer create an image.
pub(crate) async fn until_ended(socket: &Path, build: &str) {
    let asked = async {
        while let Err(Fault::Unreachable(why)) = ask_end(socket, build).await {
            tracing::debug!(why, build, "cannot ask the builder about a build; retrying");
            tokio::time::sleep(ASKED_AGAIN_AFTER).await;
        }
    };
    if tokio::time::timeout(TOLD_END, asked).await.is_err() {
        tracing::warn!(
            build,
            "an interrupted build may still run in the builder; not waiting for it"
        );
    }
}

/// Follows a build until its end, on its own connection.
async fn ask_end(socket: &Path, build: &str) -> Result<(), Fault> {
    let cut = CancellationToken::new();
    let _end = cut.clone().drop_guard();
    let mut control = control(socket, cut).await?;
    // The progress is not needed.
    let (words, _) = mpsc::channel(1);
    follow(&mut control, build, &words).await.map_err(fault)
}

/// Separates errors of the connection from errors of the builder.
pub(super) fn fault(status: Status) -> Fault {
    match status.code() {
        Code::Unavailable | Code::Cancelled => Fault::Unreachable(status.message().to_owned()),
        _ => Fault::Builder(status),
    }
}

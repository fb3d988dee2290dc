//! One build: what is asked of the builder, what it tells meanwhile, what it answers.

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

/// The largest message that is taken from the builder, in bytes: its log comes in pieces, a
/// Dockerfile's source comes back whole.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// How long the last messages of a build may come after its end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long a build that was cut off may still make an image where the builder does not tell its end.
/// An engine that was writing the image goes on with it for some seconds.
const UNTOLD_END: Duration = Duration::from_secs(10);

/// How long the end of a build that was cut off is waited for where the builder is about to tell it. One
/// whose client died while it was asked for may never end in the engine's eyes.
const TOLD_END: Duration = Duration::from_secs(20);

/// How long after the builder could not be asked for an end it is asked again.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Messages of the builder that wait to be taken; more wait in the connection.
const WORDS_WAITING_MAX: usize = 64;

/// What a build consists of, in the builder's words.
pub(crate) struct Order {
    /// The tag that its image gets.
    pub(crate) tag: String,
    /// Attributes of the Dockerfile frontend.
    pub(crate) attributes: HashMap<String, String>,
}

/// How a build ended well.
pub(crate) struct Answer {
    /// The image's id, as the engine names it.
    pub(crate) image: String,
}

/// Why there is no image.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The engine does not offer its builder.
    NotOffered(UpgradeError),
    /// It does not answer.
    Unreachable(String),
    /// The builder's own answer.
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
            // An engine that does not know the path, or not this way of asking for it.
            UpgradeError::Refused {
                status:
                    StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED,
                ..
            } => Self::NotOffered(error),
            other => Self::Unreachable(other.to_string()),
        }
    }
}

/// Asks for a build and tells what the builder tells. The build ends when this is dropped and `cut` is
/// cancelled; it counts among `builds` until the builder has told its end, also after that.
pub(crate) async fn solve(
    socket: &Path,
    cut: CancellationToken,
    order: Order,
    offer: Offer,
    (builds, preview): (&BuildsUnderWay, &PreviewId),
    mut tell: impl FnMut(StatusResponse),
) -> Result<Answer, Fault> {
    // Not cut with the build: it tells when the engine is done with what was cut off.
    let over = CancellationToken::new();
    let mut control = control(socket, over.clone()).await?;
    let session = super::session::open(socket, cut.clone(), offer).await?;
    let under_way = builds.begin(preview).map_err(|error| {
        Fault::Unreachable(format!("the journal of builds cannot be written: {error}"))
    })?;
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
        // The answer may still be on its way.
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
        Fault::Unreachable("the build ended without an image and without a word".to_owned())
    })?;
    Ok(Answer { image })
}

/// A client of the builder over a connection of its own.
pub(super) async fn control(
    socket: &Path,
    cut: CancellationToken,
) -> Result<ControlClient<Channel>, Fault> {
    let connection = upgrade(socket, cut, "/grpc", http::HeaderMap::new()).await?;
    // The channel asks once; a connection that ended is not made again.
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

/// Listens to the builder until it is done with one build, whoever still waits for that build.
struct Watch {
    control: ControlClient<Channel>,
    build: String,
    words: mpsc::Sender<StatusResponse>,
    /// Cancelled when nobody waits for the build any more.
    cut: CancellationToken,
    /// Cancelled when the builder has answered.
    ended: CancellationToken,
}

impl Watch {
    /// Comes back when the build can make no image any more.
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
                Err(status) => tracing::debug!(%status, "the builder does not tell a build's end"),
            },
            () = cut_off_for(TOLD_END) => {
                tracing::warn!(build, "the builder goes on with a build that was cut off");
                return;
            }
        }
        cut_off_for(UNTOLD_END).await;
    }
}

/// Passes on what the builder tells of one build, to its end.
///
/// # Errors
/// The builder's word where it knows of no such build, which it waits for some seconds for; or the
/// connection's.
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
        // Nobody may be there to hear it; the end counts all the same.
        drop(words.send(message).await);
    }
    Ok(())
}

/// Comes back when a build that a process before this one asked for can make no image any more.
pub(crate) async fn until_ended(socket: &Path, build: &str) {
    let asked = async {
        while let Err(Fault::Unreachable(why)) = ask_end(socket, build).await {
            tracing::debug!(why, build, "the builder cannot be asked for a build's end");
            tokio::time::sleep(ASKED_AGAIN_AFTER).await;
        }
    };
    if tokio::time::timeout(TOLD_END, asked).await.is_err() {
        tracing::warn!(
            build,
            "the builder does not tell the end of a build that was cut off"
        );
    }
}

/// Hears of a build to its end, over a connection of its own.
async fn ask_end(socket: &Path, build: &str) -> Result<(), Fault> {
    let cut = CancellationToken::new();
    let _end = cut.clone().drop_guard();
    let mut control = control(socket, cut).await?;
    // Nobody listens to the words.
    let (words, _) = mpsc::channel(1);
    follow(&mut control, build, &words).await.map_err(fault)
}

/// A status that the connection made is not the builder's word.
pub(super) fn fault(status: Status) -> Fault {
    match status.code() {
        Code::Unavailable | Code::Cancelled => Fault::Unreachable(status.message().to_owned()),
        _ => Fault::Builder(status),
    }
}

//! Offers the build context and, separately, the Dockerfile: the builder receives a list of all
//! files and asks for the contents of files that it does not have.

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bollard_buildkit_proto::{
    fsutil::types::{Packet, Stat, packet::PacketType},
    moby::filesync::packet::file_sync_server::FileSync,
};
use futures_util::{Stream, stream};
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

use crate::source::{Contents, Context, Part, PartKind, SourceError};

/// Number of packets queued for the connection.
const PACKETS_AHEAD: usize = 16;

/// Mode bits of a folder and of a link, in the builder's encoding.
const MODE_FOLDER: u32 = 1 << 31;
const MODE_LINK: u32 = 1 << 27;

/// How much of a context was sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Files of the context.
    pub(crate) files: u64,
    files_sent: AtomicU64,
    bytes_sent: AtomicU64,
}

impl Sent {
    /// A counter for this context, with nothing sent yet.
    pub(crate) fn of(context: &Context) -> Self {
        let mut sent = Self::default();
        for part in context.parts().iter() {
            sent.files += u64::from(matches!(part.kind, PartKind::File { .. }));
        }
        sent
    }

    /// Files of the context whose contents were sent.
    pub(crate) fn files_sent(&self) -> u64 {
        self.files_sent.load(Ordering::Relaxed)
    }

    /// Bytes that were sent, names and times included.
    pub(crate) fn bytes_sent(&self) -> u64 {
        self.bytes_sent.load(Ordering::Relaxed)
    }
}

/// Offers one context.
pub(super) struct Files {
    context: Context,
    sent: Arc<Sent>,
}

impl Files {
    pub(super) fn new(context: Context, sent: Arc<Sent>) -> Self {
        Self { context, sent }
    }
}

type Packets = Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>;
type Outgoing = mpsc::Sender<Result<Packet, Status>>;

#[tonic::async_trait]
impl FileSync for Files {
    type DiffCopyStream = Packets;

    async fn diff_copy(
        &self,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<Packets>, Status> {
        let wanted = Wanted::read(request.metadata(), &self.context)?;
        let exchange = Exchange {
            context: self.context.clone(),
            sent: Arc::clone(&self.sent),
            of_context: wanted.of_context,
            offered: wanted.select().cloned().collect(),
        };
        let (packets, taken) = mpsc::channel(PACKETS_AHEAD);
        tokio::spawn(async move {
            if let Err(status) = exchange.run(request.into_inner(), &packets).await {
                // If the builder has disconnected, the reason is irrelevant.
                let _sent = packets.send(Err(status)).await;
            }
        });
        let stream = stream::unfold(taken, async |mut taken| {
            let packet = taken.recv().await?;
            Some((packet, taken))
        });
        Ok(Response::new(Box::pin(stream)))
    }

    type TarStreamStream = Packets;

    async fn tar_stream(&self, _: Request<Streaming<Packet>>) -> Result<Response<Packets>, Status> {
        Err(Status::unimplemented("not offered"))
    }
}

/// Which files the builder asks for.
struct Wanted<'a> {
    /// Whether it asks for the context, or for the files that it reads before the context.
    of_context: bool,
    parts: &'a [Part],
    /// The paths that it will read; empty means all.
    follow: Vec<String>,
}

impl<'a> Wanted<'a> {
    fn read(metadata: &MetadataMap, context: &'a Context) -> Result<Self, Status> {
        let folder = metadata.get("dir-name").and_then(|name| name.to_str().ok());
        let (of_context, parts) = match folder {
            Some("context") => (true, context.parts()),
            Some("dockerfile") => (false, context.recipe()),
            other => return Err(Status::not_found(format!("no folder {other:?} is offered"))),
        };
        // The context already excludes ignored files, so excluded patterns add nothing. Followed
        // paths only save work: if they contain links or patterns, everything is offered.
        let mut follow = Vec::new();
        for value in metadata.get_all("followpaths") {
            let path = value.to_str().unwrap_or("*");
            let plain = !path.contains(['*', '?', '[', '\\', '%']);
            match path.trim_matches('/') {
                path if plain && !path.is_empty() && path != "." => follow.push(path.to_owned()),
                _ => {
                    follow.clear();
                    break;
                }
            }
        }
        let is_link = |part: &Part| matches!(part.kind, PartKind::Link { .. });
        if parts.iter().any(is_link) {
            follow.clear();
        }
        Ok(Self {
            of_context,
            parts,
            follow,
        })
    }

    fn select(&self) -> impl Iterator<Item = &'a Part> {
        let parts = self.parts;
        let all = self.follow.is_empty();
        let mut needed: BTreeSet<&str> = BTreeSet::new();
        let follows = |path: &str| {
            self.follow.iter().any(|followed| {
                path.strip_prefix(followed.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        for part in parts.iter().filter(|part| !all && follows(&part.path)) {
            let mut path = part.path.as_str();
            while needed.insert(path) {
                match path.rsplit_once('/') {
                    Some((folder, _)) => path = folder,
                    None => break,
                }
            }
        }
        parts
            .iter()
            .filter(move |part| all || needed.contains(part.path.as_str()))
    }
}

/// One exchange: it lists every entry, then sends contents on request.
struct Exchange {
    context: Context,
    sent: Arc<Sent>,
    of_context: bool,
    offered: Vec<Part>,
}

/// A message from the builder.
enum Said {
    Wants(u32),
    Finished,
}

impl Exchange {
    async fn run(&self, mut incoming: Streaming<Packet>, out: &Outgoing) -> Result<(), Status> {
        let (told, mut asked) = mpsc::unbounded_channel();
        // The builder asks while the list is still being sent; neither side may block the other.
        let listen = async move {
            let mut left = self.offered.len();
            while let Some(packet) = incoming.message().await? {
                let said = match packet.r#type() {
                    PacketType::PacketReq => Said::Wants(packet.id),
                    PacketType::PacketFin => Said::Finished,
                    PacketType::PacketErr => {
                        let why = String::from_utf8_lossy(&packet.data).into_owned();
                        return Err(Status::aborted(why));
                    }
                    _ => continue,
                };
                // A real builder asks for each file once.
                left = match left.checked_sub(usize::from(matches!(said, Said::Wants(_)))) {
                    Some(left) => left,
                    None => return Err(Status::resource_exhausted("too many files requested")),
                };
                let last = matches!(said, Said::Finished);
                if told.send(said).is_err() || last {
                    break;
                }
            }
            Ok(())
        };
        let answer = async {
            self.tell(out).await?;
            let mut contents = self.context.contents();
            while let Some(said) = asked.recv().await {
                match said {
                    Said::Wants(id) => self.send(id, &mut contents, out).await?,
                    Said::Finished => return self.put(out, packet(PacketType::PacketFin)).await,
                }
            }
            Ok(())
        };
        tokio::try_join!(listen, answer).map(|_| ())
    }

    async fn tell(&self, out: &Outgoing) -> Result<(), Status> {
        for part in &self.offered {
            let told = Packet {
                stat: Some(stat(part)),
                ..packet(PacketType::PacketStat)
            };
            self.put(out, told).await?;
        }
        self.put(out, packet(PacketType::PacketStat)).await
    }

    async fn send(&self, id: u32, contents: &mut Contents, out: &Outgoing) -> Result<(), Status> {
        let part = usize::try_from(id).ok().and_then(|at| self.offered.get(at));
        let is_file = |part: &&Part| matches!(part.kind, PartKind::File { .. });
        let Some(part) = part.filter(is_file) else {
            return Err(Status::invalid_argument("the requested path is not a file"));
        };
        let data = |data| Packet {
            id,
            data,
            ..packet(PacketType::PacketData)
        };
        contents.begin(&part.kind).await.map_err(broken)?;
        while let Some(piece) = contents.piece().await.map_err(broken)? {
            self.put(out, data(piece.to_vec())).await?;
        }
        let counted = u64::from(self.of_context);
        self.sent.files_sent.fetch_add(counted, Ordering::Relaxed);
        self.put(out, data(Vec::new())).await
    }

    async fn put(&self, out: &Outgoing, packet: Packet) -> Result<(), Status> {
        let bytes = packet.encoded_len() as u64;
        self.sent.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
        let gone = |_| Status::cancelled("the builder closed the connection");
        out.send(Ok(packet)).await.map_err(gone)
    }
}

fn broken(error: SourceError) -> Status {
    Status::internal(error.to_string())
}

fn packet(kind: PacketType) -> Packet {
    Packet {
        r#type: kind.into(),
        ..Packet::default()
    }
}

fn stat(part: &Part) -> Stat {
    let mut stat = Stat {
        path: part.path.clone(),
        mod_time: part.modified_ns(),
        ..Stat::default()
    };
    match &part.kind {
        PartKind::Folder => stat.mode = MODE_FOLDER | 0o755,
        PartKind::Link { target, .. } => {
            stat.mode = MODE_LINK | 0o777;
            stat.linkname.clone_from(target);
            stat.size = i64::try_from(target.len()).unwrap_or(0);
        }
        PartKind::File {
            size, executable, ..
        } => {
            stat.mode = if *executable { 0o755 } else { 0o644 };
            stat.size = i64::try_from(*size).unwrap_or(i64::MAX);
        }
    }
    stat
}

//! A socket in front of the engine's own: it counts, holds, cuts, loses answers, and can be away.
//!
//! Bytes pass as they are. Only heads of requests are read, so that each call is known; after an
//! upgrade nothing is looked at any more.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::calls::{Act, Moment, Rule, Seen};

/// The longest head of a request, in bytes.
const HEAD_BYTES_MAX: u64 = 64 * 1024;
/// How much of an answer is passed on at once.
const PIECE_BYTES: usize = 64 * 1024;

/// The relay; it ends when it is dropped.
pub struct Relay {
    path: PathBuf,
    shared: Arc<Shared>,
    accepting: Mutex<Option<Accepting>>,
}

struct Accepting {
    task: JoinHandle<()>,
    connections: CancellationToken,
}

struct Shared {
    engine: PathBuf,
    state: Mutex<State>,
    released: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    rules: Vec<(Rule, u32)>,
    fired: usize,
}

impl Relay {
    /// Listens at `path` for callers of the engine at `engine`.
    ///
    /// # Errors
    /// Where it cannot listen.
    pub fn start(path: PathBuf, engine: &Path) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            engine: engine.to_owned(),
            state: Mutex::default(),
            released: watch::Sender::new(0),
        });
        let relay = Self {
            path,
            shared,
            accepting: Mutex::new(None),
        };
        relay.accept()?;
        Ok(relay)
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Arms a rule.
    pub fn arm(&self, rule: Rule) {
        self.shared.state().rules.push((rule, 0));
    }

    /// How many rules have acted so far.
    pub fn fired(&self) -> usize {
        self.shared.state().fired
    }

    /// Forgets every rule and lets go of every call that is held.
    pub fn release(&self) {
        self.shared.state().rules.clear();
        self.shared.released.send_modify(|times| *times += 1);
    }

    /// Every call so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// How many calls so far fit a pattern.
    pub fn count(&self, pattern: &str) -> usize {
        self.shared
            .state()
            .seen
            .iter()
            .filter(|seen| seen.fits(pattern))
            .count()
    }

    /// The engine is away: nobody listens any more, and every connection breaks.
    pub fn refuse(&self) {
        if let Some(accepting) = lock(&self.accepting).take() {
            accepting.task.abort();
            accepting.connections.cancel();
        }
    }

    /// The engine is back.
    ///
    /// # Errors
    /// Where it cannot listen.
    pub fn accept(&self) -> anyhow::Result<()> {
        self.refuse();
        if self.path.exists() {
            std::fs::remove_file(&self.path)?;
        }
        let listener = UnixListener::bind(&self.path).context("the relay cannot listen")?;
        let connections = CancellationToken::new();
        let (shared, cut) = (Arc::clone(&self.shared), connections.clone());
        let task = tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let (shared, cut) = (Arc::clone(&shared), cut.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = cut.cancelled() => {}
                        // Whoever broke off knows why.
                        _ = shared.serve(caller) => {}
                    }
                });
            }
        });
        *lock(&self.accepting) = Some(Accepting { task, connections });
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.refuse();
    }
}

/// How a call goes on after its rules were asked.
enum Fate {
    Pass,
    /// The answer is to be lost.
    LoseAnswer(Act),
    /// Another path is asked for.
    Misled,
    Lost,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Counts a call; answers the rule that acts on it.
    fn note(&self, seen: &Seen) -> Option<Rule> {
        let mut state = self.state();
        state.seen.push(seen.clone());
        let mut due = None;
        for (rule, counted) in &mut state.rules {
            if seen.fits(&rule.pattern) {
                *counted += 1;
                if *counted == rule.nth && due.is_none() {
                    due = Some(rule.clone());
                }
            }
        }
        state.fired += usize::from(due.is_some());
        due
    }

    async fn serve(self: Arc<Self>, caller: UnixStream) -> std::io::Result<()> {
        let engine = UnixStream::connect(&self.engine).await?;
        let (from_caller, to_caller) = caller.into_split();
        let (from_engine, to_engine) = engine.into_split();
        let (lose, losing) = watch::channel(None);
        let up = self.pass_calls(BufReader::new(from_caller), to_engine, lose);
        let down = pass_answers(from_engine, to_caller, losing);
        tokio::pin!(up, down);
        tokio::select! {
            // The engine may go on answering to a caller that says nothing more.
            passed = &mut up => match passed? {
                Ended::Quietly => down.await,
                Ended::Cut => Ok(()),
            },
            passed = &mut down => passed,
        }
    }

    async fn pass_calls(
        &self,
        mut caller: BufReader<OwnedReadHalf>,
        mut engine: OwnedWriteHalf,
        lose: watch::Sender<Option<Act>>,
    ) -> std::io::Result<Ended> {
        loop {
            let Some(mut head) = Head::read(&mut caller).await? else {
                engine.shutdown().await?;
                return Ok(Ended::Quietly);
            };
            match self.decide(&head.seen).await {
                Fate::Pass => {}
                Fate::LoseAnswer(act) => {
                    lose.send_replace(Some(act));
                }
                Fate::Misled => head.bytes = misled(&head.bytes),
                Fate::Lost => return Ok(Ended::Cut),
            }
            engine.write_all(&head.bytes).await?;
            match head.body {
                Body::Length(length) => {
                    copy(&mut (&mut caller).take(length), &mut engine).await?;
                }
                Body::Chunked => pass_chunks(&mut caller, &mut engine).await?,
                Body::Upgrade => {
                    copy(&mut caller, &mut engine).await?;
                    engine.shutdown().await?;
                    return Ok(Ended::Quietly);
                }
            }
        }
    }

    async fn decide(&self, seen: &Seen) -> Fate {
        let Some(rule) = self.note(seen) else {
            return Fate::Pass;
        };
        match (rule.moment, rule.act) {
            (Moment::After, act @ (Act::Cut | Act::Run(_))) => Fate::LoseAnswer(act),
            (Moment::Before, Act::Cut) => Fate::Lost,
            (Moment::Before, Act::Run(run)) => {
                run();
                Fate::Lost
            }
            (_, Act::Unknown) => Fate::Misled,
            (_, Act::Hold) => {
                let mut released = self.released.subscribe();
                // The relay's own end lets go as well.
                let _ = released.changed().await;
                Fate::Pass
            }
        }
    }
}

/// The same request for a path that no engine knows.
fn misled(head: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(head);
    let mut words = text.splitn(3, ' ');
    let (method, _path) = (words.next().unwrap_or_default(), words.next());
    let rest = words.next().unwrap_or_default();
    format!("{method} /no-such-path {rest}").into_bytes()
}

enum Ended {
    Quietly,
    Cut,
}

/// Passes what the engine answers, until an answer is to be lost.
async fn pass_answers(
    mut engine: OwnedReadHalf,
    mut caller: OwnedWriteHalf,
    losing: watch::Receiver<Option<Act>>,
) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = engine.read(&mut piece).await?;
        let act = losing.borrow().clone();
        if let Some(act) = act {
            // The engine begins to answer when it is done.
            if let Act::Run(run) = act {
                run();
            }
            return Ok(());
        }
        if length == 0 {
            return caller.shutdown().await;
        }
        caller.write_all(&piece[..length]).await?;
    }
}

/// The head of a request.
struct Head {
    bytes: Vec<u8>,
    seen: Seen,
    body: Body,
}

enum Body {
    Length(u64),
    Chunked,
    Upgrade,
}

impl Head {
    /// Reads one; none where the caller has nothing more to say.
    async fn read(caller: &mut BufReader<OwnedReadHalf>) -> std::io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        loop {
            let line = (&mut *caller)
                .take(HEAD_BYTES_MAX)
                .read_until(b'\n', &mut bytes)
                .await?;
            if line == 0 {
                return Ok(None);
            }
            if bytes.ends_with(b"\r\n\r\n") {
                break;
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut lines = text.lines();
        let Some(seen) = lines.next().and_then(Seen::read) else {
            return Ok(None);
        };
        let mut body = Body::Length(0);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => body = Body::Length(value.trim().parse().unwrap_or(0)),
                "transfer-encoding" => body = Body::Chunked,
                "upgrade" => {
                    body = Body::Upgrade;
                    break;
                }
                _ => {}
            }
        }
        Ok(Some(Self { bytes, seen, body }))
    }
}

async fn pass_chunks(
    caller: &mut BufReader<OwnedReadHalf>,
    engine: &mut OwnedWriteHalf,
) -> std::io::Result<()> {
    loop {
        let mut line = Vec::new();
        if caller.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        engine.write_all(&line).await?;
        let text = String::from_utf8_lossy(&line);
        let size = text.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16)
            .map_err(|_| std::io::Error::other("a chunk has no size"))?;
        // The line end that follows a chunk belongs to it; after the last one there is one more.
        copy(&mut (&mut *caller).take(size + 2), engine).await?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

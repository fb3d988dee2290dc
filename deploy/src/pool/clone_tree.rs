//! The walk of a clone: one thread steps through folders and makes them, a few clone what is small, a few
//! what is large. The walk runs ahead of both, so that the largest file, which takes as long as all the
//! rest, is begun as soon as it is found.
//!
//! What is walked belongs to strangers and may change meanwhile: every step is relative to a folder
//! that is held open, and what is not what it was said to be is left out.

use std::{
    ffi::CString,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use rustix::{
    fs::{
        AtFlags, FileType, Mode, Stat, chownat, fstat, mkdirat, readlinkat, symlinkat, utimensat,
    },
    io::Errno,
};
use tokio_util::sync::CancellationToken;

use super::{
    Place, PoolError, clone_file,
    part::Part,
    tree::{self, DEPTH_MAX, ENTRIES_MAX},
};

/// From this size on a file is one to be begun soon.
const LARGE_BYTES: i64 = 1 << 20;
/// Large files that wait for a thread, and lists of small ones. Each may hold two folders open, and
/// there are not many handles.
const FILES_WAITING: usize = 16;
const LISTS_WAITING: usize = 8;
/// Small files of one list. Handing over each of them would cost as much as cloning it.
const LIST_MAX: usize = 1024;
/// Threads that clone large files; the file system's own locks leave more of them nothing to do.
const THREADS_MIN: usize = 2;
const THREADS_MAX: usize = 4;
/// Threads that clone lists of small ones, each of a folder of its own for the most part.
const LIST_THREADS: usize = 2;

/// What is to be cloned, where to, and within which limits.
pub(super) struct Asked {
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    /// Whose `from` is, for messages.
    pub(super) place: Option<Place>,
    /// What of it is cloned.
    pub(super) part: Part,
    /// Whether the file system shares blocks.
    pub(super) share: bool,
    pub(super) deadline: Instant,
    pub(super) limit: Duration,
    pub(super) cancel: CancellationToken,
}

/// What was done.
pub(super) struct Done {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) left_out: u64,
    pub(super) shared: bool,
}

/// Clones the tree; blocks.
pub(super) fn clone(asked: &Asked) -> Result<Done, PoolError> {
    let work = Work::new(asked);
    let from = match tree::open_path(&asked.from) {
        Err(Errno::NOENT) => {
            return Err(match asked.place.clone() {
                Some(place) => PoolError::Missing { place },
                None => PoolError::refused("clone a staging directory", "it is gone"),
            });
        }
        other => other.map_err(|error| work.failed(error))?,
    };
    let root = fstat(&from).map_err(|error| work.failed(error))?;
    let to = tree::open_path(&asked.to).map_err(|error| work.failed(error))?;
    let (large, large_waiting) = sync_channel(FILES_WAITING);
    let (small, small_waiting) = sync_channel(LISTS_WAITING);
    let (large_waiting, small_waiting) = (Mutex::new(large_waiting), Mutex::new(small_waiting));
    let threads = std::thread::available_parallelism().map_or(THREADS_MIN, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(THREADS_MIN, THREADS_MAX) {
            scope.spawn(|| work.clone_waiting(&large_waiting));
        }
        for _ in 0..LIST_THREADS {
            scope.spawn(|| work.clone_waiting(&small_waiting));
        }
        let out = Out { large, small };
        let walked = Pair::new(from, to)
            .map_err(|error| work.failed(error))
            .and_then(|root| work.walk_from(root, &out));
        work.note(walked);
        drop(out);
    });
    let done = work.done()?;
    still_there(asked, &root)?;
    Ok(done)
}

/// What is removed while it is cloned goes away as a whole first: a clone of what is left of it would
/// look like a whole one.
fn still_there(asked: &Asked, root: &Stat) -> Result<(), PoolError> {
    let Some(place) = &asked.place else {
        return Ok(());
    };
    match rustix::fs::lstat(&asked.from) {
        Ok(now) if (now.st_dev, now.st_ino) == (root.st_dev, root.st_ino) => Ok(()),
        _ => Err(PoolError::Missing {
            place: place.clone(),
        }),
    }
}

/// A folder and its clone.
struct Pair {
    from: OwnedFd,
    to: OwnedFd,
    stat: Stat,
}

impl Pair {
    fn new(from: OwnedFd, to: OwnedFd) -> Result<Self, Errno> {
        let stat = fstat(&from)?;
        Ok(Self { from, to, stat })
    }

    /// Gives the clone its owner, mode and times, once nothing is put into it any more.
    fn finish(self) -> Result<(), Errno> {
        clone_file::dress(&self.to, &self.stat)
    }
}

/// Files of one folder.
struct Files {
    pair: Arc<Pair>,
    names: Vec<CString>,
}

/// Where the walk hands over what it finds. Of large files one at a time is taken: the largest, a table
/// and its index, often stand side by side.
struct Out {
    large: SyncSender<Files>,
    small: SyncSender<Files>,
}

struct Work<'a> {
    asked: &'a Asked,
    entries: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    left_out: AtomicU64,
    copied: AtomicBool,
    /// Set with the first error, so that everybody ends soon.
    stop: AtomicBool,
    error: Mutex<Option<PoolError>>,
}

impl<'a> Work<'a> {
    fn new(asked: &'a Asked) -> Self {
        Self {
            asked,
            entries: AtomicU64::new(0),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            copied: AtomicBool::new(!asked.share),
            stop: AtomicBool::new(false),
            error: Mutex::new(None),
        }
    }

    fn walk_from(&self, root: Pair, out: &Out) -> Result<(), PoolError> {
        let root = Arc::new(root);
        self.walk(&root, 0, out)?;
        self.finish(root)
    }

    fn walk(&self, pair: &Arc<Pair>, depth: usize, out: &Out) -> Result<(), PoolError> {
        if depth > DEPTH_MAX {
            let why = format!("it is more than {DEPTH_MAX} folders deep; remove the deepest");
            return Err(PoolError::refused(self.doing(), why));
        }
        let mut small = Vec::new();
        for entry in tree::entries(&pair.from).map_err(|error| self.failed(error))? {
            let entry = entry.map_err(|error| self.failed(error))?;
            if self.stop.load(Relaxed) {
                return Ok(());
            }
            self.count_entry()?;
            if depth == 0 && !self.asked.part.holds(entry.name.as_bytes()) {
                continue;
            }
            match entry.kind {
                FileType::RegularFile if is_large(pair, &entry.name) => {
                    hand_over(&out.large, pair, vec![entry.name]);
                }
                FileType::RegularFile => {
                    small.push(entry.name);
                    if small.len() == LIST_MAX {
                        hand_over(&out.small, pair, std::mem::take(&mut small));
                    }
                }
                FileType::Directory => {
                    let below = self.enter(pair, &entry.name);
                    if let Some(below) = below.map_err(|error| self.failed(error))? {
                        let below = Arc::new(below);
                        self.walk(&below, depth + 1, out)?;
                        self.finish(below)?;
                    }
                }
                FileType::Symlink => {
                    link(pair, &entry.name).map_err(|error| self.failed(error))?;
                }
                _ => {
                    self.left_out.fetch_add(1, Relaxed);
                }
            }
        }
        if !small.is_empty() {
            hand_over(&out.small, pair, small);
        }
        Ok(())
    }

    /// Takes files until there are no more.
    fn clone_waiting(&self, waiting: &Mutex<Receiver<Files>>) {
        loop {
            // The others wait for their turn only as long as this one waits for a file.
            let next = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            let Ok(files) = next else {
                return;
            };
            self.clone_files(files);
        }
    }

    /// After an error nothing but what lets the walk end.
    fn clone_files(&self, files: Files) {
        let Files { pair, names } = files;
        let mut names = names.iter();
        let cloned = names.try_for_each(|name| self.clone_file(&pair, name));
        self.note(cloned.and_then(|()| self.finish(pair)));
    }

    fn clone_file(&self, pair: &Pair, name: &CString) -> Result<(), PoolError> {
        if self.stop.load(Relaxed) {
            return Ok(());
        }
        self.check_time()?;
        let opened = match tree::open_file(&pair.from, name) {
            Err(error) if tree::has_changed(error) => None,
            other => other.map_err(|error| self.failed(error))?,
        };
        let Some((file, stat)) = opened else {
            self.left_out.fetch_add(1, Relaxed);
            return Ok(());
        };
        let may_go_on = || self.check_time();
        let failed = |error| self.failed(error);
        let asked = clone_file::Asked {
            from: &file,
            stat: &stat,
            to: &pair.to,
            name,
            share: self.asked.share,
        };
        let shared = clone_file::clone(&asked, &may_go_on, &failed)?;
        if !shared {
            self.copied.store(true, Relaxed);
        }
        self.files.fetch_add(1, Relaxed);
        self.bytes
            .fetch_add(u64::try_from(stat.st_size).unwrap_or(0), Relaxed);
        Ok(())
    }

    /// Makes a folder's clone; nothing where it is gone by now.
    fn enter(&self, pair: &Pair, name: &CString) -> Result<Option<Pair>, Errno> {
        let from = match tree::open_folder(&pair.from, name) {
            Err(error) if tree::has_changed(error) => {
                self.left_out.fetch_add(1, Relaxed);
                return Ok(None);
            }
            other => other?,
        };
        mkdirat(&pair.to, name, Mode::RWXU)?;
        let to = tree::open_folder(&pair.to, name)?;
        Pair::new(from, to).map(Some)
    }

    /// Whoever is the last to need a folder finishes it.
    fn finish(&self, pair: Arc<Pair>) -> Result<(), PoolError> {
        Arc::into_inner(pair).map_or(Ok(()), |pair| pair.finish().map_err(|e| self.failed(e)))
    }

    fn count_entry(&self) -> Result<(), PoolError> {
        self.check_time()?;
        if self.entries.fetch_add(1, Relaxed) >= ENTRIES_MAX {
            let why = format!("it has more than {ENTRIES_MAX} entries; remove some");
            return Err(PoolError::refused(self.doing(), why));
        }
        Ok(())
    }

    fn check_time(&self) -> Result<(), PoolError> {
        if Instant::now() < self.asked.deadline && !self.asked.cancel.is_cancelled() {
            return Ok(());
        }
        Err(PoolError::TimedOut {
            doing: self.doing(),
            limit: self.asked.limit,
        })
    }

    fn note(&self, result: Result<(), PoolError>) {
        if let Err(error) = result {
            self.stop.store(true, Relaxed);
            let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(error);
        }
    }

    fn done(self) -> Result<Done, PoolError> {
        let error = self
            .error
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        error.map_or(Ok(()), Err)?;
        Ok(Done {
            files: self.files.into_inner(),
            bytes: self.bytes.into_inner(),
            left_out: self.left_out.into_inner(),
            shared: !self.copied.into_inner(),
        })
    }

    fn failed(&self, error: Errno) -> PoolError {
        PoolError::of(self.doing(), error)
    }

    fn doing(&self) -> String {
        match &self.asked.place {
            Some(place) => format!("clone {place}"),
            None => "clone a staging directory".to_owned(),
        }
    }
}

/// By a look alone; whoever clones it looks again.
fn is_large(pair: &Pair, name: &CString) -> bool {
    let stat = rustix::fs::statat(&pair.from, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| stat.st_size >= LARGE_BYTES)
}

fn hand_over(to: &SyncSender<Files>, pair: &Arc<Pair>, names: Vec<CString>) {
    let pair = Arc::clone(pair);
    // The other end is gone only once this one is.
    let _sent = to.send(Files { pair, names });
}

/// Makes the same link; what it says is copied, never looked up.
fn link(pair: &Pair, name: &CString) -> Result<(), Errno> {
    // What was a link and is something else answers EINVAL.
    let target = match readlinkat(&pair.from, name, Vec::new()) {
        Err(error) if tree::has_changed(error) || error == Errno::INVAL => return Ok(()),
        other => other?,
    };
    let stat = match rustix::fs::statat(&pair.from, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(error) if tree::has_changed(error) => return Ok(()),
        other => other?,
    };
    symlinkat(&target, &pair.to, name)?;
    let (owner, group) = clone_file::owner(&stat);
    chownat(&pair.to, name, owner, group, AtFlags::SYMLINK_NOFOLLOW)?;
    utimensat(
        &pair.to,
        name,
        &clone_file::times(&stat),
        AtFlags::SYMLINK_NOFOLLOW,
    )
}

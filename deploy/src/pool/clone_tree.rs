//! Walks and clones a tree: one thread creates the folders, some threads clone small files, and
//! some clone large ones. The walk runs ahead of both, so that the largest file, which takes as
//! long as all others together, is started as soon as it is found.
//!
//! The tree is untrusted and may change meanwhile. Every step is relative to an open folder, and an
//! entry that changed its type is left out.

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

/// Files of at least this size are started early.
const LARGE_BYTES: i64 = 1 << 20;
/// Maximum queued large files, and queued lists of small ones. Each may hold two folders open, and
/// file handles are limited.
const FILES_WAITING: usize = 16;
const LISTS_WAITING: usize = 8;
/// Small files per list. Queueing each file separately would cost as much as cloning it.
const LIST_MAX: usize = 1024;
/// Minimum threads for large files; because of the file system's own locks, many more do not help.
const THREADS_MIN: usize = 2;
const THREADS_MAX: usize = 4;
/// Threads for lists of small files, each usually in a different folder.
const LIST_THREADS: usize = 2;

/// The source, target and limits of a clone.
pub(super) struct Asked {
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    /// The place of `from`, for messages.
    pub(super) place: Option<Place>,
    /// The part to clone.
    pub(super) part: Part,
    /// Whether the file system shares blocks.
    pub(super) share: bool,
    pub(super) deadline: Instant,
    pub(super) limit: Duration,
    pub(super) cancel: CancellationToken,
}

/// The result.
pub(super) struct Done {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) left_out: u64,
    pub(super) shared: bool,
}

/// Clones the tree; blocking.
pub(super) fn clone(asked: &Asked) -> Result<Done, PoolError> {
    let work = Work::new(asked);
    let from = match tree::open_path(&asked.from) {
        Err(Errno::NOENT) => {
            return Err(match asked.place.clone() {
                Some(place) => PoolError::Missing { place },
                None => PoolError::refused("clone a staging directory", "it was removed"),
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

/// Fails if the root was replaced or removed. A removal first moves the whole tree away; otherwise
/// the clone of a half-removed tree would look complete.
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

    /// Sets the clone's owner, mode and times, once it is complete.
    fn finish(self) -> Result<(), Errno> {
        clone_file::dress(&self.to, &self.stat)
    }
}

/// Files of one folder.
struct Files {
    pair: Arc<Pair>,
    names: Vec<CString>,
}

/// The queues of found files. Only one thread at a time takes large files: the two largest, a table
/// and its index, are often found together.
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
    /// Set with the first error, so that all threads end soon.
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

    /// Clones queued files until the queue is closed.
    fn clone_waiting(&self, waiting: &Mutex<Receiver<Files>>) {
        loop {
            // Other threads only wait for the lock while this one waits for a file.
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

    /// Clones files; after an error it only drains the queue, so that the walk can end.
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

    /// Creates a folder's clone; `None` if the folder has been removed.
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

    /// The last user of a folder finishes it.
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

/// A preliminary check; the cloning thread checks again.
fn is_large(pair: &Pair, name: &CString) -> bool {
    let stat = rustix::fs::statat(&pair.from, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| stat.st_size >= LARGE_BYTES)
}

fn hand_over(to: &SyncSender<Files>, pair: &Arc<Pair>, names: Vec<CString>) {
    let pair = Arc::clone(pair);
    // The receiver outlives the sender.
    let _sent = to.send(Files { pair, names });
}

/// Creates the same link; its target is copied, never resolved.
fn link(pair: &Pair, name: &CString) -> Result<(), Errno> {
    // An entry that is not a link gives EINVAL.
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

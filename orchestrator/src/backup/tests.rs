//! Archives as backups write them, as earlier versions wrote them, and as others might.

mod hostile;
mod restoring;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use sha2::Digest as _;

use super::{Checked, Progress, Target, check, records::Summed};
use crate::store::Store;

/// A folder with a store and a mirror of one commit, cut off from its history, to make archives of.
struct Bench {
    folder: tempfile::TempDir,
    instance: String,
    commit: String,
    /// Whether its archives say that they hold data.
    with_data: bool,
}

/// A record of an archive: a file by its path, or a folder where there is no content.
type Record<'a> = (&'a str, Option<&'a [u8]>);

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("live.db")).unwrap();
        store
            .copy_to(&folder.path().join("dayfly.db"))
            .await
            .unwrap();
        let instance = store.instance().to_string();
        let mut bench = Self {
            folder,
            instance,
            commit: String::new(),
            with_data: true,
        };
        bench.git("work", &["init", "-q", "-b", "main"]);
        for content in ["one", "two"] {
            std::fs::write(bench.path("work").join("a"), content).unwrap();
            bench.git("work", &["add", "a"]);
            bench.git("work", &["commit", "-q", "-m", content]);
        }
        bench.commit = bench.git("work", &["rev-parse", "HEAD"]);
        let mirror = bench.path("mirror");
        std::fs::create_dir_all(mirror.join("objects/pack")).unwrap();
        std::fs::create_dir_all(mirror.join("refs/dayfly")).unwrap();
        std::fs::write(mirror.join("HEAD"), "ref: refs/heads/none\n").unwrap();
        let config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
        std::fs::write(mirror.join("config"), config).unwrap();
        let from = format!("file://{}", bench.path("work").display());
        let reference = format!("{0}:refs/dayfly/{0}", bench.commit);
        let allowed = "protocol.version=2";
        let words = [
            "-c",
            allowed,
            "-c",
            "fetch.unpackLimit=1",
            "fetch",
            "-q",
            "--depth=1",
        ];
        let words = [
            &words[..],
            &["--no-write-fetch-head", "--", &from, &reference],
        ]
        .concat();
        bench.git("mirror", &words);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn git(&self, folder: &str, words: &[&str]) -> String {
        std::fs::create_dir_all(self.path(folder)).unwrap();
        let ran = Command::new("git")
            .args(words)
            .current_dir(self.path(folder))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].iter().flat_map(|who| {
                [
                    (format!("GIT_{who}_NAME"), "Ada"),
                    (format!("GIT_{who}_EMAIL"), "ada@example.org"),
                ]
            }))
            .output()
            .unwrap();
        assert!(ran.status.success(), "git {words:?}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    fn manifest(&self, format: u32) -> Vec<u8> {
        let (instance, data) = (&self.instance, self.with_data);
        let made_at = "2026-11-28T09:30:00Z";
        serde_json::to_vec(&serde_json::json!({
            "format": format, "version": "0.1.0", "instance": instance, "made_at": made_at, "data": data,
        }))
        .unwrap()
    }

    /// Writes an archive of store, mirror, and these records, as format 2 or as format 1.
    fn archive(&self, format: u32, records: &[Record<'_>]) -> PathBuf {
        self.archive_with(format, |archive| {
            for (path, content) in records {
                append(archive, path, *content);
            }
        })
    }

    /// Writes an archive of store, mirror, and more.
    fn archive_with(
        &self,
        format: u32,
        add: impl FnOnce(&mut tar::Builder<&mut dyn Write>),
    ) -> PathBuf {
        let path = self.path("backup.tar");
        let mut file = std::fs::File::create(&path).unwrap();
        let mut summed;
        let sink: &mut dyn Write = match format {
            1 => &mut file,
            _ => {
                summed = Summed::new(file);
                &mut summed
            }
        };
        let mut archive = tar::Builder::new(sink);
        append(&mut archive, "backup.json", Some(&self.manifest(format)));
        archive
            .append_path_with_name(self.path("dayfly.db"), "dayfly.db")
            .unwrap();
        archive
            .append_dir_all("mirrors/shop.git", self.path("mirror"))
            .unwrap();
        add(&mut archive);
        append(
            &mut archive,
            "end.json",
            Some(b"{\"left_out\":[\"a fork: why\"]}"),
        );
        archive.into_inner().unwrap().flush().unwrap();
        path
    }

    async fn check(&self, archive: &Path) -> Result<Checked, String> {
        let checked = check(archive, self.folder.path(), Arc::new(Progress::default())).await;
        let left = std::fs::read_dir(self.folder.path()).unwrap().flatten();
        for entry in left {
            let name = entry.file_name().into_string().unwrap();
            assert!(!name.starts_with(".dayfly-check-"), "{name} is left");
        }
        checked.map_err(|error| format!("{error:#}"))
    }
}

fn append(archive: &mut tar::Builder<&mut dyn Write>, path: &str, content: Option<&[u8]>) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o700);
    header.set_uid(nix::unistd::geteuid().as_raw().into());
    header.set_gid(nix::unistd::getegid().as_raw().into());
    header.set_mtime(0);
    header.set_size(content.map_or(0, <[u8]>::len) as u64);
    if content.is_none() {
        header.set_entry_type(tar::EntryType::Directory);
    }
    archive
        .append_data(&mut header, path, content.unwrap_or_default())
        .unwrap();
}

#[tokio::test]
async fn a_whole_archive_is_told_with_what_it_holds() {
    let bench = Bench::new().await;
    let snapshot = format!("pool/snapshots/{}/data/x", "a".repeat(64));
    let records: [Record<'_>; 4] = [
        ("pool/previews/shop-1/g1/main", None),
        (
            "pool/previews/shop-1/g1/main/data/file",
            Some(&[7; 100_000]),
        ),
        ("pool/previews/shop-1/g1/cache/data/empty", Some(b"")),
        (snapshot.as_str(), Some(b"x")),
    ];
    let checked = bench.check(&bench.archive(2, &records)).await.unwrap();
    assert_eq!(
        (checked.mirrors, checked.places, checked.previews),
        (1, 3, 0)
    );
    assert_eq!(checked.left_out, ["a fork: why"]);
    assert!(checked.has_checksums() && checked.needless.is_empty());
}

#[tokio::test]
async fn whatever_is_changed_or_cut_off_in_an_archive_is_noticed() {
    let bench = Bench::new().await;
    let content = [7; 3_000];
    let records: Vec<(String, &[u8])> = (0..5_000)
        .map(|n| {
            (
                format!("pool/previews/shop-1/g1/main/data/{n}"),
                &content[..n % 40],
            )
        })
        .collect();
    let records: Vec<Record<'_>> = records
        .iter()
        .map(|(path, content)| (path.as_str(), Some(*content)))
        .chain([("pool/previews/shop-1/g1/main/data/last", Some(&content[..]))])
        .collect();
    let path = bench.archive(2, &records);
    bench.check(&path).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    let end = whole.len() - 1024;
    let damaged = bench.path("damaged.tar");
    // Spread over all of it, so in heads, contents, fillings and lists of checksums.
    for at in (0..end).step_by(end / 97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&damaged, &bytes).unwrap();
        let told = bench.check(&damaged).await;
        assert!(told.is_err(), "byte {at} of {end}");
    }
    for length in [0, 511, 512, end / 3, end / 2, end - 512, end - 1] {
        std::fs::write(&damaged, &whole[..length]).unwrap();
        let told = bench.check(&damaged).await;
        assert!(told.is_err(), "{length} bytes of {end}");
    }
    let mut bytes = whole.clone();
    let last = whole
        .windows(40)
        .rposition(|window| window == &content[..40]);
    bytes[last.unwrap()] = 8;
    std::fs::write(&damaged, &bytes).unwrap();
    let told = bench.check(&damaged).await.unwrap_err();
    let wanted = "damaged: wrong checksum of pool/previews/shop-1/g1/main/data/last";
    assert!(told.contains(wanted), "{told}");
}

#[tokio::test]
async fn the_checksum_of_a_record_is_that_of_all_its_blocks() {
    let bench = Bench::new().await;
    let archive = bench.archive(2, &[("logs/a", Some(&[7; 700]))]);
    let bytes = std::fs::read(archive).unwrap();
    let at = bytes
        .windows(7)
        .position(|name| name == b"logs/a\0")
        .unwrap();
    // Its head, and two blocks of content.
    let sum = hex::encode(sha2::Sha256::digest(&bytes[at..at + 3 * 512]));
    let text = String::from_utf8_lossy(&bytes);
    let list = text.find("checksums/000001").unwrap();
    assert!(text[list..].contains(&format!("\n{sum}\n")), "{sum}");
    assert!(text.find("end.json").unwrap() < list, "the end has none");
}

#[tokio::test]
async fn an_earlier_archive_with_what_deaths_left_in_a_mirror_is_still_good() {
    let bench = Bench::new().await;
    let records: [Record<'_>; 4] = [
        ("mirrors/shop.git/fast_import_crash_4711", Some(b"crash")),
        ("mirrors/shop.git/shallow.lock", Some(b"")),
        ("mirrors/shop.git/objects/pack/tmp_pack_a", Some(b"PACK")),
        ("mirrors/shop.lock", Some(b"")),
    ];
    let checked = bench.check(&bench.archive(1, &records)).await.unwrap();
    assert_eq!(
        checked.needless,
        [
            "mirrors/shop.git/fast_import_crash_4711",
            "mirrors/shop.git/shallow.lock",
            "mirrors/shop.git/objects/pack/tmp_pack_a"
        ]
    );
    assert!(!checked.has_checksums());
}

#[tokio::test]
async fn what_no_backup_has_is_refused_in_either_format() {
    let bench = Bench::new().await;
    let cases: [(&str, &str); 8] = [
        ("mirrors/shop.git/hooks/post-update", "which no backup has"),
        ("mirrors/shop.git/info/attributes", "which no backup has"),
        (
            "mirrors/shop.git/objects/info/alternates",
            "which no backup has",
        ),
        ("mirrors/home/x", "which no backup has"),
        ("mirrors/readme", "which no backup has"),
        ("proxy/table.json", "which no backup has"),
        ("mirrors/other.git/config", "settings for"),
        ("dayfly.db/x", "which no backup has"),
    ];
    for (path, words) in cases {
        for format in [1, 2] {
            let told = bench
                .check(&bench.archive(format, &[(path, Some(b"x"))]))
                .await;
            let told = told.unwrap_err();
            assert!(told.contains(words), "{path}: {told}");
        }
    }
}

#[tokio::test]
async fn a_path_that_would_take_long_to_make_is_refused_at_once() {
    let bench = Bench::new().await;
    let below = "pool/previews/shop-1/g1/main/data/";
    let cases = [
        (
            format!("{below}{}x", "d/".repeat(3_000)),
            "a path of 6035 bytes",
        ),
        (format!("{below}{}x", "d/".repeat(1_500)), "nests folders"),
        (format!("{below}{}", "n".repeat(300)), "a name of 300 bytes"),
    ];
    for (path, words) in cases {
        let archive = bench.archive(2, &[(path.as_str(), Some(b"x"))]);
        let began = Instant::now();
        let told = bench.check(&archive).await.unwrap_err();
        assert!(told.contains(words), "{told}");
        assert!(began.elapsed() < Duration::from_secs(1), "{words}");
    }
}

#[tokio::test]
async fn a_mirror_that_lacks_something_and_a_store_that_is_damaged_are_told() {
    let bench = Bench::new().await;
    let shallow = std::fs::read(bench.path("mirror/shallow")).unwrap();
    std::fs::remove_file(bench.path("mirror/shallow")).unwrap();
    let told = bench.check(&bench.archive(2, &[])).await.unwrap_err();
    assert!(told.contains("mirrors/shop.git is incomplete"), "{told}");
    std::fs::write(bench.path("mirror/shallow"), shallow).unwrap();
    bench.check(&bench.archive(2, &[])).await.unwrap();

    let store = std::fs::read(bench.path("dayfly.db")).unwrap();
    let mut damaged = store.clone();
    for byte in &mut damaged[4_096..8_192] {
        *byte ^= 0xff;
    }
    std::fs::write(bench.path("dayfly.db"), &damaged).unwrap();
    let told = bench.check(&bench.archive(2, &[])).await.unwrap_err();
    assert!(told.contains("store"), "{told}");
    std::fs::write(bench.path("dayfly.db"), "no store").unwrap();
    assert!(bench.check(&bench.archive(2, &[])).await.is_err());
}

#[tokio::test]
async fn a_foreign_or_truncated_file_is_named_as_one_without_its_content() {
    let bench = Bench::new().await;
    let foreign = bench.path("dump.sql");
    std::fs::write(&foreign, "-- secret of somebody\n".repeat(100)).unwrap();
    let told = bench.check(&foreign).await.unwrap_err();
    assert_eq!(told, "the file is not a Dayfly backup");
    let path = bench.archive(2, &[("logs/a", Some(&[7; 100_000]))]);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 20_000]).unwrap();
    let told = bench.check(&path).await.unwrap_err();
    assert_eq!(told, "the file is truncated or damaged");
}

#[tokio::test]
async fn a_pipe_is_refused_and_not_waited_for() {
    let bench = Bench::new().await;
    let pipe = bench.path("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let told = bench.check(&pipe).await.unwrap_err();
    assert!(told.contains("is not a regular file"), "{told}");
}

#[tokio::test]
async fn a_backup_never_takes_the_place_of_a_link() {
    let bench = Bench::new().await;
    let link = bench.path("good.tar");
    std::os::unix::fs::symlink("/nowhere/good.tar", &link).unwrap();
    let refused = Target::begin(&link).unwrap_err().to_string();
    assert!(refused.contains("already exists"), "{refused}");
}

#[tokio::test]
async fn a_backup_has_its_name_only_once_it_was_read_back() {
    let bench = Bench::new().await;
    let whole = std::fs::read(bench.archive(2, &[])).unwrap();
    let path = bench.path("good.tar");
    let progress = || Arc::new(Progress::default());
    for bytes in [&whole[..whole.len() / 2], b"nothing of ours"] {
        let mut target = Target::begin(&path).unwrap();
        target.write_all(bytes).unwrap();
        let refused = target.finish(None, progress()).await.unwrap_err();
        let refused = format!("{refused:#}");
        assert!(refused.contains("could not be restored"), "{refused}");
        assert!(!path.exists() && !bench.path("good.tar.part").exists());
    }
    let mut target = Target::begin(&path).unwrap();
    target.write_all(&whole).unwrap();
    assert!(!path.exists());
    let checked = target.finish(None, progress()).await.unwrap();
    assert_eq!(checked.bytes, whole.len() as u64);
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    let again = Target::begin(&path).unwrap_err().to_string();
    assert!(again.contains("already exists"), "{again}");
}

//! Checks `.dockerignore` against the behaviour of Docker's own clients, which built `COPY . /` of
//! the same files. If clients differ, the newer ones count.

use crate::source::{Context, PartKind, testing::uploaded};

/// The files of each build, including `.dockerignore`.
const FILES: &[&str] = &[
    "!bang",
    "#hash",
    ".dockerignore",
    "Dockerfile",
    "README.md",
    "Src/upper.txt",
    "a/b/c/z.txt",
    "a/b/x.txt",
    "a/x.txt",
    "a/y.log",
    "node_modules/m.js",
    "readme.txt",
    "src/keep.txt",
    "src/node_modules/m.js",
    "sub/.dockerignore",
    "sub/Dockerfile",
    "with space.txt",
    "x.txt",
    "y.log",
];

/// Rules, the files that they exclude, and the folders that are then empty.
const LEAVES_OUT: &[(&str, &[&str], &[&str])] = &[
    ("a\n!a/b/x.txt", &["a/b/c/z.txt", "a/x.txt", "a/y.log"], &[]),
    ("a/*\n!a/b", &["a/x.txt", "a/y.log"], &[]),
    ("a/**\n!a/b/c", &["a/b/x.txt", "a/x.txt", "a/y.log"], &[]),
    (
        "**/node_modules",
        &["node_modules/m.js", "src/node_modules/m.js"],
        &[],
    ),
    ("node_modules", &["node_modules/m.js"], &[]),
    ("node_modules/", &["node_modules/m.js"], &[]),
    ("/node_modules", &["node_modules/m.js"], &[]),
    ("./node_modules", &["node_modules/m.js"], &[]),
    (
        "src/../a",
        &["a/b/c/z.txt", "a/b/x.txt", "a/x.txt", "a/y.log"],
        &[],
    ),
    (
        "**/*.txt",
        &[
            "Src/upper.txt",
            "a/b/c/z.txt",
            "a/b/x.txt",
            "a/x.txt",
            "readme.txt",
            "src/keep.txt",
            "with space.txt",
            "x.txt",
        ],
        &["Src/", "a/b/c/"],
    ),
    ("*.txt", &["readme.txt", "with space.txt", "x.txt"], &[]),
    ("*/x.txt", &["a/x.txt"], &[]),
    ("# x.txt\n#hash", &[], &[]),
    ("\\#hash", &["#hash"], &[]),
    (" #hash", &["#hash"], &[]),
    ("\n\n  x.txt  \n\n", &["x.txt"], &[]),
    ("Dockerfile", &["Dockerfile"], &[]),
    ("dockerfile", &[], &[]),
    (".dockerignore", &[".dockerignore"], &[]),
    (
        "Dockerfile\n.dockerignore",
        &[".dockerignore", "Dockerfile"],
        &[],
    ),
    ("**/Dockerfile", &["Dockerfile", "sub/Dockerfile"], &[]),
    (
        "**/.dockerignore",
        &[".dockerignore", "sub/.dockerignore"],
        &[],
    ),
    ("readme*", &["readme.txt"], &[]),
    ("README.MD", &[], &[]),
    ("Src", &["Src/upper.txt"], &[]),
    ("SRC", &[], &[]),
    ("x.txt\r\ny.log\r\n", &["x.txt", "y.log"], &[]),
    ("a/b/", &["a/b/c/z.txt", "a/b/x.txt"], &[]),
    ("a/b/**", &["a/b/c/z.txt", "a/b/x.txt"], &["a/b/"]),
    ("a/**/x.txt", &["a/b/x.txt", "a/x.txt"], &[]),
    ("**/b", &["a/b/c/z.txt", "a/b/x.txt"], &[]),
    ("?.txt", &["x.txt"], &[]),
    ("with space.txt", &["with space.txt"], &[]),
    ("with*", &["with space.txt"], &[]),
    ("x.txt\n!x.txt\nx.txt", &["x.txt"], &[]),
    (".", &[], &[]),
    ("/", &[], &[]),
    ("..", &[], &[]),
    ("\\!bang", &["!bang"], &[]),
    (
        "a/*/",
        &["a/b/c/z.txt", "a/b/x.txt", "a/x.txt", "a/y.log"],
        &["a/"],
    ),
    ("a/b/c/..", &["a/b/c/z.txt", "a/b/x.txt"], &[]),
    ("**/c/**", &["a/b/c/z.txt"], &["a/b/c/"]),
    ("src\n!src/*.txt", &["src/node_modules/m.js"], &[]),
    (
        "*/*/*",
        &["a/b/c/z.txt", "a/b/x.txt", "src/node_modules/m.js"],
        &["a/b/", "src/node_modules/"],
    ),
    ("\u{feff}x.txt", &["x.txt"], &[]),
    ("a/b\n!a", &["a/b/c/z.txt", "a/b/x.txt"], &[]),
    (
        "*.*\n!*.md",
        &[
            ".dockerignore",
            "readme.txt",
            "with space.txt",
            "x.txt",
            "y.log",
        ],
        &[],
    ),
];

/// Rules and the files that they leave.
const KEEPS: &[(&str, &[&str])] = &[
    ("*\n!x.txt", &["x.txt"]),
    ("*\n!a/b", &["a/b/c/z.txt", "a/b/x.txt"]),
    ("**", &[]),
    ("**\n!src/**", &["src/keep.txt", "src/node_modules/m.js"]),
    ("*\n!Dockerfile", &["Dockerfile"]),
    (
        "[a-s]*",
        &[
            "!bang",
            "#hash",
            ".dockerignore",
            "Dockerfile",
            "README.md",
            "Src/upper.txt",
            "with space.txt",
            "x.txt",
            "y.log",
        ],
    ),
    ("[^a]*", &["a/b/c/z.txt", "a/b/x.txt", "a/x.txt", "a/y.log"]),
    ("*\n!src\nsrc/node_modules", &["src/keep.txt"]),
    ("!x.txt\n*", &[]),
    ("*\n!/x.txt", &["x.txt"]),
    ("*\n!./a/b/", &["a/b/c/z.txt", "a/b/x.txt"]),
    ("*\n! x.txt", &["x.txt"]),
];

/// Rules whose `!` contains a wildcard, and the files that they leave. Clients from before 2022
/// skip an excluded folder unless a `!` begins with its path; later clients, and Dayfly, search it.
const KEEPS_BY_WILDCARD: &[(&str, &[&str])] = &[
    ("*\n!a/*/x.txt", &["a/b/x.txt"]),
    ("*\n!**/x.txt", &["x.txt", "a/x.txt", "a/b/x.txt"]),
    (
        "*\n!a/b/c/z.txt\n!**/keep.txt",
        &["a/b/c/z.txt", "src/keep.txt"],
    ),
];

/// The files, and empty folders, that a builder gets.
async fn offered(rules: &str) -> Vec<String> {
    let files: Vec<(&str, &str)> = FILES
        .iter()
        .map(|path| (*path, if *path == ".dockerignore" { rules } else { "" }))
        .collect();
    let (_folder, tree) = uploaded(&files).await;
    let context = Context::of(&tree, "", "Dockerfile").await.unwrap();
    let parts = context.parts();
    let shown = parts.iter().filter_map(|part| match part.kind {
        PartKind::Folder => {
            let below = format!("{}/", part.path);
            let is_empty = !parts.iter().any(|other| other.path.starts_with(&below));
            is_empty.then_some(below)
        }
        _ => Some(part.path.clone()),
    });
    let mut shown: Vec<String> = shown.collect();
    shown.sort();
    shown
}

#[tokio::test]
async fn an_ignore_file_leaves_out_what_dockers_own_client_does() {
    for (rules, out, empty) in LEAVES_OUT {
        let kept = FILES.iter().filter(|path| !out.contains(path));
        let mut wanted: Vec<&str> = kept.chain(empty.iter()).copied().collect();
        wanted.sort_unstable();
        assert_eq!(offered(rules).await, wanted, "{rules:?}");
    }
    for (rules, wanted) in KEEPS.iter().chain(KEEPS_BY_WILDCARD) {
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        assert_eq!(offered(rules).await, wanted, "{rules:?}");
    }
}

//! The application that is measured: static, without a database, with a few steps to build.

use harness::App;

/// The first steps are always in the cache; only the last copy can be changed by a push.
const DOCKERFILE: &str = "FROM dayfly-test/base:1\n\
    RUN [\"busybox\", \"mkdir\", \"-p\", \"/site/assets\"]\n\
    COPY start /start\n\
    COPY assets /site/assets\n\
    COPY site /site\n\
    EXPOSE 8080\n\
    CMD [\"busybox\", \"sh\", \"/start\"]\n";
/// It shows which commit runs, so that a page of the commit before is not taken for a new one.
const START: &str = "echo \"$DAYFLY_COMMIT\" >/site/commit\n\
    exec busybox httpd -f -p 8080 -h /site\n";
/// What is not part of the build's context.
const IGNORED: &str = ".git\nnotes\n";
const ASSETS: usize = 8;
const ASSET_BYTES: usize = 16 * 1024;

/// Where the commit is shown that runs.
pub(super) const COMMIT_PATH: &str = "/commit";
/// A file that the build does not see: a push of it builds the same image.
const NOTE: &str = "notes/latest.md";
/// A file that is copied into the image.
const PAGE: &str = "site/index.html";

/// The application as it is at first.
pub(super) fn shop() -> App {
    let mut app = App::page("<h1>The shop</h1>\n")
        .with("Dockerfile", DOCKERFILE)
        .with("start", START)
        .with(".dockerignore", IGNORED);
    for number in 0..ASSETS {
        let asset = format!("/* {number} */\n").repeat(ASSET_BYTES / 8);
        app = app.with(&format!("assets/{number}.css"), &asset);
    }
    app
}

/// What a push changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that the build sees.
    Note,
    /// One small file of the image.
    Page,
}

impl Change {
    /// The file and its new text.
    pub(super) fn file(self, number: usize) -> (String, String) {
        match self {
            Self::Note => (NOTE.to_owned(), format!("note {number}\n")),
            // The engine remembers what runs before this one built.
            Self::Page => (
                PAGE.to_owned(),
                format!(
                    "<h1>The shop, change {number} of {}</h1>\n",
                    std::process::id()
                ),
            ),
        }
    }
}

//! A build that fails says why, and where.

use anyhow::{Context as _, ensure};
use harness::Dayfly;

use crate::builds::page;

/// Lines of a Dockerfile that fail, the code they get, and what is said about them.
const FAILING: [(&str, &str, &str); 13] = [
    (
        "RUN echo the-reason && exit 3",
        "DF201",
        "exited with code 3",
    ),
    ("WORKDIRR /srv", "DF206", "`WORKDIRR`"),
    (
        "COPY nothing-here /srv/",
        "DF207",
        "nothing-here is not in the build context",
    ),
    (
        "COPY kept-out.txt /srv/",
        "DF207",
        "exists, but .dockerignore keeps it out",
    ),
    (
        "COPY --from=dayfly-test/base:1 /nothing-here /srv/",
        "DF207",
        "the stage or image `dayfly-test/base:1` has no",
    ),
    (
        "RUN --mount=type=bind,from=dayfly-test/base:1,source=/nothing,target=/x true",
        "DF207",
        "the stage or image `dayfly-test/base:1` has no",
    ),
    (
        "FROM localhost:1/nothing:1",
        "DF208",
        "cannot pull the image localhost:1/nothing:1",
    ),
    (
        "COPY --from=localhost:1/nothing:1 /x /srv/",
        "DF208",
        "cannot pull the image localhost:1/nothing:1",
    ),
    (
        "RUN exit 137",
        "DF205",
        "was killed (exit code 137), by the kernel because memory ran out or by",
    ),
    (
        "RUN echo 'Could not resolve host: example.org' && exit 6",
        "DF211",
        "after a network error: Could not resolve host: example.org",
    ),
    (
        "RUN echo 'port 5432 on localhost: Connection refused' && exit 2",
        "DF201",
        "the command exited with code 2",
    ),
    (
        "RUN echo 'No space left on device' && exit 1",
        "DF210",
        "no space left on a device: No space left on device",
    ),
    (
        "RUN echo x | grep 'no space left on device'",
        "DF201",
        "the command exited with code 1",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_says_what_kind_of_failure_it_is_and_where() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let base = page('a')
            .with(".dockerignore", "kept-out.txt\n")
            .with("kept-out.txt", "x");
        let pull = dayfly.open("change", &base).await?;
        for (line, code, words) in FAILING {
            let bad = dayfly.push(&pull, &base.clone().then(line)).await?;
            let preview = dayfly.failed(&pull, &bad).await?;
            let diagnosis = preview.diagnosis.clone().context("no diagnosis")?;
            let sentence = diagnosis["sentence"].as_str().unwrap_or_default();
            ensure!(
                diagnosis["code"] == code && sentence.contains(words),
                "{line}: {diagnosis}"
            );
            ensure!(sentence.contains("line 5"), "{line}: {diagnosis}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ignore_file_of_a_dockerfile_is_the_one_that_is_named() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let toml = "[services.web]\nbuild = { dockerfile = \"web.Dockerfile\" }\n";
        let dockerfile = "FROM dayfly-test/base:1\nCOPY kept-out.txt /srv/\n";
        let app = page('a')
            .with("dayfly.toml", toml)
            .with("web.Dockerfile", dockerfile)
            .with("web.Dockerfile.dockerignore", "kept-out.txt\n")
            .with(".dockerignore", "nothing-of-it\n")
            .with("kept-out.txt", "x");
        let pull = dayfly.open("change", &app).await?;
        let said = dayfly.failed(&pull, &pull.commit).await?.diagnosed();
        let words = "web.Dockerfile.dockerignore keeps it out";
        ensure!(said.contains("DF207") && said.contains(words), "{said}");
        ensure!(!said.contains(" .dockerignore"), "{said}");
        Ok(())
    })
    .await
}

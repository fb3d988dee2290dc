//! A build that fails says why, and where.

use anyhow::{Context as _, ensure};
use tests::harness::Dayfly;

use crate::builds::page;

/// Lines of a Dockerfile that fail, the code they get, and what is said about them.
const FAILING: [(&str, &str, &str); 8] = [
    ("RUN echo the-reason && exit 3", "DF201", "ended with 3"),
    ("WORKDIRR /srv", "DF206", "`WORKDIRR`"),
    (
        "COPY nothing-here /srv/",
        "DF207",
        "nothing-here is not in the build context",
    ),
    (
        "COPY kept-out.txt /srv/",
        "DF207",
        ".dockerignore keeps it out",
    ),
    (
        "FROM localhost:1/nothing:1",
        "DF208",
        "base image localhost:1/nothing:1 cannot be had",
    ),
    (
        "RUN exit 137",
        "DF205",
        "was killed, most likely for memory",
    ),
    (
        "RUN echo 'Could not resolve host: example.org' && exit 6",
        "DF211",
        "could not reach the network",
    ),
    (
        "RUN echo 'No space left on device' && exit 1",
        "DF210",
        "is full",
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

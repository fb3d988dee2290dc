//! What an ignore file keeps out of a build.

use std::{path::Path, process::Stdio};

use anyhow::{Context as _, ensure};
use harness::{App, Dayfly};
use tokio::process::Command;

/// Rules, of which some keep out the Dockerfile and the ignore file itself.
const RULES: [&str; 5] = [
    "*\n!x.txt\n",
    "**/*.txt\n!a/x.txt\nDockerfile\n",
    "# a comment\n\n/a/\n.dockerignore\n",
    "a/*\n!a/b\n./x.txt\n",
    "*.TXT\n",
];

/// A page that lists the context.
fn lists(rules: &str) -> App {
    let dockerfile = "FROM dayfly-test/base:1\nCOPY . /context\nEXPOSE 8080\n\
                      RUN mkdir /site && cd /context && find . | sort >/site/index.html\n\
                      CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/site\"]\n";
    let files = ["x.txt", "a/x.txt", "a/b/x.txt", "a/b/y.log"];
    let app = files
        .iter()
        .fold(App::page(""), |app, path| app.with(path, ""));
    app.with("Dockerfile", dockerfile)
        .with(".dockerignore", rules)
}

async fn docker(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("docker")
        .args(arguments)
        // Clients without their own BuildKit still have the older builder.
        .env("DOCKER_BUILDKIT", "0")
        .stdin(Stdio::null())
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "docker {arguments:?}: {said}");
    Ok(String::from_utf8(output.stdout)?)
}

/// What the engine's own client lists.
async fn listed_by_docker(app: &App) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    crate::local::write(folder.path(), app)?;
    let printed = docker(&["build", "--quiet", path(folder.path())?]).await?;
    let image = printed.trim();
    let listed = docker(&["run", "--rm", image, "cat", "/site/index.html"]).await;
    docker(&["rmi", "--force", image]).await?;
    listed
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_gets_the_files_that_dockers_own_client_sends() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &lists("")).await?;
        for rules in RULES {
            let app = lists(rules);
            let commit = dayfly.push(&pull, &app).await?;
            dayfly.live(&pull, &commit).await?;
            let (ours, theirs) = (visitor.text("/").await?, listed_by_docker(&app).await?);
            ensure!(ours == theirs, "{rules:?}: {ours} and not {theirs}");
        }
        Ok(())
    })
    .await
}

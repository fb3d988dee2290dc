//! Secrets of builds.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::ensure;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use harness::{Dayfly, Docker, Options, files_that_hold};

use crate::builds::page;

/// What must be found nowhere.
const CANARY: &str = "canary-5f1e0c7a9b";

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_a_build_is_found_nowhere_afterwards() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("secrets.toml");
    std::fs::write(&file, format!("[\"acme/shop\"]\nTOKEN = \"{CANARY}\"\n"))?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    let options = Options {
        top: vec![format!("secrets_file = \"{}\"", file.display())],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let toml = "[services.web]\nbuild = { secrets = [\"TOKEN\"] }\n";
        let reads = "RUN --mount=type=secret,id=TOKEN test \"$(wc -c < /run/secrets/TOKEN)\" = 17 \
                     && cat /run/secrets/TOKEN && base64 /run/secrets/TOKEN && sha256sum \
                     /run/secrets/TOKEN | tee /site/digest";
        // Not even a run before this one may have built the same: a cached step prints nothing.
        let reads = format!("{reads} && echo {}", std::process::id());
        let app = page('a').with("dayfly.toml", toml).then(&reads);
        let (pull, visitor) = dayfly.open_live("change", &app).await?;
        // The build did read it.
        ensure!(visitor.text("/digest").await?.len() > 64);
        let broken = app.then("RUN --mount=type=secret,id=TOKEN cat /run/secrets/TOKEN && exit 1");
        let bad = dayfly.push(&pull, &broken).await?;
        dayfly.failed(&pull, &bad).await?;
        let comment = dayfly.comment(&pull, "failed").await?;
        let mut places = vec![("the comment", comment), ("the log", dayfly.log())];
        for image in dayfly.docker.left().await?.images {
            let history = Docker::run(&["history", "--no-trunc", &image]).await?;
            places.push(("the history", history));
            places.push(("the image", Docker::inspect(&image).await?.to_string()));
        }
        for id in dayfly.docker.running(&pull.id).await? {
            places.push(("the container", Docker::inspect(&id).await?.to_string()));
        }
        let encoded = STANDARD.encode(CANARY);
        for (place, text) in &places {
            ensure!(!text.contains(CANARY), "{place} tells: {text}");
            ensure!(!text.contains(&encoded[..16]), "{place} tells: {text}");
        }
        let words = [CANARY.as_bytes(), &encoded.as_bytes()[..16]];
        let holding = files_that_hold(dayfly.data(), &words)?;
        ensure!(holding.is_empty(), "it is in {holding:?}");
        Ok(())
    })
    .await
}

//! Images that somebody else built, and private ones.

use anyhow::ensure;
use harness::{Dayfly, Docker, Options, Registry};

use crate::builds::{build_log, page, shown};

/// A server that knows how to log in to a registry.
fn with_logins(registry: &Registry) -> Options {
    let path = registry.logins();
    Options {
        engine: vec![format!("registry_auth_file = \"{}\"", path.display())],
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_ci_builds_is_waited_for_until_the_registry_has_it() -> anyhow::Result<()> {
    let registry = Registry::start().await?;
    registry.push("dayfly-test/base:1", "shop:staging").await?;
    Dayfly::play_with(with_logins(&registry), async |dayfly| {
        let name = registry.image("shop:pr-{number}-{sha}");
        let toml = format!(
            "[services.web]\nimage = \"{name}\"\nport = 8080\ncommand = [\"busybox\", \
             \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/usr/share\"]\n"
        );
        let pull = dayfly
            .open("change", &page('a').with("dayfly.toml", &toml))
            .await?;
        dayfly
            .comment(&pull, "is not in the registry yet; waited")
            .await?;
        let tag = format!("pr-{}-{}", pull.number.0, pull.commit);
        registry.tag("shop", "staging", &tag).await?;
        let preview = dayfly.live(&pull, &pull.commit).await?;
        ensure!(preview.services[0]["image"].is_string(), "{preview:?}");
        let log = build_log(dayfly, &pull).await?;
        ensure!(log.contains("Digest: sha256:"), "{log}");
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        // Somebody else's image is not ours to remove; it is this test's.
        Docker::run(&["image", "rm", &registry.image(&format!("shop:{tag}"))]).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_never_comes_is_given_up_with_its_name() -> anyhow::Result<()> {
    let registry = Registry::start().await?;
    let mut options = with_logins(&registry);
    options.limits = vec!["image_wait_seconds_max = 2".to_owned()];
    Dayfly::play_with(options, async |dayfly| {
        let name = registry.image("shop:{short_sha}");
        let toml = format!("[services.web]\nimage = \"{name}\"\n");
        let pull = dayfly
            .open("change", &page('a').with("dayfly.toml", &toml))
            .await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        let said = preview.diagnosed();
        let named = registry.image(&format!("shop:{}", &pull.commit.as_str()[..7]));
        ensure!(said.contains("DF214") && said.contains(&named), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_base_image_needs_the_servers_log_in_and_its_absence_is_told()
-> anyhow::Result<()> {
    let registry = Registry::start().await?;
    registry.push("dayfly-test/base:1", "base:1").await?;
    let base = registry.image("base:1");
    let app = page('a').with(
        "Dockerfile",
        &format!(
            "FROM {base}\nCOPY site /site\nEXPOSE 8080\n\
             CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/site\"]\n"
        ),
    );
    Dayfly::play(async |dayfly| {
        let pull = dayfly.open("change", &app).await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        let said = preview.diagnosed();
        ensure!(
            said.contains("DF208") && said.contains("without a log-in"),
            "{said}"
        );
        Ok(())
    })
    .await?;
    Dayfly::play_with(with_logins(&registry), async |dayfly| {
        let (_, visitor) = dayfly.open_live("change", &app).await?;
        ensure!(visitor.text("/").await? == shown('a'));
        let log = dayfly.log();
        ensure!(!log.contains("open-sesame"), "the log tells the password");
        Ok(())
    })
    .await
}

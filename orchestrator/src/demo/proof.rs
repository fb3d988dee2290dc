//! The proof that nothing is left: the results of plain docker commands.

use anyhow::Context as _;
use deploy::labels;
use tokio::process::Command;

use super::tell::Teller;

/// Lists all objects with the instance's label, and prints the commands with their results. Fails
/// if an object is left.
pub(super) async fn nothing_is_left(teller: &Teller, instance: &str) -> anyhow::Result<()> {
    let filter = format!("label={}={instance}", labels::INSTANCE);
    let questions = [
        (
            "containers",
            vec!["ps", "--all", "--quiet", "--filter", &filter],
        ),
        (
            "networks",
            vec!["network", "ls", "--quiet", "--filter", &filter],
        ),
        (
            "volumes",
            vec!["volume", "ls", "--quiet", "--filter", &filter],
        ),
        (
            "images",
            vec!["images", "--all", "--quiet", "--filter", &filter],
        ),
    ];
    let mut left = 0;
    for (what, args) in questions {
        let output = Command::new("docker")
            .args(&args)
            .output()
            .await
            .context("cannot start the docker command, which gives the proof")?;
        anyhow::ensure!(
            output.status.success(),
            "docker {} failed: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        let count = String::from_utf8_lossy(&output.stdout).lines().count();
        teller.say(&format!("  $ docker {}", args.join(" ")));
        teller.say(&format!("    {count} {what}"));
        left += count;
    }
    anyhow::ensure!(left == 0, "{left} objects are left");
    Ok(())
}

use std::process::{Command, Output};

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::ExposeSecret;
use webhook::{CloneAccess, Forge, RepoName, model::Files};

use super::support::{app, change, connect, model, shop};

async fn fetch(access: &CloneAccess, sha: &str, with_token: bool) -> (Output, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut git = Command::new("git");
    git.env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir(dir.path());
    if with_token {
        let token = access.token.as_ref().unwrap().expose_secret();
        let basic = BASE64_STANDARD.encode(format!("x-access-token:{token}"));
        git.env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "http.extraHeader")
            .env(
                "GIT_CONFIG_VALUE_0",
                format!("Authorization: Basic {basic}"),
            );
    }
    let init = Command::new("git")
        .args(["init", "-q", "--bare", "."])
        .current_dir(dir.path())
        .status()
        .unwrap();
    assert!(init.success());
    git.args(["fetch", "-q", "--depth=1", "--", &access.url, sha]);
    let output = tokio::task::spawn_blocking(move || git.output().unwrap())
        .await
        .unwrap();
    (output, dir)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_fetched_with_the_token_and_not_without() {
    let model = model().await;
    let github = connect(&model, app());
    let access = github.clone_access(&shop()).await.unwrap();
    assert!(access.expires_at.is_some());
    let sha = model.tip(&shop(), "topic").unwrap();
    let (refused, _dir) = fetch(&access, sha.as_str(), false).await;
    assert!(!refused.status.success());
    let (fetched, dir) = fetch(&access, sha.as_str(), true).await;
    assert!(fetched.status.success(), "{fetched:?}");
    let show = Command::new("git")
        .args(["show", &format!("{sha}:README")])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(show.stdout, b"two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_fetches_no_other_repository() {
    let model = model().await;
    let other = RepoName::parse("acme/secret").unwrap();
    let files = Files::from([("x".to_owned(), "y".into())]);
    model.create_repository(&other, files).await.unwrap();
    let github = connect(&model, app());
    let mut access = github.clone_access(&shop()).await.unwrap();
    access.url = format!("{}/{other}.git", model.url());
    let sha = model.tip(&other, "main").unwrap();
    let (refused, _dir) = fetch(&access, sha.as_str(), true).await;
    assert!(!refused.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_may_be_called_whatever_git_accepts() {
    let model = model().await;
    for branch in [
        "`a`id`",
        "a<script>",
        "--upload-pack=x",
        "\u{202e}evil",
        "$(id)",
    ] {
        let changes = change("README", branch);
        let pushed = model.push(&shop(), branch, "main", &changes, "Evil").await;
        let sha = pushed.unwrap();
        let number = model
            .open_pull_request(&shop(), branch, "main", "T", "mallory")
            .await
            .unwrap();
        let github = super::support::client(&model);
        let pull = github.pull_request(&shop(), number).await.unwrap();
        assert_eq!((pull.head_branch.as_str(), pull.head), (branch, sha));
    }
}

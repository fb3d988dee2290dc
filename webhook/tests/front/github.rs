use std::time::Duration;

use webhook::{
    Credential, Deployment, DeploymentState, Forge, ForgeError, PullRequestNumber,
    PullRequestState, RepoName,
    model::{Fault, Files, ModelGitHub},
};

use super::support::{app, change, client, connect, connect_within, count, model, shop};

const ONE: PullRequestNumber = PullRequestNumber(1);
const MARKER: &str = "<!-- dayfly:1 -->";

fn says(words: &str) -> String {
    format!("{MARKER}\n{words}")
}

fn deployment(model: &ModelGitHub, state: DeploymentState) -> Deployment {
    Deployment {
        preview: "shop-1".to_owned(),
        revision: 1,
        commit: model.tip(&shop(), "topic").unwrap(),
        state,
        description: "x".repeat(300),
        url: None,
    }
}

#[tokio::test]
async fn a_pull_request_is_read_as_it_is_now() {
    let model = model().await;
    let github = client(&model);
    let before = github.pull_request(&shop(), ONE).await.unwrap();
    assert_eq!(before.state, PullRequestState::Open);
    assert_eq!(before.author, "alice");
    assert!(!before.is_from_fork());
    let changes = change("README", "three");
    let sha = model
        .push(&shop(), "topic", "main", &changes, "More")
        .await
        .unwrap();
    assert_eq!(github.pull_request(&shop(), ONE).await.unwrap().head, sha);
    assert_eq!(github.pull_request(&shop(), ONE).await.unwrap().head, sha);
    let unchanged = model
        .requests()
        .iter()
        .filter(|r| r.status == Some(304))
        .count();
    assert_eq!(unchanged, 1);
    model.close(&shop(), ONE).unwrap();
    let closed = github.pull_request(&shop(), ONE).await.unwrap();
    assert_eq!(closed.state, PullRequestState::Closed);
    model.reopen(&shop(), ONE).unwrap();
    model.merge(&shop(), ONE).await.unwrap();
    let merged = github.pull_request(&shop(), ONE).await.unwrap();
    assert_eq!(merged.state, PullRequestState::Merged);
}

#[tokio::test]
async fn a_fork_and_a_deleted_fork_are_told_apart_from_our_own() {
    let model = model().await;
    let github = client(&model);
    let fork = RepoName::parse("mallory/shop").unwrap();
    for fork in [Some(&fork), None] {
        let changes = change("evil", "x");
        let number = model
            .open_fork_pull_request(&shop(), fork, "topic", &changes, "From outside")
            .await
            .unwrap();
        let pull = github.pull_request(&shop(), number).await.unwrap();
        assert!(pull.is_from_fork());
        assert_eq!(pull.head_repository.is_some(), fork.is_some());
    }
}

#[tokio::test]
async fn every_page_is_read_or_none() {
    let model = model().await;
    for n in 2..=230 {
        let title = format!("Number {n}");
        model
            .open_pull_request(&shop(), "topic", "main", &title, "alice")
            .await
            .unwrap();
    }
    let github = client(&model);
    let open = github.open_pull_requests(&shop()).await.unwrap();
    assert_eq!(open.len(), 230);
    assert_eq!(count(&model, "GET", "/pulls"), 3);
    model
        .faults()
        .next("GET /repositories/", Fault::Status(500), 1);
    let error = github.open_pull_requests(&shop()).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unavailable(_)), "{error}");
    assert_eq!(github.open_pull_requests(&shop()).await.unwrap(), open);
}

#[tokio::test]
async fn each_kind_of_fault_is_told_apart() {
    let model = model().await;
    let github = client(&model);
    type Fits = fn(&ForgeError) -> bool;
    let cases: [(Fault, Fits); 8] = [
        (Fault::Status(500), |e| {
            matches!(e, ForgeError::Unavailable(_))
        }),
        (Fault::Html, |e| matches!(e, ForgeError::Unavailable(_))),
        (Fault::Close, |e| matches!(e, ForgeError::Unavailable(_))),
        (Fault::Status(404), |e| matches!(e, ForgeError::NotFound(_))),
        (Fault::Status(401), |e| {
            matches!(e, ForgeError::Refused { .. })
        }),
        (Fault::Status(403), |e| {
            matches!(e, ForgeError::Refused { .. })
        }),
        (Fault::Status(422), |e| {
            matches!(e, ForgeError::Refused { .. })
        }),
        (
            Fault::RateLimit(9),
            |e| matches!(e, ForgeError::RateLimited { retry_after } if retry_after.as_secs() == 9),
        ),
    ];
    for (fault, fits) in cases {
        model
            .faults()
            .next("/repos/acme/shop/pulls/1", fault.clone(), 1);
        let error = github.pull_request(&shop(), ONE).await.unwrap_err();
        assert!(fits(&error), "{fault:?}: {error}");
    }
    github.pull_request(&shop(), ONE).await.unwrap();
    model.set_quota_left(0);
    let error = github.pull_request(&shop(), ONE).await.unwrap_err();
    assert!(matches!(error, ForgeError::RateLimited { retry_after }
        if retry_after > Duration::from_secs(3000)));
}

#[tokio::test]
async fn a_forge_that_does_not_answer_is_given_up() {
    let model = model().await;
    let token = Credential::Token("model-token".into());
    let github = connect_within(&model, token, Duration::from_millis(100));
    model.faults().hold();
    let error = github.pull_request(&shop(), ONE).await.unwrap_err();
    assert!(
        error.to_string().contains("no answer within 100ms"),
        "{error}"
    );
    model.faults().release();
    let patient = client(&model);
    patient.pull_request(&shop(), ONE).await.unwrap();
}

#[tokio::test]
async fn a_renamed_repository_is_found_by_its_old_name() {
    let model = model().await;
    let new = RepoName::parse("acme/store").unwrap();
    for github in [client(&model), connect(&model, app())] {
        let id = model.repository_id(&shop()).unwrap();
        github
            .keep_comment(&shop(), ONE, MARKER, &says("one"))
            .await
            .unwrap();
        if model.repository_id(&new).is_none() {
            model.rename(&shop(), &new).unwrap();
        }
        let found = github.repository(&shop()).await.unwrap();
        assert_eq!((found.id, &found.name), (id, &new));
        let pull = github.pull_request(&shop(), ONE).await.unwrap();
        assert_eq!(pull.repository.name, new);
        github
            .keep_comment(&shop(), ONE, MARKER, &says("two"))
            .await
            .unwrap();
        github.open_pull_requests(&shop()).await.unwrap();
    }
    let comments = model.comments(&new, ONE);
    assert_eq!(comments.len(), 2);
    assert!(comments.iter().all(|c| c.body.ends_with("two")));
}

#[tokio::test]
async fn one_comment_is_kept_whatever_is_forgotten() {
    let model = model().await;
    for n in 0..120 {
        model.comment_as(&shop(), ONE, "alice", &format!("chatter {n}"));
    }
    model.comment_as(&shop(), ONE, "mallory", &says("copied"));
    let ours = || {
        let mut all = model.comments(&shop(), ONE);
        all.retain(|c| c.author == "dayfly-bot");
        all
    };
    let github = client(&model);
    github
        .keep_comment(&shop(), ONE, MARKER, &says("one"))
        .await
        .unwrap();
    // A new client finds it beyond the first page.
    let github = client(&model);
    github
        .keep_comment(&shop(), ONE, MARKER, &says("two"))
        .await
        .unwrap();
    github
        .keep_comment(&shop(), ONE, MARKER, &says("two"))
        .await
        .unwrap();
    assert_eq!(ours().len(), 1);
    assert_eq!((ours()[0].body.clone(), ours()[0].edits), (says("two"), 1));
    // The record is created but the answer is lost: the next call finds it.
    model.delete_comment(&shop(), ours()[0].id);
    let create = "POST /repos/acme/shop/issues/1/comments";
    model.faults().next(create, Fault::CloseAfter, 1);
    let lost = github
        .keep_comment(&shop(), ONE, MARKER, &says("three"))
        .await;
    assert!(matches!(lost, Err(ForgeError::Unavailable(_))));
    github
        .keep_comment(&shop(), ONE, MARKER, &says("three"))
        .await
        .unwrap();
    assert_eq!(ours().len(), 1);
    let all = model.comments(&shop(), ONE);
    let copied = all.iter().find(|c| c.author == "mallory").unwrap();
    assert_eq!(copied.edits, 0);
}

#[tokio::test]
async fn two_that_keep_the_same_comment_at_once_make_one() {
    let model = model().await;
    let github = client(&model);
    let body = says("one");
    let shop = shop();
    let (a, b) = tokio::join!(
        github.keep_comment(&shop, ONE, MARKER, &body),
        github.keep_comment(&shop, ONE, MARKER, &body)
    );
    a.and(b).unwrap();
    assert_eq!(model.comments(&shop, ONE).len(), 1);
}

#[tokio::test]
async fn one_deployment_is_kept_and_all_are_deleted() {
    let model = model().await;
    let github = client(&model);
    for state in [DeploymentState::Queued, DeploymentState::InProgress] {
        let wanted = deployment(&model, state);
        github.keep_deployment(&shop(), &wanted).await.unwrap();
        github.keep_deployment(&shop(), &wanted).await.unwrap();
        // A new client finds it too.
        client(&model)
            .keep_deployment(&shop(), &wanted)
            .await
            .unwrap();
    }
    let records = model.deployments(&shop());
    assert_eq!(records.len(), 1);
    let request = &records[0].request;
    assert_eq!(request["auto_merge"], false);
    assert_eq!(request["required_contexts"], serde_json::json!([]));
    assert_eq!(request["transient_environment"], true);
    assert_eq!(request["environment"], "preview");
    let states: Vec<_> = records[0].statuses.iter().map(|s| &s["state"]).collect();
    assert_eq!(states, ["queued", "in_progress"]);
    assert!(
        records[0]
            .statuses
            .iter()
            .all(|s| s["auto_inactive"] == false)
    );
    for revision in 2..=105 {
        let wanted = Deployment {
            revision,
            ..deployment(&model, DeploymentState::Success)
        };
        github.keep_deployment(&shop(), &wanted).await.unwrap();
    }
    let other = Deployment {
        preview: "shop-2".to_owned(),
        ..deployment(&model, DeploymentState::Success)
    };
    github.keep_deployment(&shop(), &other).await.unwrap();
    github.delete_deployments(&shop(), "shop-1").await.unwrap();
    github.delete_deployments(&shop(), "shop-1").await.unwrap();
    let left = model.deployments(&shop());
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].request["payload"]["dayfly"]["preview"], "shop-2");
}

#[tokio::test]
async fn a_commit_is_marked_once_per_change() {
    let model = model().await;
    let github = client(&model);
    let sha = model.tip(&shop(), "topic").unwrap();
    let long = "y".repeat(200);
    for state in [
        DeploymentState::Queued,
        DeploymentState::Success,
        DeploymentState::Success,
    ] {
        let url = Some("http://pr-1--shop.localhost");
        github
            .set_commit_status(&shop(), &sha, state, &long, url)
            .await
            .unwrap();
    }
    let marks = model.commit_statuses(&shop());
    let states: Vec<_> = marks.iter().map(|m| m.state.as_str()).collect();
    assert_eq!(states, ["pending", "success"]);
    assert!(
        marks
            .iter()
            .all(|m| m.context == "dayfly" && m.description.len() == 140)
    );
}

#[tokio::test]
async fn an_app_makes_one_token_per_repository_and_renews_it() {
    let model = model().await;
    let github = connect(&model, app());
    let shop = shop();
    let (a, b) = tokio::join!(
        github.pull_request(&shop, ONE),
        github.open_pull_requests(&shop)
    );
    a.unwrap();
    b.unwrap();
    // One to look up the repository, one for requests about it.
    assert_eq!(count(&model, "POST", "access_tokens"), 2);
    github
        .keep_comment(&shop, ONE, MARKER, &says("one"))
        .await
        .unwrap();
    connect(&model, app())
        .keep_comment(&shop, ONE, MARKER, &says("two"))
        .await
        .unwrap();
    let comments = model.comments(&shop, ONE);
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0].author, "dayfly[bot]");
    model.advance_clock(Duration::from_secs(2 * 60 * 60));
    github.pull_request(&shop, ONE).await.unwrap();
}

#[tokio::test]
async fn an_app_sees_all_repositories_of_its_installations() {
    let model = model().await;
    for n in 0..104 {
        let name = RepoName::parse(&format!("acme/r{n}")).unwrap();
        let files = Files::from([("x".to_owned(), "y".into())]);
        model.create_repository(&name, files).await.unwrap();
    }
    let found = connect(&model, app()).repositories().await.unwrap();
    assert_eq!(found.len(), 105);
    let configured = client(&model).repositories().await.unwrap();
    assert_eq!(configured.len(), 1);
    assert_eq!(configured[0].name, shop());
}

//! A control plane around the simulated host, for tests of the API.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Body, response::Response};
use deploy::{
    fake::{AppScript, FakeEngine},
    source::{Mirrors, archive_checkout},
};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use proxy::table::{Activity, RouteTable};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use webhook::{
    CloneAccess, Deployment, DeploymentState, Forge, ForgeError, PullRequest, PullRequestNumber,
    PullRequestState, RepoName, Repository, RepositoryId,
};

use super::{ApiState, router};
use crate::{
    backup::Backups,
    config::{Limits, LinkKey, Settings},
    inputs::{secrets::SecretsFile, sources::GitSources},
    routes::{RouteSwitch, Routes},
    store::Store,
    worker::{AdmissionQueue, BuildQueue, Ports, StateBoard, Workers},
};

/// Time limit after which a test fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// A proxy that accepts every table and never has a request in flight.
#[derive(Default)]
struct IdleProxy {
    table: Mutex<RouteTable>,
}

#[async_trait]
impl RouteSwitch for IdleProxy {
    async fn put_table(&self, table: &RouteTable) -> Result<(), String> {
        *self.table.lock().unwrap() = table.clone();
        Ok(())
    }

    async fn drain(&self, _key: &str, _deadline: Duration) -> Result<(), String> {
        Ok(())
    }

    async fn activity(&self) -> Result<Activity, String> {
        Ok(Activity::default())
    }
}

/// A forge with one repository, `acme/shop`, and one pull request, #1.
pub(super) struct OnePull {
    pub(super) pull: Mutex<PullRequest>,
}

impl OnePull {
    fn new() -> Self {
        let id = RepositoryId(7);
        let name = RepoName::parse("acme/shop").unwrap();
        Self {
            pull: Mutex::new(PullRequest {
                repository: Repository { id, name },
                number: PullRequestNumber(1),
                state: PullRequestState::Open,
                head: webhook::CommitSha::parse(&"a".repeat(40)).unwrap(),
                head_branch: "change".to_owned(),
                head_repository: Some(id),
                base_branch: "main".to_owned(),
                draft: false,
                author: "ann".to_owned(),
                title: "A change".to_owned(),
            }),
        }
    }

    fn pull(&self) -> PullRequest {
        self.pull.lock().unwrap().clone()
    }
}

#[async_trait]
impl Forge for OnePull {
    async fn repositories(&self) -> Result<Vec<Repository>, ForgeError> {
        Ok(vec![self.pull().repository])
    }

    async fn repository(&self, repo: &RepoName) -> Result<Repository, ForgeError> {
        let known = self.pull().repository;
        if *repo == known.name {
            return Ok(known);
        }
        Err(ForgeError::NotFound(repo.to_string()))
    }

    async fn pull_request(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
    ) -> Result<PullRequest, ForgeError> {
        self.repository(repo).await?;
        if number == self.pull().number {
            return Ok(self.pull());
        }
        Err(ForgeError::NotFound(number.to_string()))
    }

    async fn open_pull_requests(&self, _: &RepoName) -> Result<Vec<PullRequest>, ForgeError> {
        Ok(vec![self.pull()])
    }

    async fn keep_comment(
        &self,
        _: &RepoName,
        _: PullRequestNumber,
        _: &str,
        _: &str,
    ) -> Result<(), ForgeError> {
        Ok(())
    }

    async fn keep_deployment(&self, _: &RepoName, _: &Deployment) -> Result<(), ForgeError> {
        Ok(())
    }

    async fn delete_deployments(&self, _: &RepoName, _: &str) -> Result<(), ForgeError> {
        Ok(())
    }

    async fn set_commit_status(
        &self,
        _: &RepoName,
        _: &webhook::CommitSha,
        _: DeploymentState,
        _: &str,
        _: Option<&str>,
    ) -> Result<(), ForgeError> {
        Ok(())
    }

    async fn clone_access(&self, repo: &RepoName) -> Result<CloneAccess, ForgeError> {
        Err(ForgeError::NotFound(repo.to_string()))
    }
}

/// A running control plane.
pub(super) struct Bench {
    pub(super) folder: TempDir,
    pub(super) engine: FakeEngine,
    pub(super) forge: Arc<OnePull>,
    pub(super) state: ApiState,
    router: Router,
    proxy: Arc<IdleProxy>,
}

impl Bench {
    pub(super) fn new(app: AppScript) -> Self {
        Self::at("localhost", app)
    }

    /// With previews below this domain.
    pub(super) fn at(domain: &str, app: AppScript) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("dayfly.db")).unwrap();
        let engine = FakeEngine::new(store.instance());
        engine.takes_no_time();
        engine.app_by_default(app);
        let forge = Arc::new(OnePull::new());
        let mirrors = Arc::new(Mirrors::new(folder.path().join("mirrors")));
        let settings = Settings {
            domain: domain.to_owned(),
            control_host: format!("dayfly.{domain}"),
            public_scheme: "http".to_owned(),
            public_port: 8080,
            repositories: Vec::new(),
            logs: folder.path().join("logs"),
            link_key: LinkKey::make(folder.path()).unwrap(),
            limits: Limits::default(),
        };
        let sources = GitSources {
            mirrors: Arc::clone(&mirrors),
            forge: None,
            allow_insecure_clone: false,
            submodules: Vec::new(),
        };
        let proxy = Arc::new(IdleProxy::default());
        let ports = Ports {
            store,
            engine: Arc::new(engine.clone()),
            builder: Arc::new(engine.clone()),
            databases: Arc::new(engine.clone()),
            data_access: Arc::new(engine.clone()),
            forge: Some(Arc::clone(&forge) as _),
            sources: Arc::new(sources),
            routes: Routes::new(settings.clone(), Arc::clone(&proxy) as _),
            admission: AdmissionQueue::new(settings.limits.previews_awake_max),
            board: StateBoard::default(),
            builds: BuildQueue::new(settings.limits.builds_max),
            seed_progress: Arc::default(),
            start_progress: Arc::default(),
            secrets: SecretsFile::default(),
            disk_is_full: Default::default(),
            settings,
        };
        let ports = Arc::new(ports);
        let backups = Backups::new(
            Arc::clone(&ports),
            Arc::clone(&mirrors),
            folder.path().to_owned(),
        );
        let state = ApiState {
            workers: Workers::new(ports),
            mirrors,
            backups: Arc::new(backups),
            shutdown: CancellationToken::new(),
            stop_proxy: Arc::default(),
            listen: Vec::new(),
        };
        Self {
            folder,
            engine,
            forge,
            router: router(state.clone()),
            state,
            proxy,
        }
    }

    /// The last table that the proxy took.
    pub(super) fn table(&self) -> RouteTable {
        self.proxy.table.lock().unwrap().clone()
    }

    pub(super) fn router(&self) -> Router {
        self.router.clone()
    }

    pub(super) async fn raw(&self, method: Method, path: &str, body: Body) -> Response {
        let json = "application/json";
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", json).body(body).unwrap();
        let answer = self.router.clone().oneshot(request);
        tokio::time::timeout(DEADLINE, answer)
            .await
            .unwrap()
            .unwrap()
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: Body) -> (StatusCode, Value) {
        let response = self.raw(method, path, body).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, Body::empty()).await
    }

    /// The whole text of an answer that ends on its own.
    pub(super) async fn text(&self, path: &str) -> String {
        let response = self.raw(Method::GET, path, Body::empty()).await;
        let all = tokio::time::timeout(DEADLINE, response.into_body().collect());
        let bytes = all.await.unwrap().unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// The message of an answer that must be an error.
    pub(super) async fn problem(&self, method: Method, path: &str, body: &str) -> (u16, String) {
        let response = self.raw(method, path, Body::from(body.to_owned())).await;
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let problem: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(problem["status"], status);
        (status, problem["detail"].as_str().unwrap().to_owned())
    }

    /// Sends a checkout with this Dockerfile.
    pub(super) async fn put(
        &self,
        slug: &str,
        folder: &str,
        dockerfile: &str,
    ) -> (StatusCode, Value) {
        let files = [("Dockerfile", dockerfile)];
        self.put_files(slug, folder, &files).await
    }

    /// Sends a checkout with these files.
    pub(super) async fn put_files(
        &self,
        slug: &str,
        folder: &str,
        files: &[(&str, &str)],
    ) -> (StatusCode, Value) {
        let checkout = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(checkout.path().join(name), content).unwrap();
        }
        let mut archive = Vec::new();
        archive_checkout(checkout.path(), &mut archive).unwrap();
        let path = format!("/api/v1/local/{slug}?folder={folder}&branch=main");
        self.call(Method::PUT, &path, Body::from(archive)).await
    }

    /// The preview, once it is in this phase.
    pub(super) async fn until(&self, id: &str, phase: &str) -> Value {
        let reach = async {
            loop {
                let path = format!("/api/v1/previews/{id}/wait?seconds=1");
                let (_, preview) = self.get(&path).await;
                if preview["phase"] == phase {
                    return preview;
                }
            }
        };
        tokio::time::timeout(DEADLINE, reach).await.unwrap()
    }
}

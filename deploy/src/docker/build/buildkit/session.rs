//! The session: answers the requests that a builder may send during a build, and no others.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use bollard_buildkit_proto::{
    health::{
        HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
        health_check_response::ServingStatus,
        health_server::{Health, HealthServer},
    },
    moby::{
        buildkit::secrets::v1::{
            GetSecretRequest, GetSecretResponse,
            secrets_server::{Secrets, SecretsServer},
        },
        filesync::{
            packet::file_sync_server::FileSyncServer,
            v1::{
                CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
                GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
                VerifyTokenAuthorityResponse,
                auth_server::{Auth, AuthServer},
            },
        },
    },
};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::body::Incoming;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, body::Body, codegen::Service as _};

use super::files::{Files, Sent};
use crate::{
    docker::{
        build::registries::Registries,
        transport::{UpgradeError, upgrade},
    },
    random,
    source::Context,
};

/// The supported methods; the session announces them when it opens.
const METHODS: [&str; 4] = [
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/grpc.health.v1.Health/Check",
];

/// Everything that one build may read.
pub(crate) struct Offer {
    /// Its files.
    pub(crate) context: Context,
    /// Counts the files and bytes that are sent.
    pub(crate) sent: Arc<Sent>,
    /// Its secrets by id, kept in memory alone.
    pub(crate) secrets: BTreeMap<String, SecretString>,
    /// Log-ins for registries.
    pub(crate) registries: Arc<Registries>,
    /// Builds with the same key share the builder's copy of the context.
    pub(crate) shared_key: String,
}

/// Opens a session and serves it until `cut` is cancelled. Returns the session's id for the
/// builder.
pub(super) async fn open(
    socket: &std::path::Path,
    cut: CancellationToken,
    offer: Offer,
) -> Result<String, UpgradeError> {
    let id = random::hex::<16>().map_err(|error| UpgradeError::Unreachable(error.to_string()))?;
    let headers = headers(&id, &offer.shared_key);
    let connection = upgrade(socket, cut, "/session", headers).await?;
    let answers = Answers {
        files: FileSyncServer::new(Files::new(offer.context, offer.sent)),
        secrets: SecretsServer::new(Keeper(offer.secrets)),
        credentials: AuthServer::new(Porter(offer.registries)),
        health: HealthServer::new(Alive),
    };
    let service = hyper::service::service_fn(move |request| answers.clone().answer(request));
    tokio::spawn(async move {
        let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(connection, service)
            .await;
        if let Err(error) = served {
            tracing::trace!(%error, "a session with the builder ended early");
        }
    });
    Ok(id)
}

fn headers(id: &str, shared_key: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        // Ids, digests and our own constants are always valid header values.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    };
    set("x-docker-expose-session-uuid", id);
    set("x-docker-expose-session-name", "dayfly");
    set("x-docker-expose-session-sharedkey", shared_key);
    for method in METHODS {
        set("x-docker-expose-session-grpc-method", method);
    }
    headers
}

#[derive(Clone)]
struct Answers {
    files: FileSyncServer<Files>,
    secrets: SecretsServer<Keeper>,
    credentials: AuthServer<Porter>,
    health: HealthServer<Alive>,
}

impl Answers {
    async fn answer(
        mut self,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<Body>, Infallible> {
        let request = request.map(Body::new);
        let path = request.uri().path();
        let service = path.trim_start_matches('/').split('/').next();
        match service.unwrap_or_default() {
            "moby.filesync.v1.FileSync" => self.files.call(request).await,
            "moby.filesync.v1.Auth" => self.credentials.call(request).await,
            "moby.buildkit.secrets.v1.Secrets" => self.secrets.call(request).await,
            "grpc.health.v1.Health" => self.health.call(request).await,
            _ => Ok(Status::unimplemented("not offered").into_http()),
        }
    }
}

/// Serves the secrets of the build, by their ids.
struct Keeper(BTreeMap<String, SecretString>);

#[tonic::async_trait]
impl Secrets for Keeper {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        match self.0.get(&id) {
            Some(secret) => Ok(Response::new(GetSecretResponse {
                data: secret.expose_secret().as_bytes().to_vec(),
            })),
            None => Err(Status::not_found(format!(
                "this build has no secret {id:?}"
            ))),
        }
    }
}

/// Serves the registry credentials from the server's configuration.
struct Porter(Arc<Registries>);

#[tonic::async_trait]
impl Auth for Porter {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let host = request.into_inner().host;
        // An empty answer makes the builder pull without credentials.
        let answer = self
            .0
            .of(&host)
            .map_or_else(Default::default, |login| CredentialsResponse {
                username: login.username.clone(),
                secret: login.password.expose_secret().to_owned(),
            });
        Ok(Response::new(answer))
    }

    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("not offered"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("not offered"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("not offered"))
    }
}

/// The health service: a builder ends a session that does not report itself healthy.
struct Alive;

fn serving() -> HealthCheckResponse {
    HealthCheckResponse {
        status: ServingStatus::Serving.into(),
    }
}

#[tonic::async_trait]
impl Health for Alive {
    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(serving()))
    }

    async fn list(
        &self,
        _: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("not offered"))
    }

    type WatchStream = stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not offered"))
    }
}

//! Handles one request from its head to its response.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use hyper::{
    body::Incoming,
    upgrade::{self, OnUpgrade},
};

use crate::{
    Limits, cookies, gate,
    gate_client::{Decision, Gate},
    head::{self, Refusal},
    headers::{self, Visitor},
    key::InFlight,
    lease::Lease,
    motion::Motion,
    pages::{Head, Page},
    pool::Target,
    preflight,
    reply::{ReplyBody, Streamed},
    request_body::RequestBody,
    routing::{Entry, Found, Routing, Upstream},
    tunnel::tunnel,
    upstream::{SendError, send},
    wire::{LargeHead, TunnelFlag},
};

/// State that all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) routing: Routing,
    pub(crate) gate: Gate,
    pub(crate) limits: Limits,
    pub(crate) scheme: HeaderValue,
}

/// State that the requests of one connection share.
pub(crate) struct Caller {
    pub(crate) visitor: Visitor,
    pub(crate) tunnel: TunnelFlag,
    pub(crate) motion: Arc<Motion>,
    /// Number of heads received so far.
    pub(crate) heads: AtomicU64,
    pub(crate) large_head: LargeHead,
}

/// Serves one request of a visitor.
pub(crate) async fn forward(
    shared: &Shared,
    caller: &Caller,
    request: Request<Incoming>,
) -> Response<ReplyBody> {
    let (head, body) = request.into_parts();
    let navigation = headers::is_navigation(&head.method, &head.headers);
    let refuse = |page: Page| {
        tracing::debug!(?page, "refused a request");
        page.answer(navigation)
    };
    let number = caller.heads.fetch_add(1, Ordering::Relaxed) + 1;
    if caller.large_head.is(number) {
        return refuse(Page::HeadTooLarge(Head::of(&shared.limits)));
    }
    // From here on, dropping the body reads it to its end.
    let motion = Arc::clone(&caller.motion);
    let body = RequestBody::new(body, &head.headers, motion, shared.limits.stall);
    let request = Request::from_parts(head, body);
    let mut buffer = head::host_buffer();
    let found = match head::check(&request, &mut buffer) {
        Ok(host) => shared.routing.admit(host),
        Err(Refusal::Method) => return refuse(Page::Method),
        Err(Refusal::Malformed(why)) => return refuse(Page::Malformed(why)),
    };
    let (entry, counted) = match found {
        Found::Route(entry, counted) => (entry, counted),
        Found::Nothing => return refuse(Page::Unknown),
        Found::NoTable => return refuse(Page::Away),
    };
    let exchange = Exchange {
        shared,
        caller,
        entry,
        navigation,
    };
    exchange
        .serve(request, counted)
        .await
        .unwrap_or_else(refuse)
}

/// One request under its route.
struct Exchange<'a> {
    shared: &'a Shared,
    caller: &'a Caller,
    entry: Arc<Entry>,
    navigation: bool,
}

type Reply = Result<Response<ReplyBody>, Page>;

impl Exchange<'_> {
    async fn serve(&self, request: Request<RequestBody>, counted: InFlight) -> Reply {
        if self.is_preflight(&request) {
            return Ok(self.preflight(&request).await);
        }
        let (address, counted) = match &self.entry.upstream {
            Upstream::ControlPlane(target) => return self.control(target, request, counted).await,
            Upstream::Address(target) => match self.why_ask(&request) {
                None => (target.clone(), counted),
                Some(reason) => {
                    drop(counted);
                    match self.ask_gate(reason, &request).await? {
                        Asked::Forward(target) => (target, self.entry.key.count_request()),
                        Asked::Answer(answer) => return Ok(*answer),
                    }
                }
            },
            Upstream::Ask => {
                let reason = self.why_ask(&request).unwrap_or(gate::REASON_ASK);
                // Held requests do not count as in flight: a drain may be what they wait for.
                drop(counted);
                match self.ask_gate(reason, &request).await? {
                    Asked::Forward(target) => (target, self.entry.key.count_request()),
                    Asked::Answer(answer) => return Ok(*answer),
                }
            }
        };
        self.entry.key.touch();
        self.upstream(address, request, counted).await
    }

    /// Why this request needs the Gate although its route has an upstream.
    fn why_ask(&self, request: &Request<RequestBody>) -> Option<&'static str> {
        if request.uri().path().starts_with(gate::PATH_PREFIX) {
            Some(gate::REASON_PATH)
        } else if !self.entry.allows(self.sessions(request)) {
            Some(gate::REASON_ACCESS)
        } else {
            None
        }
    }

    /// The values of the session cookies that a request carries.
    fn sessions<'r>(&self, request: &'r Request<RequestBody>) -> impl Iterator<Item = &'r str> {
        cookies::sessions(request.headers(), self.caller.visitor.cookie)
    }

    /// Whether this is a CORS preflight without a session, from a page of the same application.
    fn is_preflight(&self, request: &Request<RequestBody>) -> bool {
        let host = preflight::asking_host(request.method(), request.headers());
        host.is_some_and(|host| {
            self.why_ask(request) == Some(gate::REASON_ACCESS)
                && self.shared.routing.is_of_group(host.as_str(), &self.entry)
        })
    }

    /// Passes a CORS preflight on. It does not count as a visit and never reaches the Gate, which
    /// could wake the preview.
    async fn preflight(&self, request: &Request<RequestBody>) -> Response<ReplyBody> {
        let Shared { limits, .. } = self.shared;
        let question = preflight::question(request, &self.caller.visitor);
        let answered = match &self.entry.upstream {
            Upstream::Address(target) => {
                let key = &self.entry.key;
                let sent = send(key, target, question, limits.upstream_head, limits).await;
                sent.map_err(|error| self.page(error))
            }
            Upstream::Ask | Upstream::ControlPlane(_) => Err(Page::NotReady),
        };
        match answered {
            Ok((response, _)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                Page::Broken.answer(false)
            }
            Ok((response, lease)) => {
                let answer = preflight::answer(&response);
                lease.give_back_if_whole(response.body());
                answer
            }
            Err(page) => {
                let mut answer = page.answer(false);
                let origin = request.headers().get(header::ORIGIN);
                preflight::let_read(&mut answer, origin.cloned());
                answer
            }
        }
    }

    async fn ask_gate(
        &self,
        reason: &'static str,
        request: &Request<RequestBody>,
    ) -> Result<Asked, Page> {
        self.ask_about(reason, request.method(), request.uri(), request.headers())
            .await
    }

    async fn ask_about(
        &self,
        reason: &'static str,
        method: &Method,
        uri: &Uri,
        headers: &http::HeaderMap,
    ) -> Result<Asked, Page> {
        let Shared { gate, limits, .. } = self.shared;
        let headers = headers::for_gate(headers, &self.caller.visitor, &self.entry.host, reason);
        match gate
            .ask_gate(method.clone(), headers::origin_form(uri), headers, limits)
            .await
        {
            Decision::Forward(to) => Ok(Asked::Forward(Target::Tcp(to))),
            Decision::Answer(response, lease) => Ok(Asked::Answer(Box::new(
                self.control_answer(response, lease, None),
            ))),
            Decision::Held => Err(Page::Held),
            Decision::Away => Err(Page::Away),
        }
    }

    /// Sends the whole request to the control plane.
    async fn control(
        &self,
        target: &Target,
        mut request: Request<RequestBody>,
        counted: InFlight,
    ) -> Reply {
        self.entry.key.touch();
        let websocket = self.take_upgrade(&mut request);
        let (mut head, body) = request.into_parts();
        headers::for_control(&mut head.headers, &self.caller.visitor, &self.entry.host);
        let request = outgoing(head, body, websocket.is_some());
        let Shared { limits, .. } = self.shared;
        match send(
            &self.entry.key,
            target,
            request,
            limits.upstream_head,
            limits,
        )
        .await
        {
            Ok((response, _lease)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                self.switch(response, websocket, counted)
            }
            Ok((response, lease)) => Ok(self.control_answer(response, lease, Some(counted))),
            Err(error) => Err(match self.page(error) {
                Page::Unreachable | Page::Broken => Page::Away,
                page => page,
            }),
        }
    }

    /// Sends the request to an upstream. If that refuses the connection, a navigation is put to the
    /// Gate, which may know another upstream or has a page that explains.
    async fn upstream(
        &self,
        target: Target,
        mut request: Request<RequestBody>,
        counted: InFlight,
    ) -> Reply {
        let websocket = self.take_upgrade(&mut request);
        let (mut head, body) = request.into_parts();
        headers::for_upstream(&mut head.headers, &self.caller.visitor);
        let request = outgoing(head, body, websocket.is_some());
        let Shared { limits, .. } = self.shared;
        let key = &self.entry.key;
        let sent = match send(key, &target, request, limits.upstream_head, limits).await {
            Err(SendError::Connect(request, error)) if self.navigation => {
                tracing::debug!(?target, %error, "the upstream did not accept a connection");
                let (method, uri) = (request.method(), request.uri());
                let asked = self
                    .ask_about(gate::REASON_UNREACHABLE, method, uri, request.headers())
                    .await;
                match asked {
                    Ok(Asked::Forward(other)) => {
                        send(key, &other, *request, limits.upstream_head, limits).await
                    }
                    Ok(Asked::Answer(answer)) => return Ok(*answer),
                    Err(_away) => return Err(Page::Unreachable),
                }
            }
            sent => sent,
        };
        let (mut response, lease) = sent.map_err(|error| self.page(error))?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.switch(response, websocket, counted);
        }
        headers::from_upstream(response.headers_mut(), &self.entry.host);
        Ok(response.map(|b| ReplyBody::Streamed(Streamed::new(b, lease, Some(counted)))))
    }

    /// The visitor's half of a tunnel, if the request asks for a WebSocket.
    fn take_upgrade(&self, request: &mut Request<RequestBody>) -> Option<OnUpgrade> {
        headers::wants_websocket(request).then(|| upgrade::on(request))
    }

    /// The upstream has switched protocols: switch too, if the visitor asked for it.
    fn switch(
        &self,
        mut response: Response<Incoming>,
        visitor: Option<OnUpgrade>,
        counted: InFlight,
    ) -> Reply {
        let Some(visitor) = visitor.filter(|_| headers::is_websocket_switch(response.headers()))
        else {
            return Err(Page::Broken);
        };
        let upstream = upgrade::on(&mut response);
        let key = &self.entry.key;
        let (stream, cut, idle) = (
            key.count_stream(),
            key.cut_token(),
            self.shared.limits.stream_idle,
        );
        drop(counted);
        self.caller.tunnel.raise();
        tokio::spawn(tunnel(visitor, upstream, stream, cut, idle));
        headers::from_upstream(response.headers_mut(), &self.entry.host);
        headers::insert_websocket(response.headers_mut());
        Ok(response.map(|_none| ReplyBody::empty()))
    }

    fn control_answer(
        &self,
        mut response: Response<Incoming>,
        lease: Lease,
        counted: Option<InFlight>,
    ) -> Response<ReplyBody> {
        headers::from_control(response.headers_mut());
        response.map(|body| ReplyBody::Streamed(Streamed::new(body, lease, counted)))
    }

    fn page(&self, error: SendError) -> Page {
        tracing::debug!(%error, host = %self.entry.host, "the upstream did not answer");
        match error {
            SendError::Connect(..) => Page::Unreachable,
            SendError::Late(limit) => Page::Late(limit),
            SendError::Visitor(_) => Page::Malformed("the request body is incomplete or malformed"),
            SendError::Still(limit) => Page::Still(limit),
            SendError::TooLarge(_) => Page::AnswerTooLarge(Head::of(&self.shared.limits)),
            SendError::Broken(_) => Page::Broken,
        }
    }
}

enum Asked {
    Forward(Target),
    Answer(Box<Response<ReplyBody>>),
}

fn outgoing(
    head: http::request::Parts,
    body: RequestBody,
    websocket: bool,
) -> Request<RequestBody> {
    let mut request = Request::new(body);
    *request.method_mut() = head.method;
    *request.uri_mut() = headers::origin_form(&head.uri);
    *request.headers_mut() = head.headers;
    if websocket {
        headers::insert_websocket(request.headers_mut());
    }
    request
}

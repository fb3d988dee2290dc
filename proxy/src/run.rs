//! Runs the proxy as a separate process.

use std::{env, path::PathBuf};

use tokio::signal::unix::{SignalKind, signal};

use crate::{ProxyConfig, ProxyError, bound::Bound, privilege, serve};

/// Runs the proxy until it is stopped over the control socket or by SIGTERM or SIGINT.
///
/// The order matters. It closes inherited files, binds as the user that started it, and enters the
/// directory for good, because the new user may be unable to traverse its parents. Then it gives up
/// root, and only then starts a runtime. Call it before any thread starts, in a dedicated process.
pub fn run(config: ProxyConfig) -> Result<(), ProxyError> {
    let user = privilege::target(config.run_as)?;
    privilege::close_inherited()?;
    let dir = &config.dir;
    env::set_current_dir(dir).map_err(|cause| ProxyError::Directory {
        path: dir.clone(),
        cause,
    })?;
    let here = PathBuf::from(".");
    let bound = Bound::bind(&config, &here)?;
    privilege::give_up(user)?;
    privilege::raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(ProxyError::Runtime)?;
    runtime.block_on(until_stopped(
        ProxyConfig {
            dir: here,
            ..config
        },
        bound,
    ))
}

async fn until_stopped(config: ProxyConfig, bound: Bound) -> Result<(), ProxyError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ProxyError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ProxyError::Runtime)?;
    let running = serve::start(config, bound)?;
    tracing::info!(listen = ?running.listen(), "the proxy is serving");
    tokio::select! {
        () = running.stopped() => {}
        _signal = terminate.recv() => running.stop(),
        _signal = interrupt.recv() => running.stop(),
    }
    running.stopped().await;
    tracing::info!("the proxy has stopped");
    Ok(())
}

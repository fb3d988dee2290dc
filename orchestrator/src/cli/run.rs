//! From the words of the command line to an exit code.

use std::{io::IsTerminal as _, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::Parser as _;
use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;

use super::{
    args::{Arguments, Command, Shared},
    call::Caller,
    output::{Output, tell_error},
};

/// Time limit at exit for threads whose results are not needed.
const THREADS_END_MAX: Duration = Duration::from_secs(10);

/// Runs the command. The proxy runs before any thread exists: it drops its privileges, which the
/// kernel does per thread.
pub fn main() -> ExitCode {
    let Arguments { shared, command } = Arguments::parse();
    let done = match command {
        Command::Proxy(proxy) => {
            begin_log("info");
            proxy.run().map(|()| ExitCode::SUCCESS)
        }
        command => in_runtime(shared, command),
    };
    match done {
        Ok(code) => code,
        // The reader of our output closed it, such as `head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            tell_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn in_runtime(shared: Shared, command: Command) -> anyhow::Result<ExitCode> {
    ::proxy::install_crypto();
    begin_log(match command {
        Command::Serve(_) => "info",
        _ => "warn",
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?;
    run_to_end(runtime, dispatch(shared, command), THREADS_END_MAX)
}

/// Runs `main`, and then waits for threads that still work, such as one that reads a large seed for
/// a cancelled step. After `end_max` it abandons them, as a crash would.
fn run_to_end<T>(runtime: Runtime, main: impl Future<Output = T>, end_max: Duration) -> T {
    let ended = runtime.block_on(main);
    runtime.shutdown_timeout(end_max);
    ended
}

async fn dispatch(shared: Shared, command: Command) -> anyhow::Result<ExitCode> {
    let output = Output::new();
    if let Command::Serve(serve) = command {
        serve.run(shared.data).await.context("failed to serve")?;
        return Ok(ExitCode::SUCCESS);
    }
    #[cfg(feature = "demo")]
    if let Command::Demo = command {
        super::demo::run()
            .await
            .context("failed to show the demo")?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Restore(restore) = command {
        restore.run(shared.data, output).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Config(config) = command {
        return config.run(output).await;
    }
    let caller = Caller::new(shared.data, output)?;
    match command {
        Command::Up(up) => return up.run(&caller).await,
        Command::Doctor(doctor) => return doctor.run(&caller).await,
        Command::Rm(remove) => return remove.run(&caller).await,
        Command::Fork(fork) => return fork.run(&caller).await,
        Command::Capture(capture) => return capture.run(&caller).await,
        Command::Undo(undo) => return undo.run(&caller).await,
        Command::ResetDb(reset) => return reset.run(&caller).await,
        Command::Db(db) => return db.run(&caller).await,
        Command::DbUrl(url) => return url.run(&caller).await,
        Command::Snapshot(snapshot) => return snapshot.run(&caller).await,
        Command::Ls(list) => list.run(&caller).await?,
        Command::Show(show) => show.run(&caller).await?,
        Command::Logs(logs) => logs.run(&caller).await?,
        Command::Relink(relink) => relink.run(&caller).await?,
        Command::Down(down) => down.run(&caller).await?,
        Command::Backup(backup) => backup.run(&caller).await?,
        Command::Serve(_) | Command::Config(_) | Command::Restore(_) | Command::Proxy(_) => {}
        #[cfg(feature = "demo")]
        Command::Demo => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Logs go to standard error: text for people, JSON lines with `DAYFLY_LOG_FORMAT=json`.
fn begin_log(default: &str) {
    let filter = EnvFilter::try_from_env("DAYFLY_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("{default},octocrab=off")));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // The complaint about a line that cannot be written would go to the same full disk, and panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // An error only means that another subscriber already takes the log.
    let _taken = if std::env::var("DAYFLY_LOG_FORMAT").is_ok_and(|format| format == "json") {
        log.json().flatten_event(true).try_init()
    } else {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        log.with_ansi(colour).try_init()
    };
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_thread_that_does_not_end_does_not_hold_the_process() {
        let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        let (begins, begun) = channel();
        let (ends, ended) = channel::<()>();
        let main = async move {
            tokio::task::spawn_blocking(move || {
                begins.send(()).unwrap();
                ended.recv()
            });
            begun.recv().unwrap();
            "the answer"
        };
        let answer = run_to_end(runtime, main, Duration::from_millis(1));
        assert_eq!(answer, "the answer");
        drop(ends);
    }
}

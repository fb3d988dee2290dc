//! `dayfly logs`.

use anyhow::Context as _;
use clap::Args;
use deploy::names::PreviewId;
use futures_util::{Stream, StreamExt as _};

use super::call::{Caller, path};
use crate::api::client::{ClientError, quoted};

/// Longer lines are split here, in bytes.
const LINE_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct Logs {
    /// ID of the preview, as `dayfly ls` prints it
    id: PreviewId,
    /// Service or database [default: all services, or all databases with --migrations]
    #[arg(value_name = "NAME")]
    service: Option<String>,
    /// Print new lines as they arrive
    #[arg(long, short)]
    follow: bool,
    /// Print the output of builds instead of services
    #[arg(long)]
    build: bool,
    /// Print the output of the last migrations, and the tables that they locked or rewrote
    #[arg(long, conflicts_with_all = ["build", "follow"])]
    migrations: bool,
    /// Print the output of the newest failed commit's services, even if an older commit serves
    #[arg(long, conflicts_with_all = ["build", "follow", "migrations"])]
    failed: bool,
    /// Print only the last LINES lines of the output so far
    #[arg(long, short = 'n', value_name = "LINES")]
    tail: Option<usize>,
}

impl Logs {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let doing = || format!("failed to read the logs of {}", self.id);
        let pieces = caller
            .client
            .stream(&self.query())
            .await
            .with_context(doing)?;
        each_line(pieces, |line| caller.output.log_line(line))
            .await
            .with_context(doing)
    }

    fn query(&self) -> String {
        let mut query = format!(
            "{}/logs?follow={}&build={}&migrations={}&failed={}",
            path(&self.id),
            self.follow,
            self.build,
            self.migrations,
            self.failed
        );
        if let Some(tail) = self.tail {
            query.push_str(&format!("&tail={tail}"));
        }
        if let Some(service) = &self.service {
            query.push_str(&format!("&service={}", quoted(service)));
        }
        query
    }
}

/// Passes whole lines of a stream to `take`.
pub(super) async fn each_line(
    pieces: impl Stream<Item = Result<bytes::Bytes, ClientError>>,
    mut take: impl FnMut(&str) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let mut pieces = std::pin::pin!(pieces);
    let mut rest: Vec<u8> = Vec::new();
    while let Some(piece) = pieces.next().await {
        rest.extend_from_slice(&piece?);
        let end = rest
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map(|end| end + 1);
        let end = end.or_else(|| (rest.len() >= LINE_BYTES_MAX).then_some(rest.len()));
        let whole: Vec<u8> = rest.drain(..end.unwrap_or(0)).collect();
        for line in String::from_utf8_lossy(&whole).lines() {
            take(line)?;
        }
    }
    if !rest.is_empty() {
        take(&String::from_utf8_lossy(&rest))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn lines_are_whole_however_they_arrive() {
        let pieces = ["a", "b\nc", "\n\n", "ü", "d"];
        let pieces = stream::iter(pieces.map(|piece| Ok(bytes::Bytes::from(piece))));
        let mut lines = Vec::new();
        each_line(pieces, |line| {
            lines.push(line.to_owned());
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(lines, ["ab", "c", "", "üd"]);
    }
}

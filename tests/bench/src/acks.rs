//! How soon webhooks are acknowledged while the machine is busy.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::Sha256;
use webhook::{
    model::{ModelWebhook, Policy},
    names::PullRequestNumber,
};

use super::{
    disk, heavy,
    numbers::{ms, p99},
    row::Row,
    shop::{Change, shop},
    wave::Wave,
};
use harness::Dayfly;

/// Who sends takes turns: somebody who waits for an answer delays nobody else's.
const SENDERS: u32 = 16;
/// How many pull requests the webhooks are about: one that is being built, others that are closed.
const PULLS: u64 = 10;
/// How much GitHub writes about a pull request, roughly.
const PAYLOAD_BYTES: usize = 20 * 1024;
/// GitHub gives up after so long.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

const RATIO_GOAL: f64 = 1.5;
const MS_GOAL: f64 = 100.0;

/// Where webhooks go, and what they are about.
struct Sender {
    webhook: ModelWebhook,
    secret: &'static str,
    repository: u64,
    full_name: String,
    numbers: Vec<PullRequestNumber>,
}

/// Sends webhooks for so long while something heavy is built, and syncs a file beside it.
pub(super) async fn measure(dayfly: &Dayfly, length: Duration) -> anyhow::Result<Vec<Row>> {
    let sender = Sender::set_up(dayfly, length).await?;
    let directory = dayfly.data().to_owned();
    let (acks, syncs) = {
        let measured = tokio::task::spawn_blocking(move || send_all(&sender, &directory, length));
        measured.await??
    };
    ensure!(
        heavy::goes_on()?,
        "the heavy build ended before the webhooks did"
    );
    let (ack, sync) = (ms(p99(&acks)), ms(p99(&syncs)));
    let baseline = format!(
        "p99 of {} overwrites of 8 KiB with fdatasync, at the same 100 per second, in the data \
         directory, at the same time; all the while there was {}",
        syncs.len(),
        heavy::NAME
    );
    Ok(vec![
        Row::compared("webhook_ack_p99_ratio", (ack, sync), baseline, RATIO_GOAL),
        Row::alone("webhook_ack_p99_ms", ack, "ms", Some(MS_GOAL)),
    ])
}

fn send_all(
    sender: &Sender,
    directory: &Path,
    length: Duration,
) -> anyhow::Result<(Vec<Duration>, Vec<Duration>)> {
    let wave = Wave::new(length);
    thread::scope(|scope| {
        let syncs = scope.spawn(|| disk::overwrite(directory, &wave));
        let senders: Vec<_> = (0..SENDERS)
            .map(|place| scope.spawn(move || sender.send(&wave, place)))
            .collect();
        let mut acks = Vec::new();
        for each in senders {
            acks.extend(
                each.join()
                    .map_err(|_| anyhow::anyhow!("a sender panicked"))??,
            );
        }
        let syncs = syncs
            .join()
            .map_err(|_| anyhow::anyhow!("the disk's thread panicked"))??;
        Ok((acks, syncs))
    })
}

impl Sender {
    async fn set_up(dayfly: &Dayfly, length: Duration) -> anyhow::Result<Self> {
        let heavy = heavy::begin(dayfly, length).await?;
        let mut numbers = vec![heavy.number];
        dayfly.forge.deliver(Policy::Lose);
        for place in 1..PULLS {
            let branch = format!("closed-{place}");
            let (path, text) = Change::Note.file(0);
            let files = shop().with(&path, &text).files();
            let changes = files
                .into_iter()
                .map(|(path, file)| (path, Some(file)))
                .collect();
            dayfly
                .forge
                .push(&dayfly.repo, &branch, "main", &changes, "Begin")
                .await?;
            let opened = dayfly
                .forge
                .open_pull_request(&dayfly.repo, &branch, "main", "Old", "ada")
                .await?;
            dayfly.forge.close(&dayfly.repo, opened)?;
            numbers.push(opened);
        }
        dayfly.forge.deliver(Policy::Send);
        let repository = dayfly
            .forge
            .repository_id(&dayfly.repo)
            .context("no repository")?;
        Ok(Self {
            webhook: dayfly.webhook(),
            secret: dayfly.secret(),
            repository: repository.0,
            full_name: dayfly.repo.to_string(),
            numbers,
        })
    }

    /// Every so-manieth beat of the wave.
    fn send(&self, wave: &Wave, place: u32) -> anyhow::Result<Vec<Duration>> {
        let mut took = Vec::new();
        for beat in (place..wave.beats).step_by(SENDERS as usize) {
            let request = self.request(beat)?;
            let due = wave.at(beat);
            wave.wait_for(due);
            let status = self.post(&request)?;
            took.push(due.elapsed());
            ensure!(
                status.starts_with("HTTP/1.1 202"),
                "a webhook was answered {status:?}"
            );
        }
        Ok(took)
    }

    /// A signed delivery, ready to be sent.
    fn request(&self, beat: u32) -> anyhow::Result<Vec<u8>> {
        let number = self.numbers[beat as usize % self.numbers.len()].0;
        let body = json!({
            "action": "edited",
            "number": number,
            "pull_request": { "number": number, "body": "x".repeat(PAYLOAD_BYTES) },
            "repository": { "id": self.repository, "full_name": self.full_name },
        })
        .to_string();
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())?;
        let digest = hex::encode(mac.chain_update(&body).finalize().into_bytes());
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\nx-github-event: pull_request\r\n\
             x-github-delivery: b0000000-0000-4000-8000-{beat:012x}\r\n\
             x-hub-signature-256: sha256={digest}\r\n\r\n",
            self.webhook.path,
            self.webhook.host,
            body.len(),
        );
        Ok([head.into_bytes(), body.into_bytes()].concat())
    }

    /// Sends a request over a connection of its own; answers the status line.
    fn post(&self, request: &[u8]) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.webhook.connect, ANSWER_DEADLINE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_DEADLINE))?;
        stream.write_all(request)?;
        let mut answer = Vec::new();
        let mut piece = [0; 1024];
        while !answer.contains(&b'\n') {
            let length = stream.read(&mut piece)?;
            ensure!(length > 0, "a webhook was not answered");
            answer.extend(&piece[..length]);
        }
        let text = String::from_utf8_lossy(&answer);
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

//! The plain commands: what somebody types who has a checkout, git and Docker.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use base64::Engine as _;
use tempfile::TempDir;
use tokio::process::Command;
use webhook::names::CommitSha;

use super::turnaround::first_page;
use harness::{Dayfly, Docker, Visitor};

/// Where its networks are looked for: 10.214.0.0/28 and those that follow.
const SUBNETS_MAX: u8 = 200;
/// How many addresses of a network are used in turn.
const ADDRESSES: usize = 8;
/// How long one command may take.
const COMMAND_DEADLINE: Duration = Duration::from_secs(60);

/// A checkout, and names for what is made from it.
pub(super) struct Plain {
    name: String,
    checkout: TempDir,
    url: String,
    credential: String,
    buildkit: bool,
    home: u8,
    abroad: u8,
    /// What the last round left running, as a push replaces what is there.
    last: Option<Round>,
    rounds: usize,
    is_down: bool,
}

struct Round {
    container: String,
    image: String,
}

/// What a round begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The network is there, and what ran before goes on until the new one serves.
    Push,
    /// Nothing is there.
    New,
}

impl Plain {
    /// Makes the checkout, and the network that pushes come into.
    pub(super) async fn set_up(dayfly: &Dayfly) -> anyhow::Result<Self> {
        let name = format!("dayfly-bench-{}", std::process::id());
        let token = format!("x-access-token:{}", dayfly.token());
        let token = base64::engine::general_purpose::STANDARD.encode(token);
        let (home, next) = free_subnet(&name, 0).await?;
        let (abroad, _) = free_subnet(&name, next).await?;
        let plain = Self {
            checkout: tempfile::Builder::new().prefix("dayfly-bench-").tempdir()?,
            url: format!("{}/{}.git", dayfly.forge.url(), dayfly.repo),
            credential: format!("http.extraHeader=Authorization: Basic {token}"),
            buildkit: Docker::run(&["buildx", "version"]).await.is_ok(),
            home,
            abroad,
            last: None,
            rounds: 0,
            is_down: false,
            name,
        };
        plain.git(&["init", "--quiet"]).await?;
        plain
            .create_network(&plain.home_network(), plain.home)
            .await?;
        Ok(plain)
    }

    /// What it is, for the table.
    pub(super) fn describe(&self, kind: Kind) -> String {
        let builder = if self.buildkit {
            "BuildKit, by buildx"
        } else {
            "classic, no buildx"
        };
        let network = if kind == Kind::New {
            "docker network create, "
        } else {
            ""
        };
        format!(
            "git fetch of the same commit and git checkout, docker build ({builder}), {network}\
             docker run, first 200 polled every 2 ms"
        )
    }

    /// The first round, which fills the cache. The image stays to the end, for a layer is cached as
    /// long as an image has it.
    pub(super) async fn warm_up(&mut self, commit: &CommitSha) -> anyhow::Result<()> {
        self.round(Kind::Push, commit).await?;
        let image = self.names_of(self.rounds).image;
        self.docker(&["tag", &image, &self.cache()]).await
    }

    /// From the fetch of a commit to its first page.
    pub(super) async fn round(
        &mut self,
        kind: Kind,
        commit: &CommitSha,
    ) -> anyhow::Result<Duration> {
        self.rounds += 1;
        let (network, subnet) = match kind {
            Kind::Push => (self.home_network(), self.home),
            Kind::New => (self.new_network(), self.abroad),
        };
        // The address of the round before may be in use until this one serves.
        let address = Ipv4Addr::new(10, 214, subnet, 2 + u8::try_from(self.rounds % ADDRESSES)?);
        let round = self.names_of(self.rounds);
        let visitor = Visitor::new(SocketAddr::from((address, 8080)), "http://localhost");
        let variable = format!("DAYFLY_COMMIT={commit}");
        let directory = self.checkout.path().to_str().context("a path")?.to_owned();
        let address = address.to_string();
        let run = [
            "run",
            "--detach",
            "--name",
            &round.container,
            "--network",
            &network,
            "--ip",
            &address,
            "--env",
            &variable,
            &round.image,
        ];

        let began = Instant::now();
        let fetch = [
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            &self.url,
            commit.as_str(),
        ];
        self.git(&[&["-c", &self.credential][..], &fetch].concat())
            .await?;
        self.git(&["checkout", "--quiet", "--detach", commit.as_str()])
            .await?;
        self.docker(&["build", "--quiet", "--tag", &round.image, "--", &directory])
            .await?;
        if kind == Kind::New {
            self.create_network(&network, subnet).await?;
        }
        self.docker(&run).await?;
        first_page(&visitor, commit).await?;
        let took = began.elapsed();

        match kind {
            Kind::Push => {
                if let Some(old) = self.last.replace(round) {
                    self.remove(&old).await?;
                }
            }
            Kind::New => {
                self.remove(&round).await?;
                self.docker(&["network", "rm", &network]).await?;
            }
        }
        Ok(took)
    }

    /// Removes everything, by name.
    pub(super) async fn take_down(mut self) -> anyhow::Result<()> {
        if let Some(last) = self.last.take() {
            self.remove(&last).await?;
        }
        self.docker(&["image", "rm", &self.cache()]).await?;
        self.docker(&["network", "rm", &self.home_network()])
            .await?;
        self.is_down = true;
        Ok(())
    }

    async fn remove(&self, round: &Round) -> anyhow::Result<()> {
        self.docker(&["rm", "--force", "--volumes", &round.container])
            .await?;
        self.docker(&["image", "rm", &round.image]).await
    }

    async fn create_network(&self, name: &str, subnet: u8) -> anyhow::Result<()> {
        self.docker(&["network", "create", "--subnet", &cidr(subnet), name])
            .await
    }

    fn home_network(&self) -> String {
        format!("{}-home", self.name)
    }

    fn cache(&self) -> String {
        format!("{}:cache", self.name)
    }

    fn new_network(&self) -> String {
        format!("{}-new", self.name)
    }

    fn names_of(&self, round: usize) -> Round {
        Round {
            container: format!("{}-{round}", self.name),
            image: format!("{}:{round}", self.name),
        }
    }

    async fn git(&self, words: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(self.checkout.path())
            .env("GIT_TERMINAL_PROMPT", "0");
        run(command, words).await
    }

    async fn docker(&self, words: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new("docker");
        command.env("DOCKER_BUILDKIT", if self.buildkit { "1" } else { "0" });
        run(command, words).await
    }
}

impl Drop for Plain {
    /// A run that failed leaves nothing either.
    fn drop(&mut self) {
        if self.is_down {
            return;
        }
        let docker = |words: &[&str]| {
            let mut command = std::process::Command::new("docker");
            // What is not there cannot be removed, which is fine.
            let _ = command
                .args(words)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        };
        let under_way = self.names_of(self.rounds);
        for round in self.last.iter().chain([&under_way]) {
            docker(&["rm", "--force", "--volumes", &round.container]);
            docker(&["image", "rm", &round.image]);
        }
        docker(&["image", "rm", &self.cache()]);
        docker(&["network", "rm", &self.home_network()]);
        docker(&["network", "rm", &self.new_network()]);
    }
}

/// The network of a subnet that nobody has, from `first` on; and the subnet to look at next.
async fn free_subnet(name: &str, first: u8) -> anyhow::Result<(u8, u8)> {
    for subnet in first..SUBNETS_MAX {
        let trial = format!("{name}-trial");
        if Docker::run(&["network", "create", "--subnet", &cidr(subnet), &trial])
            .await
            .is_ok()
        {
            Docker::run(&["network", "rm", &trial]).await?;
            return Ok((subnet, subnet + 1));
        }
    }
    anyhow::bail!("no subnet of 10.214.0.0/16 is free for the plain commands")
}

fn cidr(subnet: u8) -> String {
    format!("10.214.{subnet}.0/28")
}

async fn run(mut command: Command, words: &[&str]) -> anyhow::Result<()> {
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(COMMAND_DEADLINE, command.stderr(Stdio::piped()).output());
    let output = output
        .await
        .with_context(|| format!("{} does not end", words[0]))??;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{}: {said}", words[0]);
    Ok(())
}

//! What the engine itself says, past the relay: by plain commands that anybody can type.

use std::process::{Command, Stdio};

use anyhow::Context as _;
use deploy::labels;

/// Where the engine listens.
pub(super) const SOCKET: &str = "/var/run/docker.sock";

/// The engine, asked about one instance's objects.
#[derive(Clone, Debug)]
pub struct Docker {
    instance: String,
}

/// What carries an instance's label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Ids of containers, running or not.
    pub containers: Vec<String>,
    /// Ids of networks.
    pub networks: Vec<String>,
    /// Names of volumes.
    pub volumes: Vec<String>,
    /// Ids of images.
    pub images: Vec<String>,
}

impl Left {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Docker {
    pub(super) fn new(instance: &str) -> Self {
        Self {
            instance: instance.to_owned(),
        }
    }

    /// Runs a command of the engine's; answers what it printed.
    ///
    /// # Errors
    /// Where it fails.
    pub async fn run(arguments: &[&str]) -> anyhow::Result<String> {
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        tokio::task::spawn_blocking(move || {
            let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
            docker(&words)
        })
        .await?
    }

    /// Everything that carries the instance's label.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn left(&self) -> anyhow::Result<Left> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.list()).await?
    }

    /// The ids of the instance's containers that carry this label too.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn containers(&self, label: &str, value: &str) -> anyhow::Result<Vec<String>> {
        let (ours, more) = (self.filter(), format!("label={label}={value}"));
        let words = [
            "ps",
            "--all",
            "--quiet",
            "--no-trunc",
            "--filter",
            &ours,
            "--filter",
            &more,
        ];
        Ok(lines(&Self::run(&words).await?))
    }

    /// The running containers of a service of a preview.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn running(&self, preview: &str) -> anyhow::Result<Vec<String>> {
        let (ours, more) = (
            self.filter(),
            format!("label={}={preview}", labels::PREVIEW),
        );
        let kind = format!("label={}=service", labels::KIND);
        let words = [
            "ps",
            "--quiet",
            "--no-trunc",
            "--filter",
            &ours,
            "--filter",
            &more,
            "--filter",
            &kind,
        ];
        Ok(lines(&Self::run(&words).await?))
    }

    /// What the services of a preview have printed.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn logs_of(&self, preview: &str) -> anyhow::Result<String> {
        let mut all = String::new();
        for id in self.running(preview).await? {
            all.push_str(&Self::run(&["logs", &id]).await?);
        }
        Ok(all)
    }

    /// All that the engine knows of an object, as JSON.
    ///
    /// # Errors
    /// Where it is not there.
    pub async fn inspect(id: &str) -> anyhow::Result<serde_json::Value> {
        let text = Self::run(&["inspect", id]).await?;
        let mut all: Vec<serde_json::Value> = serde_json::from_str(&text)?;
        all.pop().with_context(|| format!("there is no {id}"))
    }

    /// Makes a network that is not Dayfly's own and takes it away again, as other programs of a host do.
    ///
    /// # Errors
    /// Where the engine makes none.
    pub async fn make_and_remove_network(&self) -> anyhow::Result<()> {
        let (label, name) = (self.label(), format!("beside-{}", self.instance));
        let made = Self::run(&["network", "create", "--label", &label, &name]).await?;
        Self::run(&["network", "rm", made.trim()]).await.map(drop)
    }

    /// Runs a server at port 8080 on the engine's own bridge, as other programs of a host do, and
    /// answers its id and its address.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn serve_beside(&self) -> anyhow::Result<(String, String)> {
        let label = self.label();
        let words = ["run", "--detach", "--label", &label, "dayfly-test/base:1"];
        let server = ["python3", "-m", "http.server", "8080"];
        let made = Self::run(&[&words[..], &server].concat()).await?;
        let id = made.trim().to_owned();
        let known = Self::inspect(&id).await?;
        let address = known["NetworkSettings"]["IPAddress"].as_str();
        Ok((id, address.context("no address")?.to_owned()))
    }

    /// Whether a container that is none of Dayfly's gets a connection to an address.
    ///
    /// # Errors
    /// Where the engine runs none.
    pub async fn reaches(address: &str, port: u16) -> anyhow::Result<bool> {
        const CONNECT: &str = "import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)
    print('open')
except OSError as error:
    print(error)
";
        let port = port.to_string();
        let image = ["run", "--rm", "dayfly-test/base:1"];
        let connect = ["python3", "-c", CONNECT, address, &port];
        let said = Self::run(&[&image[..], &connect].concat()).await?;
        Ok(said.trim() == "open")
    }

    /// Which Dayfly it is asked about.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Removes the instance's containers, whatever they do.
    ///
    /// # Errors
    /// Where the engine does not.
    pub async fn remove_containers(&self) -> anyhow::Result<()> {
        let containers = self.left().await?.containers;
        let mut words = vec!["rm", "--force", "--volumes"];
        words.extend(containers.iter().map(String::as_str));
        Self::run(&words).await.map(drop)
    }

    /// Whether the host's firewall holds rules for the instance.
    pub fn is_fenced(&self) -> bool {
        !self.chains().is_empty()
    }

    fn label(&self) -> String {
        format!("{}={}", labels::INSTANCE, self.instance)
    }

    fn filter(&self) -> String {
        format!("label={}", self.label())
    }

    fn list(&self) -> anyhow::Result<Left> {
        let filter = self.filter();
        let ask = |words: &[&str]| {
            let filter = ["--quiet", "--filter", &filter];
            docker(&[words, &filter[..]].concat()).map(|listed| lines(&listed))
        };
        Ok(Left {
            containers: ask(&["ps", "--all"])?,
            networks: ask(&["network", "ls"])?,
            volumes: ask(&["volume", "ls"])?,
            images: ask(&["images", "--all"])?,
        })
    }

    /// Takes everything of the instance away, so that a test that failed does no harm to others.
    pub(super) fn sweep(&self) {
        // Twice: what was being made when the server died may only appear now.
        for _ in 0..2 {
            let Ok(left) = self.list() else { return };
            let rounds: [(&[&str], &[String]); 4] = [
                (&["rm", "--force", "--volumes"], &left.containers),
                (&["network", "rm"], &left.networks),
                (&["volume", "rm", "--force"], &left.volumes),
                (&["image", "rm", "--force"], &left.images),
            ];
            for (words, objects) in rounds
                .into_iter()
                .filter(|(_, objects)| !objects.is_empty())
            {
                let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
                // What is gone already is fine.
                let _ = docker(&[words, &objects[..]].concat());
            }
        }
    }

    /// The instance's rules in the host's firewall.
    pub(super) fn chains(&self) -> Vec<String> {
        let name = format!("DAYFLY-{}", self.instance);
        let bridges = format!("df{}+", self.instance.get(..4).unwrap_or_default());
        let listed = firewall(&["-S"]).unwrap_or_default();
        let ours = |line: &&str| line.contains(&name) || line.contains(&bridges);
        listed.lines().filter(ours).map(str::to_owned).collect()
    }

    /// Empties the instance's chains and leaves them where they are.
    ///
    /// # Errors
    /// Where there are none.
    pub fn flush(&self) -> anyhow::Result<()> {
        let all = self.chains();
        let chains: Vec<&str> = all
            .iter()
            .filter_map(|line| line.strip_prefix("-N "))
            .collect();
        anyhow::ensure!(!chains.is_empty(), "there are no rules");
        for chain in chains {
            firewall(&["-F", chain])?;
        }
        Ok(())
    }

    /// Takes the instance's rules out of the host's firewall, as somebody does who flushes it.
    pub fn unfence(&self) {
        let all = self.chains();
        let hooked = ["-A INPUT", "-A FORWARD", "-A OUTPUT"];
        let hooks = all
            .iter()
            .filter(|line| hooked.iter().any(|chain| line.starts_with(chain)));
        for hook in hooks {
            let words: Vec<&str> = hook.split_ascii_whitespace().skip(1).collect();
            let _ = firewall(&[&["-D"][..], &words[..]].concat());
        }
        for chain in all.iter().filter_map(|line| line.strip_prefix("-N ")) {
            for flag in ["-F", "-X"] {
                let _ = firewall(&[flag, chain]);
            }
        }
    }
}

/// Asks the firewall's program for something in the table that Dayfly's rules stand in.
fn firewall(words: &[&str]) -> anyhow::Result<String> {
    run(
        "iptables",
        &[&["--wait", "5", "-t", "mangle"][..], words].concat(),
    )
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn docker(arguments: &[&str]) -> anyhow::Result<String> {
    run("docker", arguments)
}

fn run(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} could not be started"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(
        output.status.success(),
        "{program} {}: {said}",
        arguments.join(" ")
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

//! A machine beside the host: a network namespace at the other end of a cable, with a server in it.

use std::{
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use super::wait::eventually;

/// Where its server listens.
const PORT: u16 = 8080;

/// It goes when it is dropped.
pub struct Neighbour {
    name: String,
    server: Option<Child>,
}

impl Neighbour {
    /// Makes it. `host` is the host's own address on the cable and `own` the neighbour's, each with the
    /// length of its prefix; the host finds `behind`, a range, by way of the neighbour, whose server
    /// answers at `far` too, which is in it.
    ///
    /// # Errors
    /// Where the kernel makes none.
    pub async fn make(host: &str, own: &str, behind: &str, far: &str) -> anyhow::Result<Self> {
        let name = format!("nb{}", std::process::id());
        let cable = format!("{name}h");
        let made = Self { name, server: None };
        let name = made.name.as_str();
        let gateway = address_of(own);
        ip(&["netns", "add", name])?;
        ip(&[
            "link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", name,
        ])?;
        ip(&["addr", "add", host, "dev", &cable])?;
        ip(&["link", "set", &cable, "up"])?;
        ip(&["-n", name, "addr", "add", own, "dev", "eth0"])?;
        ip(&["-n", name, "addr", "add", &format!("{far}/32"), "dev", "lo"])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        ip(&["-n", name, "link", "set", "eth0", "up"])?;
        ip(&[
            "-n",
            name,
            "route",
            "add",
            "default",
            "via",
            address_of(host),
        ])?;
        ip(&["route", "add", behind, "via", gateway])?;
        let mut made = made;
        made.serve()?;
        for address in [gateway, far] {
            let address = format!("{address}:{PORT}").parse()?;
            eventually("the neighbour answers", async || {
                TcpStream::connect_timeout(&address, Duration::from_secs(1)).map(drop)?;
                Ok(())
            })
            .await?;
        }
        Ok(made)
    }

    fn serve(&mut self) -> anyhow::Result<()> {
        let port = PORT.to_string();
        let server = Command::new("ip")
            .args([
                "netns",
                "exec",
                &self.name,
                "python3",
                "-m",
                "http.server",
                &port,
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("ip could not be started")?;
        self.server = Some(server);
        Ok(())
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // The only failure is that it is gone.
            let _ = server.kill();
            let _ = server.wait();
        }
        // The host's end of the cable and its route go with it.
        let _ = ip(&["link", "del", &format!("{}h", self.name)]);
        let _ = ip(&["netns", "del", &self.name]);
    }
}

fn address_of(range: &str) -> &str {
    range.split('/').next().unwrap_or(range)
}

fn ip(words: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip").args(words).stdin(Stdio::null()).output();
    let output = output.context("ip could not be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {said}", words.join(" "));
    Ok(())
}

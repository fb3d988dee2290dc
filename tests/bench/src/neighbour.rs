//! What a build that eats all it can does to somebody before another preview.

use std::time::{Duration, Instant};

use anyhow::ensure;
use deploy::docker::{CeilingState, Docker, DockerConfig};
use deploy::names::Instance;
use tokio::task::JoinSet;

use super::{
    numbers::{ms, p99},
    row::Row,
    shop::shop,
};
use harness::{self, Dayfly, Visitor, eventually, runs};

/// What all builds together may use here.
const CEILING_MIB: u64 = 1_024;
const CEILING_CPU_PERCENT: u64 = 100;

/// Four programs that compute and hold memory, each begun anew when it is killed.
const GREEDY: &str = "import subprocess, sys
EATER = \"held = bytearray(b'x') * (300 << 20)\\nwhile True: pass\"
def eat():
    return subprocess.Popen([sys.executable, '-c', EATER])
eaters = [eat() for _ in range(4)]
while True:
    for place, eater in enumerate(eaters):
        try:
            eater.wait(0.1)
            eaters[place] = eat()
        except subprocess.TimeoutExpired:
            pass
";

/// Requests come a hundred a second, due whatever became of those before.
const PERIOD: Duration = Duration::from_millis(10);
const RATIO_GOAL: f64 = 2.0;

/// A server whose builds have a ceiling.
pub(super) fn settings() -> harness::Options {
    harness::Options {
        direct: true,
        limits: vec![
            format!("build_memory_mib_max = {CEILING_MIB}"),
            format!("build_cpu_percent_max = {CEILING_CPU_PERCENT}"),
        ],
        ..harness::Options::default()
    }
}

/// Visits a preview for so long while nothing else happens, and as long again during the build.
pub(super) async fn measure(dayfly: &Dayfly, length: Duration) -> anyhow::Result<Row> {
    let (_, visitor) = dayfly.open_live("calm", &shop()).await?;
    // The first requests of all are of no use to anybody.
    visit(&visitor, length / 10).await?;
    let idle = visit(&visitor, length).await?;
    let mark = format!("dayfly_greedy_{}", std::process::id());
    let greedy = shop().with("greedy.py", GREEDY).then(&format!(
        "COPY greedy.py /\nRUN [\"python3\", \"/greedy.py\", \"{mark}\"]"
    ));
    let pull = dayfly.open("greedy", &greedy).await?;
    eventually("the greedy build eats", async || {
        ensure!(runs(&mark)?, "not yet");
        Ok(())
    })
    .await?;
    let busy = visit(&visitor, length).await?;
    ensure!(runs(&mark)?, "the greedy build ended before the visits did");
    dayfly.close(&pull)?;
    dayfly.gone(&pull.id).await?;
    let what = format!(
        "p99 of {} requests at 100 per second through the proxy while nothing else happens; beside \
         it during a build of four programs that compute and take 300 MiB each. {}",
        idle.len(),
        ceiling()?
    );
    let values = (ms(p99(&busy)), ms(p99(&idle)));
    Ok(Row::compared(
        "neighbour_p99_ratio",
        values,
        what,
        RATIO_GOAL,
    ))
}

/// What bounded the build.
fn ceiling() -> anyhow::Result<String> {
    let mut config = DockerConfig::new(Instance::parse("00000000")?);
    config.builds.ceiling = Some(deploy::docker::Ceiling {
        memory_mib: CEILING_MIB,
        cpu_percent: CEILING_CPU_PERCENT,
    });
    Ok(match Docker::connect(config)?.ensure_build_ceiling() {
        CeilingState::Holds(ceiling) => format!(
            "Ceiling: the control group of the engine's builder, {} MiB and {} % of a processor",
            ceiling.memory_mib, ceiling.cpu_percent
        ),
        CeilingState::NotWanted => "Ceiling: none".to_owned(),
        CeilingState::CannotSet(why) => format!("Ceiling: none, {why}"),
    })
}

/// How long each request took from its due moment.
async fn visit(visitor: &Visitor, length: Duration) -> anyhow::Result<Vec<Duration>> {
    let began = Instant::now();
    let beats = u32::try_from(length.as_millis() / PERIOD.as_millis())?;
    let mut visits = JoinSet::new();
    for beat in 0..beats {
        let due = began + PERIOD * beat;
        tokio::time::sleep_until(due.into()).await;
        let visitor = visitor.clone();
        visits.spawn(async move {
            let answer = visitor.get("/").await?;
            ensure!(
                answer.status == 200,
                "a visit was answered {}",
                answer.status
            );
            Ok(due.elapsed())
        });
    }
    let mut took = Vec::new();
    while let Some(visit) = visits.join_next().await {
        took.push(visit??);
    }
    Ok(took)
}

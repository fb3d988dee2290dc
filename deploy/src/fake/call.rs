//! The log of calls to the simulated host.

use std::time::Duration;

use tokio::time::Instant;

/// A method of one of the ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named like the method it stands for")]
pub enum Op {
    EnsureNetwork,
    RemoveNetwork,
    StartService,
    RemoveService,
    RunToEnd,
    Probe,
    Logs,
    Observe,
    RemoveStray,
    Hints,
    Build,
    Obtain,
    ShareImage,
    RemoveImage,
    CreateDatabase,
    Fork,
    StartDatabase,
    Stop,
    RemoveDatabase,
    Save,
    Import,
}

impl Op {
    /// All methods.
    pub const ALL: [Self; 21] = [
        Self::EnsureNetwork,
        Self::RemoveNetwork,
        Self::StartService,
        Self::RemoveService,
        Self::RunToEnd,
        Self::Probe,
        Self::Logs,
        Self::Observe,
        Self::RemoveStray,
        Self::Hints,
        Self::Build,
        Self::Obtain,
        Self::ShareImage,
        Self::RemoveImage,
        Self::CreateDatabase,
        Self::Fork,
        Self::StartDatabase,
        Self::Stop,
        Self::RemoveDatabase,
        Self::Save,
        Self::Import,
    ];

    /// Whether the port allows dropping its future early.
    pub(super) fn may_be_dropped(self) -> bool {
        matches!(
            self,
            Self::RunToEnd
                | Self::Probe
                | Self::Build
                | Self::Obtain
                | Self::CreateDatabase
                | Self::Observe
                | Self::Logs
                | Self::Import
        )
    }

    /// Whether two concurrent calls for the same object would race in the engine.
    pub(super) fn is_exclusive(self) -> bool {
        !matches!(
            self,
            Self::Probe
                | Self::Observe
                | Self::Logs
                | Self::Hints
                | Self::Obtain
                | Self::ShareImage
                | Self::Save
                | Self::Import
        )
    }

    /// Its default duration, similar to that on a small machine.
    pub(super) fn usual(self) -> Duration {
        Duration::from_millis(match self {
            Self::EnsureNetwork => 70,
            Self::RemoveNetwork => 170,
            Self::StartService => 200,
            Self::RemoveService => 280,
            Self::RunToEnd => 500,
            Self::Probe | Self::Observe => 5,
            Self::Logs | Self::Hints => 1,
            Self::RemoveStray => 100,
            Self::Build => 2_000,
            Self::Obtain => 20,
            Self::ShareImage => 10,
            Self::RemoveImage => 50,
            Self::CreateDatabase | Self::Import => 1_500,
            Self::Fork | Self::Save => 60,
            Self::StartDatabase => 700,
            Self::Stop | Self::RemoveDatabase => 300,
        })
    }
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not answered yet.
    UnderWay,
    /// It succeeded.
    Done,
    /// It answered with an error.
    Failed,
    /// Its future was dropped.
    Dropped,
}

/// One call, in the order of their start.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub op: Op,
    /// The object, such as `service shop-1/r2/web`.
    pub what: String,
    /// The time of its start.
    pub begun: Instant,
    /// Its outcome.
    pub outcome: Outcome,
}

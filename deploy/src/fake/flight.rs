//! One call from its start to its answer: faults, durations, and cancellation.

use std::time::Duration;

use super::{FakeEngine, Fault, Op, Outcome};
use crate::{builder::BuildError, databases::DatabaseError, engine::EngineError};

/// Why a call had no effect.
#[derive(Clone, Copy, Debug)]
pub(super) enum CallError {
    Unreachable,
    Refused(Op),
}

/// A running call.
pub(super) struct Flight {
    fake: FakeEngine,
    pub(super) number: u64,
    op: Op,
    lost: bool,
    ended: bool,
}

impl Flight {
    pub(super) fn begin(fake: &FakeEngine, op: Op, what: String) -> Self {
        let objects = vec![what.clone()];
        Self::begin_on(fake, op, what, objects)
    }

    /// A call that changes other objects than the one in its name.
    pub(super) fn begin_on(fake: &FakeEngine, op: Op, what: String, objects: Vec<String>) -> Self {
        let number = fake.world().begin_call(op, &fake.instance, what, objects);
        Self {
            fake: fake.clone(),
            number,
            op,
            lost: false,
            ended: false,
        }
    }

    /// Applies the fault of this call, if there is one.
    pub(super) async fn depart(&mut self) -> Result<(), CallError> {
        let (away, fault) = {
            let mut world = self.fake.world();
            (world.away, world.faults.next(self.op))
        };
        match fault {
            _ if away => Err(self.fail(CallError::Unreachable)),
            None => Ok(()),
            Some(Fault::Unreachable) => Err(self.fail(CallError::Unreachable)),
            Some(Fault::Refused) => Err(self.fail(CallError::Refused(self.op))),
            Some(Fault::LostAnswer) => {
                self.lost = true;
                Ok(())
            }
            Some(Fault::Hang) => {
                if let Some(call) = self.fake.world().in_flight.get_mut(&self.number) {
                    call.hangs = true;
                }
                std::future::pending().await
            }
            Some(Fault::Slow(by)) => {
                tokio::time::sleep(by).await;
                Ok(())
            }
        }
    }

    /// Waits for the call's duration, divided by `parts`.
    pub(super) async fn travel(&mut self, parts: u32) -> Result<(), CallError> {
        let whole = {
            let world = self.fake.world();
            world
                .durations
                .get(&self.op)
                .copied()
                .unwrap_or_else(|| self.op.usual())
        };
        self.wait(whole / parts).await
    }

    /// Waits this long. An engine that became unreachable meanwhile does not answer.
    pub(super) async fn wait(&mut self, time: Duration) -> Result<(), CallError> {
        if time.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(time).await;
        }
        let away = self.fake.world().away;
        if away {
            Err(self.fail(CallError::Unreachable))
        } else {
            Ok(())
        }
    }

    /// Whether the answer gets lost.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Returns the answer.
    pub(super) fn land<T, E: From<CallError>>(mut self, result: Result<T, E>) -> Result<T, E> {
        let result = if self.lost {
            Err(CallError::Unreachable.into())
        } else {
            result
        };
        self.ended = true;
        let outcome = if result.is_ok() {
            Outcome::Done
        } else {
            Outcome::Failed
        };
        self.fake.world().end_call(self.number, outcome);
        result
    }

    fn fail(&mut self, trouble: CallError) -> CallError {
        self.ended = true;
        let mut world = self.fake.world();
        // A control plane that cannot reach the engine cannot clean up after a command either.
        world.abandon_run(self.number);
        world.end_call(self.number, Outcome::Failed);
        trouble
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.ended {
            self.fake.world().drop_call(self.number);
        }
    }
}

impl From<CallError> for EngineError {
    fn from(trouble: CallError) -> Self {
        match trouble {
            CallError::Unreachable => Self::Unreachable("no answer (simulated)".to_owned()),
            CallError::Refused(op) => Self::Refused {
                what: format!("{op:?}"),
                why: "a simulated refusal".to_owned(),
            },
        }
    }
}

impl From<CallError> for DatabaseError {
    fn from(trouble: CallError) -> Self {
        Self::Engine(trouble.into())
    }
}

impl From<CallError> for BuildError {
    fn from(trouble: CallError) -> Self {
        match trouble {
            CallError::Unreachable => Self::Unreachable("no answer (simulated)".to_owned()),
            CallError::Refused(_) => Self::failed("a simulated refusal"),
        }
    }
}

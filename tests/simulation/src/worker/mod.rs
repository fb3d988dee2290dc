//! The real worker on the fake engine, on a clock that only the test moves.
//!
//! The store is the real one, so its answers come from threads that the paused clock knows nothing
//! of. Left alone the clock would jump to the next timer whenever a write is on its way to the
//! disk, and a deadline of minutes could pass during one write. So it is kept from jumping and is
//! moved by small steps, each after the store has answered all that was asked before.

mod late;
mod life;
mod outside;

pub use late::late;
pub use life::{Ended, life};

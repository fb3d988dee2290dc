//! `dayfly demo`: the whole product on one machine, with a simulated GitHub.
//!
//! A real server, a real repository over real git, real containers with a real database. With a
//! terminal it stays until Ctrl-C; without one it plays the story to its end and proves that
//! nothing is left.

mod crowd;
mod files;
mod proof;
mod stage;
mod story;
mod tell;
mod visit;

pub use story::run;

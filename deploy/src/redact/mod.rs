//! Removes secrets from the output of programs.
//!
//! A program may print a secret in any number of pieces, in several forms, and with colours in
//! between. So a possible beginning of a secret is held back until more output decides, and each
//! line is checked again as users will see it.

mod forms;
mod secrets;
mod stream;

pub(crate) use secrets::Secrets;
pub(crate) use stream::Redacted;

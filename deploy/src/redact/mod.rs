//! Takes secrets out of what programs print.
//!
//! A program that prints a secret prints it in any number of pieces, in more than one form, and
//! with colours in between. So what could be the beginning of one is held back until it is known
//! not to be, and a line is looked at once more as people will see it.

mod forms;
mod secrets;
mod stream;

pub(crate) use secrets::Secrets;
pub(crate) use stream::Redacted;

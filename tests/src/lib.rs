//! Tests that need a whole Dayfly or the whole repository: each folder of `tests/` is one program.

//! Decides and drives: lifecycle, store, API, pages, and the program `dayfly`.

pub mod buildlog;
pub mod diagnosis;
pub mod environment;
pub mod lifecycle;
pub mod names;
pub mod report;
pub mod routes;
pub mod servicelog;
pub mod store;
pub mod text;
pub mod worker;

//! The server's side of the forge: incoming deliveries, and the texts of comments and records.

pub mod connect;
pub mod intake;
pub mod report;

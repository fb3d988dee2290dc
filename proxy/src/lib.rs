//! A reverse proxy that knows hosts, upstreams and a gate, and nothing of previews.
//!
//! It runs as a process of its own, holds no key and no engine, and goes on with its last table
//! (kept on disk) while the control plane is away. It speaks with the control plane over two Unix
//! sockets in one directory: [`control`] (ours: takes tables, tells activity, drains) and the
//! Gate's (theirs: answers whatever a route cannot).

pub mod table;

mod contexts;
mod ignoring;

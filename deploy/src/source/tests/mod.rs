mod contexts;
mod ignoring;
mod submodules;

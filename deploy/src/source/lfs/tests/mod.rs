mod fetches;
mod kept;
mod submodules;
mod trees;

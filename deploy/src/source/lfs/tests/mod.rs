mod fetches;
mod kept;
mod trees;

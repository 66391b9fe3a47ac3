//! The `curlift` program.

fn main() {}

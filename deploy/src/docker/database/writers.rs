//! Who writes how much, as the kernel counts it for each process: also what is deleted and still
//! open, and what replaces other content.

use std::{collections::HashMap, fs};

/// Bytes that the processes of each container have written since they began. Those that are not ours
/// to look at count nothing; blocks.
pub(super) fn written_by(containers: &[String]) -> HashMap<String, u64> {
    let mut written = HashMap::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let path = process.path();
        // It may end while it is looked at.
        let Ok(groups) = fs::read_to_string(path.join("cgroup")) else {
            continue;
        };
        let of = containers.iter().find(|id| groups.contains(id.as_str()));
        let Some(container) = of else {
            continue;
        };
        let counted = fs::read_to_string(path.join("io")).unwrap_or_default();
        let bytes = counted
            .lines()
            .find_map(|line| line.strip_prefix("write_bytes: ")?.trim().parse().ok());
        *written.entry(container.clone()).or_insert(0) += bytes.unwrap_or(0_u64);
    }
    written
}

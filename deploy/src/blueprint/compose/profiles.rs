//! Which services of a project are active in a preview.

use super::{
    check,
    node::Node,
    values::{list, must_be},
};
use crate::blueprint::BlueprintError;

/// The profile that is active in a preview.
const PROFILE: &str = "dayfly";

/// The services of a project.
pub(super) struct Services {
    /// Those that are active in a preview.
    pub(super) active: Vec<(String, Node)>,
    /// The names of the others.
    pub(super) left_out: Vec<String>,
}

/// Separates the services by their profiles.
pub(super) fn services(project: &Node) -> Result<Services, BlueprintError> {
    let Some(services) = project.get("services") else {
        return Err(project.at.error("the file has no `services`"));
    };
    let Some(entries) = services.map() else {
        return Err(must_be(services, "services", "a mapping"));
    };
    let (mut active, mut left_out) = (Vec::new(), Vec::new());
    for (name, node) in entries {
        check::known_keys(name, node)?;
        let profiles = list(node, "profiles")?;
        let ours = |profile: &Node| profile.text() == Some(PROFILE);
        match profiles.is_empty() || profiles.iter().any(ours) {
            true => active.push((name.clone(), node.clone())),
            false => left_out.push(name.clone()),
        }
    }
    Ok(Services { active, left_out })
}

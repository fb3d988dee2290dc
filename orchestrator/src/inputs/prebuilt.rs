//! Images that CI builds for a commit. Their names contain placeholders.

use deploy::{blueprint::IMAGE_PLACEHOLDERS, names::CommitSha};

use crate::{
    lifecycle::{Origin, Wanted},
    store::PreviewRow,
};

/// The longest a branch's name is inside a tag, in characters; a tag has 128 at most.
const BRANCH_SLUG_CHARS_MAX: usize = 60;

/// Replaces the placeholders in the name of a commit's image.
///
/// # Errors
/// If a placeholder has no value for this preview.
pub fn resolve(reference: &str, row: &PreviewRow, commit: &CommitSha) -> Result<String, String> {
    let branch = match &row.desired.wanted {
        Wanted::Serve(head) => Some(branch_slug(&head.branch)),
        _ => None,
    };
    // CI builds no image for the commit that Dayfly makes of a local checkout.
    let commit = (row.desired.origin != Origin::Local).then_some(commit);
    // In the order of the placeholders.
    let values = [
        commit.map(ToString::to_string),
        commit.map(|commit| commit.short().to_string()),
        row.number.map(|number| number.0.to_string()),
        branch,
    ];
    let mut named = reference.to_owned();
    for (placeholder, value) in IMAGE_PLACEHOLDERS.into_iter().zip(values) {
        if named.contains(placeholder) {
            let value = value.ok_or_else(|| {
                format!("{placeholder} has no value here: this preview is not of a pull request")
            })?;
            named = named.replace(placeholder, &value);
        }
    }
    Ok(named)
}

/// A branch's name as it may stand in a tag: lower case, everything else a dash.
fn branch_slug(branch: &str) -> String {
    let mut slug = String::new();
    for c in branch.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == BRANCH_SLUG_CHARS_MAX {
            break;
        }
    }
    match slug.trim_end_matches('-') {
        "" => "branch".to_owned(),
        slug => slug.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_becomes_part_of_a_tag() {
        for (branch, wanted) in [
            ("main", "main"),
            ("Feature/ADD--login_form", "feature-add-login-form"),
            ("--upload-pack=x", "upload-pack-x"),
            ("ü", "branch"),
        ] {
            assert_eq!(branch_slug(branch), wanted);
        }
        assert!(branch_slug(&"a/".repeat(100)).len() <= BRANCH_SLUG_CHARS_MAX);
    }
}

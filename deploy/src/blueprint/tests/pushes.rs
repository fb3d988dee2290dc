//! What a push does to data.

use super::*;

#[tokio::test]
async fn a_push_keeps_or_resets() {
    for (lines, wanted) in [
        ("on_push = \"keep\"", OnPush::Keep),
        ("on_push = \"reset\"", OnPush::Reset),
        (
            "on_push = \"reset-if-migrations-changed\"\nmigrations = [\"db/migrate/**\"]",
            OnPush::ResetIfMigrationsChanged,
        ),
    ] {
        let database = database(&format!("engine = \"postgres:15\"\n{lines}")).await;
        assert_eq!(database.on_push, wanted, "{lines}");
        assert_eq!(
            database.migrations.is_some(),
            lines.contains("migrations =")
        );
    }
}

#[tokio::test]
async fn the_digest_of_migrations_follows_their_paths_and_contents_alone() {
    let digest = async |globs: &str, files: &[(&str, &str)]| {
        let text = format!("[databases.d]\nengine = \"postgres:15\"\nmigrations = [{globs}]\n");
        let mut all = vec![("Dockerfile", "FROM x"), ("dayfly.toml", text.as_str())];
        all.extend_from_slice(files);
        let (_folder, tree) = uploaded(&all).await;
        let blueprint = read(&tree).await.unwrap();
        let empty = blueprint
            .notes
            .iter()
            .any(|n| n.contains("matches no file"));
        (blueprint.databases[0].migrations.clone().unwrap(), empty)
    };
    let (one, two) = (("m/a/1.sql", "1"), ("m/2.sql", "2"));
    let (base, empty) = digest("\"m/**\"", &[one, two]).await;
    assert!(!empty && base.len() == 64, "{base}");
    for (globs, files) in [
        ("\"m/**\"", vec![one, two, ("other", "3")]),
        ("\"./m\"", vec![one, two]),
        (
            "\"m/?.sql\", \"m/*/*.sql\"",
            vec![two, one, ("m/README", "x")],
        ),
        ("\"**/*.sql\"", vec![one, two, ("m/README", "x")]),
    ] {
        assert_eq!(
            digest(globs, &files).await,
            (base.clone(), false),
            "{globs}"
        );
    }
    for files in [
        vec![one],
        vec![one, ("m/2.sql", "changed")],
        vec![one, ("m/3.sql", "2")],
        vec![one, two, ("m/3.sql", "")],
    ] {
        assert_ne!(digest("\"m/**\"", &files).await.0, base, "{files:?}");
    }
    let (_, empty) = digest("\"n/**\"", &[one]).await;
    assert!(empty, "that no file matches is noted");
}

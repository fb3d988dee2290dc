//! Requests to a forge, and the effects of its answers.

use std::{
    future::ready,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use super::super::testing::{
    BASIC, Forge, bench, fine, here, moved, oid, place, places, pointer, whys,
};
use crate::source::{
    Absence, Context, Remote, SourceError, Transport, Tree,
    testing::{Bench, offered, remote},
};

#[tokio::test]
async fn files_have_their_content_and_are_asked_for_once() {
    let (bench, forge) = (bench(), Forge::with(&["one", "two"]));
    bench
        .put("a.bin", pointer("one"))
        .put("b/c.bin", pointer("two"));
    bench
        .put("d.bin", pointer("one"))
        .put("e.bin", pointer(""))
        .put("f.bin", "committed");
    bench.put("a.txt", pointer("one"));
    let tree = bench.tree().await;
    let bare = Context::of(&tree, "", "Dockerfile").await.unwrap().digest();
    let tree = forge.fill(&bench, tree).await.unwrap();
    assert_eq!(tree.missing(), []);
    for _ in 0..2 {
        let read = offered(&tree).await;
        let pointer = pointer("one");
        for (path, text) in [
            ("a.bin", "one"),
            ("b/c.bin", "two"),
            ("d.bin", "one"),
            ("e.bin", ""),
            ("f.bin", "committed"),
            ("a.txt", &pointer),
        ] {
            assert!(
                read.contains(&(path.to_owned(), text.to_owned())),
                "{path}: {read:?}"
            );
        }
    }
    assert_eq!(tree.read("b/c.bin").await.unwrap().unwrap(), "two");
    let heard = forge.heard();
    let asked: serde_json::Value = serde_json::from_slice(&heard[0].body).unwrap();
    assert_eq!(heard[0].target, "/acme/shop.git/info/lfs/objects/batch");
    assert_eq!(
        heard[0].header("accept"),
        Some("application/vnd.git-lfs+json")
    );
    assert_eq!(asked["objects"].as_array().unwrap().len(), 2, "{asked}");
    assert_eq!(heard.len(), 3, "{heard:?}");
    for heard in &heard {
        assert_eq!(heard.header("authorization"), Some(BASIC), "{heard:?}");
    }
    assert_eq!(heard[1].header("x-ticket"), Some("7"));
    let full = Context::of(&tree, "", "Dockerfile").await.unwrap();
    assert_ne!(full.digest(), bare);
    let times: Vec<i64> = full.parts().iter().map(|part| part.modified_ns()).collect();
    // Only the object differs, and so the context differs.
    let next = bench.put("a.bin", pointer("two")).tree().await;
    let next = Context::of(&here(&bench, next).await, "", "Dockerfile")
        .await
        .unwrap();
    assert_ne!(next.digest(), full.digest());
    assert_ne!(
        next.parts()
            .iter()
            .map(|part| part.modified_ns())
            .collect::<Vec<_>>(),
        times
    );
    // Committed content is not taken for a pointer.
    let plain = bench.put("a.bin", "two").tree().await;
    let plain = Context::of(&here(&bench, plain).await, "", "Dockerfile")
        .await
        .unwrap();
    assert_ne!(plain.digest(), next.digest());
}

#[tokio::test]
async fn what_cannot_be_had_is_named_with_the_reason_and_left_out() {
    let bench = bench();
    let gone = oid("gone");
    let forge = Forge::answering(move |own, heard| match heard.method.as_str() {
        "POST" => places(&[
            format!(r#"{{"oid":"{gone}","error":{{"code":404,"message":"none"}}}}"#),
            place("changed", &format!("{own}/changed")),
            place("longer", &format!("{own}/longer")),
            place("refused", &format!("{own}/refused")),
            place("odd", "not an address"),
            place("there", &format!("{own}/there")),
        ]),
        _ => match heard.target.as_str() {
            "/changed" => fine("CHANGED"),
            "/longer" => fine("longer than it"),
            "/there" => fine("there"),
            _ => ("403 no".to_owned(), String::new()),
        },
    });
    for content in [
        "gone", "changed", "longer", "refused", "odd", "there", "unnamed",
    ] {
        bench.put(&format!("{content}.bin"), pointer(content));
    }
    let twice = pointer("there").replace("size 5", "size 6");
    let extended = pointer("x").replace("oid ", &format!("ext-0-x sha256:{}\noid ", oid("y")));
    bench
        .put("zz/twice.bin", twice)
        .put("zz/extended.bin", extended);
    let tree = forge.fill(&bench, bench.tree().await).await.unwrap();
    let whys = whys(&tree);
    for (path, words) in [
        (
            "gone.bin",
            "the forge does not have it; `git lfs push --all origin` uploads it",
        ),
        ("changed.bin", "the content is not what its pointer names"),
        (
            "longer.bin",
            "the content is longer than what its pointer names",
        ),
        ("refused.bin", "its address answered 403"),
        ("odd.bin", "an invalid address for it"),
        ("unnamed.bin", "the forge's answer does not name it"),
        ("zz/extended.bin", "its pointer names an extension"),
    ] {
        let why = whys.iter().find(|(own, _)| *own == path).unwrap().1;
        assert!(why.contains(words), "{path}: {why}");
    }
    // At least one of two sizes for one object is wrong, possibly the requested one.
    let of_twice = whys
        .iter()
        .filter(|(path, _)| path.ends_with("there.bin") || path.ends_with("twice.bin"));
    assert!((1..=2).contains(&of_twice.count()), "{whys:?}");
    let context = Context::of(&tree, "", "Dockerfile").await.unwrap();
    assert!(context.parts().iter().all(|part| part.path != "gone.bin"));
    let absence = context.absence("/gone.bin").await;
    assert!(
        matches!(&absence, Absence::Missing(one) if one.path == "gone.bin"),
        "{absence:?}"
    );
    let said = tree.read("gone.bin").await.unwrap_err().to_string();
    assert!(
        said.starts_with("gone.bin: it is in Git LFS and was not fetched: the forge"),
        "{said}"
    );
}

#[tokio::test]
async fn a_place_that_not_everybody_reaches_is_not_asked() {
    let bench = bench();
    let inside = Forge::with(&["x"]);
    let other = inside.address.clone();
    let forge = Forge::answering(move |own, heard| match heard.method.as_str() {
        "POST" => places(&[
            place("0", &format!("{other}/x")),
            place("1", "https://localhost/x"),
            place("2", "https://10.1.2.3/x"),
            place("3", "http://1.1.1.1/x"),
            place("4", &format!("{own}/leads")),
            place("5", &format!("{own}/around")),
            place("6", "https://[::ffff:127.0.0.1]/x"),
            place("7", "file:///etc/passwd"),
        ]),
        _ if heard.target == "/leads" => moved(&other),
        _ => moved("/around"),
    });
    for content in 0..8 {
        bench.put(&format!("{content}.bin"), pointer(&content.to_string()));
    }
    let tree = forge.fill(&bench, bench.tree().await).await.unwrap();
    let whys = whys(&tree);
    for (at, words) in [
        "its address is not https",
        "its host localhost has no public address",
        "its host 10.1.2.3 has no public address",
        "its address is not https",
        "its address is not https",
        "redirects more than 3 times",
        "has no public address",
        "an invalid address for it",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(whys[at].0, format!("{at}.bin"));
        assert!(whys[at].1.contains(words), "{:?}", whys[at]);
    }
    assert!(inside.heard().is_empty(), "{:?}", inside.heard());
}

#[tokio::test]
async fn what_may_pass_by_itself_is_an_error_and_what_came_until_then_is_kept() {
    let bench = bench();
    let busy = Arc::new(Mutex::new(true));
    let is_busy = Arc::clone(&busy);
    let forge = Forge::answering(move |own, heard| match heard.method.as_str() {
        "POST" => places(&[
            place("one", &format!("{own}/one")),
            place("two", &format!("{own}/two")),
        ]),
        _ if heard.target == "/one" => fine("one"),
        _ if *is_busy.lock().unwrap() => ("503 busy".to_owned(), String::new()),
        _ => fine("two"),
    });
    let tree = bench.put("a.bin", pointer("one")).tree().await;
    forge.fill(&bench, tree).await.unwrap();
    let tree = bench.put("b.bin", pointer("two")).tree().await;
    let error = forge.fill(&bench, tree.clone()).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable(_)), "{error}");
    *busy.lock().unwrap() = false;
    let tree = forge.fill(&bench, tree).await.unwrap();
    assert_eq!(tree.read("b.bin").await.unwrap().unwrap(), "two");
    let times = forge
        .heard()
        .iter()
        .filter(|heard| heard.target == "/one")
        .count();
    assert_eq!(times, 1);
}

#[tokio::test]
async fn a_forge_that_refuses_is_said_so_for_each_file() {
    let bench = bench();
    bench
        .put("a.bin", pointer("one"))
        .put("b.bin", pointer("two"));
    let tree = bench.tree().await;
    let refusing = Forge::answering(|_, _| {
        let said = r#"{"message":"Git LFS is disabled for this repository."}"#;
        ("404 none".to_owned(), said.to_owned())
    });
    let lost = refusing.fill(&bench, tree.clone()).await.unwrap();
    let wanted =
        "127.0.0.1 answered 404 Not Found about Git LFS: Git LFS is disabled for this repository.";
    assert_eq!(whys(&lost), [("a.bin", wanted), ("b.bin", wanted)]);
    let away = Forge::answering(|_, _| ("503 busy".to_owned(), String::new()));
    let error = away.fill(&bench, tree.clone()).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable(_)), "{error}");
    let error = here_fails(&bench, tree).await;
    assert!(matches!(error, SourceError::Unreachable(_)), "{error}");
}

/// No server listens at this address.
async fn here_fails(bench: &Bench, tree: Tree) -> SourceError {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let remote = Remote {
        allow: Transport::AlsoHttp,
        ..remote(&format!("http://{port}/acme/shop.git"))
    };
    let filled = bench
        .mirrors
        .with_lfs(tree, ready(Ok::<_, SourceError>(remote)));
    filled.await.unwrap_err()
}

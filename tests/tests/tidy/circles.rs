//! Files that need each other. Two files in a circle are one file in two places, unless there is a
//! reason, which stands in ARCHITECTURE.md under the heading that is read here.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    sources::code,
    workspace::{File, PRODUCT, expect_none, files, text},
};

/// The heading in ARCHITECTURE.md below which each line names one circle, as
/// `- a.rs, b.rs: the reason`.
const HEADING: &str = "## Circles between files";

/// A module of one crate, by its path from the crate's root.
type Module = Vec<String>;

#[test]
fn files_need_each_other_only_where_the_architecture_says_why() {
    let files = files();
    let allowed = allowed(&files);
    let mut found: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for member in PRODUCT {
        found.extend(circles(&Crate::of(&files, member)));
    }
    let told = |circle: &BTreeSet<String>| circle.iter().cloned().collect::<Vec<_>>().join(", ");
    let unknown: Vec<String> = found.difference(&allowed).map(told).collect();
    expect_none(
        &unknown,
        &format!("move what ties them, or say under {HEADING:?} why they are in a circle:"),
    );
    let gone: Vec<String> = allowed.difference(&found).map(told).collect();
    expect_none(
        &gone,
        "ARCHITECTURE.md names a circle that is none any more:",
    );
}

/// The circles that have a reason.
fn allowed(files: &[File]) -> BTreeSet<BTreeSet<String>> {
    let map = text(files, "ARCHITECTURE.md");
    let (_, section) = map.split_once(HEADING).expect("it has the heading");
    let lines = section
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with("## "));
    let named = lines.filter_map(|line| line.strip_prefix("- ")?.split_once(": "));
    named
        .map(|(names, _reason)| {
            let names = names.split(", ");
            names
                .map(|name| name.trim_matches('`').to_owned())
                .collect()
        })
        .collect()
}

/// One crate: the production text of each module's file, and what each re-exports.
struct Crate {
    member: String,
    texts: BTreeMap<Module, String>,
    exports: BTreeMap<Module, BTreeMap<String, Module>>,
}

impl Crate {
    fn of(files: &[File], member: &str) -> Self {
        let root = format!("{member}/src/");
        let mut texts = BTreeMap::new();
        for file in files
            .iter()
            .filter(|file| file.is_rust() && !file.is_only_tests())
        {
            let Some(path) = file.path.strip_prefix(&root) else {
                continue;
            };
            let text: String = file
                .production()
                .lines()
                .map(|line| format!("{}\n", code(line)))
                .collect();
            texts.insert(module(path), text);
        }
        let mut known = Self {
            member: member.to_owned(),
            texts,
            exports: BTreeMap::new(),
        };
        for (module, text) in &known.texts {
            let (imports, _) = imports(text);
            let public = imports.into_iter().filter(|import| import.public);
            let exported = public
                .filter_map(|import| Some((import.name, known.absolute(module, &import.path)?)))
                .collect();
            known.exports.insert(module.clone(), exported);
        }
        known
    }

    fn has(&self, module: &[String]) -> bool {
        self.texts.contains_key(module)
    }

    /// A path as it is written in a module, from the root of the crate. None for other crates.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let up = path.iter().take_while(|part| *part == "super").count();
        let from = match path.first()?.as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" => return Some([module, &path[1..]].concat()),
            "super" => module.get(..module.len().checked_sub(up)?)?,
            child => {
                let inside = [module.as_slice(), &[child.to_owned()]].concat();
                return self.has(&inside).then(|| [module, path].concat());
            }
        };
        Some([from, &path[up..]].concat())
    }

    /// The file in which what a path names stands, through re-exports.
    fn home(&self, path: &[String], depth: usize) -> Module {
        let long = (0..=path.len())
            .rev()
            .find(|length| self.has(&path[..*length]));
        let (module, rest) = path.split_at(long.unwrap_or(0));
        let export = rest
            .first()
            .and_then(|name| self.exports.get(module)?.get(name));
        match export {
            Some(target) if depth > 0 => self.home(&[target, &rest[1..]].concat(), depth - 1),
            _ => module.to_vec(),
        }
    }

    /// The files that a file needs.
    fn needs(&self, module: &Module, text: &str) -> BTreeSet<Module> {
        let lists = self.path(module).ends_with("mod.rs") || self.path(module).ends_with("lib.rs");
        let (imports, rest) = imports(text);
        let used = imports.iter().filter(|import| !(lists && import.public));
        let named = used.map(|import| import.path.clone());
        let inline = inline(&rest)
            .into_iter()
            .flat_map(|path| spelled_out(&path, &imports));
        let absolute = named
            .chain(inline)
            .filter_map(|path| self.absolute(module, &path));
        let homes = absolute.map(|path| self.home(&path, 8));
        homes
            .filter(|home| home != module && self.has(home))
            .collect()
    }

    /// The path of a module's file.
    fn path(&self, module: &Module) -> String {
        let inner = self
            .texts
            .keys()
            .any(|other| other.len() > module.len() && other.starts_with(module));
        match (module.is_empty(), inner) {
            (true, _) => format!("{}/src/lib.rs", self.member),
            (false, true) => format!("{}/src/{}/mod.rs", self.member, module.join("/")),
            (false, false) => format!("{}/src/{}.rs", self.member, module.join("/")),
        }
    }
}

fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" | "main" | "mod" => Vec::new(),
        path => path.split('/').map(str::to_owned).collect(),
    }
}

/// What one `use` brings into a file.
struct Import {
    /// Whether it is exported again.
    public: bool,
    /// What the file calls it.
    name: String,
    path: Vec<String>,
}

/// What a text imports, and the text without it.
fn imports(text: &str) -> (Vec<Import>, String) {
    let (mut found, mut rest, mut from) = (Vec::new(), String::new(), 0);
    for (start, _) in text.match_indices("use ") {
        let line = text[..start].rsplit('\n').next().unwrap_or_default();
        let line = line.trim_start();
        let public = line.starts_with("pub") && line.ends_with(' ') && !line.contains(['=', ';']);
        if !public && !line.is_empty() || start < from {
            continue;
        }
        let tree = text[start + 4..].split(';').next().unwrap_or_default();
        let named = leaves(tree, &[]).into_iter();
        found.extend(named.map(|(name, path)| Import { public, name, path }));
        rest.push_str(&text[from..start]);
        from = start + 4 + tree.len();
    }
    rest.push_str(&text[from..]);
    (found, rest)
}

/// The names and paths of one import, with braces spread out.
fn leaves(tree: &str, before: &[String]) -> Vec<(String, Vec<String>)> {
    let parts = |text: &str| -> Vec<String> {
        let parts = text.split("::").map(|part| part.trim().to_owned());
        parts.filter(|part| !part.is_empty()).collect()
    };
    let Some((head, body)) = tree.split_once('{') else {
        let (path, name) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut path = [before, &parts(path)].concat();
        path.pop_if(|last| last == "self");
        let name = match (name.trim(), path.last()) {
            ("", Some(last)) => last.clone(),
            (name, _) => name.to_owned(),
        };
        return vec![(name, path)];
    };
    let body = body.rsplit_once('}').map_or(body, |(body, _)| body);
    let before = [before, &parts(head)].concat();
    let (mut depth, mut from, mut all) = (0, 0, Vec::new());
    for (at, letter) in body.char_indices().chain([(body.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let one = body[from..at].trim();
                if !one.is_empty() {
                    all.extend(leaves(one, &before));
                }
                from = at + 1;
            }
            _ => {}
        }
    }
    all
}

/// The paths that stand in a text without its imports.
fn inline(text: &str) -> Vec<Vec<String>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c: char| !is_part(c));
    let paths = words.map(|word| word.trim_matches(':'));
    paths
        .filter(|path| path.contains("::"))
        .map(|path| path.split("::").map(str::to_owned).collect())
        .collect()
}

/// A path with its first part as it was imported, once for each import of that name.
fn spelled_out(path: &[String], imports: &[Import]) -> Vec<Vec<String>> {
    let known = imports.iter().filter(|import| import.name == path[0]);
    let longer: Vec<_> = known
        .map(|import| [&import.path, &path[1..]].concat())
        .collect();
    match longer.is_empty() {
        true => vec![path.to_vec()],
        false => longer,
    }
}

/// The sets of files in which each needs each other.
fn circles(known: &Crate) -> Vec<BTreeSet<String>> {
    let needs: BTreeMap<&Module, BTreeSet<Module>> = known
        .texts
        .iter()
        .map(|(module, text)| (module, known.needs(module, text)))
        .collect();
    let reached: BTreeMap<&Module, BTreeSet<Module>> = needs
        .keys()
        .map(|module| (*module, reachable(module, &needs)))
        .collect();
    let mut found = BTreeSet::new();
    for (module, reaches) in &reached {
        let back = reaches
            .iter()
            .filter(|other| reached[other].contains(*module));
        let circle: BTreeSet<String> = back.map(|other| known.path(other)).collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

fn reachable(from: &Module, needs: &BTreeMap<&Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
    while let Some(next) = open.pop() {
        for other in &needs[&next] {
            if seen.insert(other.clone()) {
                open.push(other.clone());
            }
        }
    }
    seen
}

fn sample(texts: &[(&str, &str)]) -> Vec<BTreeSet<String>> {
    let files: Vec<File> = texts
        .iter()
        .map(|(path, text)| File::new(&format!("proxy/src/{path}"), text))
        .collect();
    circles(&Crate::of(&files, "proxy"))
}

#[test]
fn a_circle_is_found_through_groups_re_exports_and_inline_paths() {
    let lib = ("lib.rs", "pub mod a;\nmod inner;\nmod c;\n");
    let inner = (
        "inner/mod.rs",
        "mod b;\npub(crate) use b::{B, Other as Again};\n",
    );
    let found = sample(&[
        lib,
        inner,
        ("a.rs", "use crate::{c::C, inner::{B}};\nfn a() {}\n"),
        ("inner/b.rs", "fn b() { crate::a::a() }\n"),
        ("c.rs", "//! crate::a::A\npub struct C;\n"),
    ]);
    let circle = ["proxy/src/a.rs", "proxy/src/inner/b.rs"].map(str::to_owned);
    assert_eq!(found, [BTreeSet::from(circle)]);
}

#[test]
fn a_circle_is_found_through_a_path_that_begins_at_a_child() {
    let found = sample(&[
        ("lib.rs", "mod a;\n"),
        ("a/mod.rs", "mod b;\nfn a() { b::b() }\n"),
        ("a/b.rs", "fn b() { super::a() }\n"),
    ]);
    let circle = ["proxy/src/a/mod.rs", "proxy/src/a/b.rs"].map(str::to_owned);
    assert_eq!(found, [BTreeSet::from(circle)]);
}

#[test]
fn a_circle_is_found_through_the_name_of_an_imported_module() {
    for (import, call) in [
        ("use super::x;", "x::f()"),
        ("use crate::x;", "x::f()"),
        ("use super::{x::{self, g}, y};", "x::f()"),
        ("use crate::x as other;", "other::f()"),
        ("use crate::y::x;", "x::f()"),
    ] {
        let a = format!("{import}\npub(crate) fn a() {{ {call} }}\n");
        let found = sample(&[
            ("lib.rs", "mod a;\nmod x;\nmod y;\n"),
            ("a.rs", &a),
            (
                "x/mod.rs",
                "mod inner;\nmod leaf;\npub use inner::f;\npub use leaf::g;\n",
            ),
            ("x/inner.rs", "use crate::a;\npub fn f() { a::a() }\n"),
            ("x/leaf.rs", "pub fn g() {}\n"),
            ("y.rs", "pub(crate) use crate::x;\n"),
        ]);
        let circle = ["proxy/src/a.rs", "proxy/src/x/inner.rs"].map(str::to_owned);
        assert_eq!(found, [BTreeSet::from(circle)], "{import} {call}");
    }
}

#[test]
fn a_list_of_what_children_export_ties_no_circle() {
    let found = sample(&[
        ("lib.rs", "mod a;\n"),
        (
            "a/mod.rs",
            "mod b;\npub use b::{\n    B,\n    c,\n};\npub struct Cause {}\n",
        ),
        (
            "a/b.rs",
            "use super::Cause;\npub struct B(Cause);\npub fn c() {}\n",
        ),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn what_only_tests_need_is_no_circle() {
    let found = sample(&[
        ("lib.rs", "mod a;\nmod b;\n"),
        ("a.rs", "use super::b::B;\npub struct A;\n"),
        (
            "b.rs",
            "pub struct B;\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n",
        ),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

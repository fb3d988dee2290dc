//! Compose files as blueprints. What Docker Compose does with the same input was seen with its
//! version 2.40.3.

use super::super::{Blueprint, Command, Health, ImageSource, Service, read};
use super::noted;
use crate::source::testing::uploaded;

/// A Dockerfile that these projects are built from.
const DOCKERFILE: (&str, &str) = ("Dockerfile", "FROM scratch\nEXPOSE 3000\n");

async fn read_files(files: &[(&str, &str)]) -> Result<Blueprint, String> {
    let (_folder, tree) = uploaded(files).await;
    read(&tree).await.map_err(|error| error.to_string())
}

async fn compose(text: &str) -> Result<Blueprint, String> {
    read_files(&[DOCKERFILE, ("compose.yaml", text)]).await
}

/// The only service of a file whose service `a` has these keys.
async fn service(keys: &str) -> Result<Service, String> {
    let text = format!("services: {{a: {{image: x, {keys}}}}}");
    Ok(compose(&text).await?.services.remove(0))
}

fn names(blueprint: &Blueprint) -> Vec<(&str, bool)> {
    let services = blueprint.services.iter();
    services.map(|s| (s.name.as_str(), s.public)).collect()
}

#[tokio::test]
async fn an_ordinary_project_is_read() {
    let text = r#"
services:
  web:
    build: .
    command: ./server --name "a b"
    environment:
      LEVEL: 012
      DEBUG: yes
      GREETING: "${NAME:-nobody}"
    ports: ["8080:3000"]
    depends_on: [cache]
    container_name: shop
    restart: unless-stopped
  worker:
    build: {context: ., target: "", args: {MODE: 1e3}}
    entrypoint: ["/init"]
    user: "1000"
    working_dir: /srv
    mem_limit: 64m
    cpus: "0.5"
  cache:
    image: redis:7
"#;
    let files = [DOCKERFILE, ("compose.yaml", text), (".env", "NAME=ann\n")];
    let blueprint = read_files(&files).await.unwrap();
    assert_eq!(blueprint.origin, "compose.yaml");
    assert_eq!(
        names(&blueprint),
        [("web", true), ("worker", false), ("cache", false)]
    );
    let [web, worker, cache] = blueprint.services.as_slice() else {
        panic!("{blueprint:?}")
    };
    assert!(web.main);
    assert_eq!((web.port, &web.health), (3000, &Health::Default));
    let words = ["./server", "--name", "a b"].map(str::to_owned).to_vec();
    assert_eq!(web.command, Some(Command(words)));
    assert_eq!(
        (
            web.env["LEVEL"].as_str(),
            web.env["DEBUG"].as_str(),
            web.env["GREETING"].as_str()
        ),
        ("10", "yes", "ann")
    );
    let ImageSource::Build { args, target, .. } = &worker.image else {
        panic!("{worker:?}")
    };
    assert_eq!((args["MODE"].as_str(), target), ("1000", &None));
    assert_eq!(worker.process.entrypoint, Some(vec!["/init".to_owned()]));
    assert_eq!(worker.process.user.as_deref(), Some("1000"));
    assert_eq!(worker.process.working_dir.as_deref(), Some("/srv"));
    assert_eq!((worker.memory_bytes, worker.cpu_milli), (64 << 20, 500));
    assert_eq!(cache.image, ImageSource::Reference("redis:7".to_owned()));
    for words in [
        "service web: compose.yaml:12: `container_name` has no effect",
        "service web: compose.yaml:11: `depends_on` does not delay",
    ] {
        noted(&blueprint, words);
    }
}

#[tokio::test]
async fn a_command_is_split_as_compose_does() {
    let words = |service: Service| service.command.map(|command| command.0);
    let own = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
    for (keys, wanted) in [
        ("command: migrate && serve", own(&["migrate"])),
        ("command: sh -c \"a && b\"", own(&["sh", "-c", "a && b"])),
        ("command: [a, b c]", own(&["a", "b c"])),
        ("command: ", None),
        ("command: \"\"", None),
    ] {
        assert_eq!(words(service(keys).await.unwrap()), wanted, "{keys}");
    }
    let blueprint = compose("services: {a: {image: x, command: a && b}}")
        .await
        .unwrap();
    noted(
        &blueprint,
        "Docker Compose drops `&` and everything after it",
    );
}

#[tokio::test]
async fn an_override_is_merged_over_the_file() {
    let base = "services:\n  a:\n    image: x\n    command: one\n    environment: {A: 1, B: 2}\n    ports: ['80:80']\n";
    let over = "services:\n  a:\n    command: two\n    environment: [B=3, C=4]\n  b: {image: y}\n";
    for name in ["compose.override.yml", "docker-compose.override.yml"] {
        let files = [("compose.yaml", base), (name, over)];
        let blueprint = read_files(&files).await.unwrap();
        let a = &blueprint.services[0];
        assert_eq!(a.command, Some(Command(vec!["two".to_owned()])), "{name}");
        let env: Vec<_> = a.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(env, ["A=1", "B=3", "C=4"]);
        assert_eq!(names(&blueprint), [("a", true), ("b", false)]);
    }
    let reset = "services:\n  a:\n    command: !reset null\n    environment: !override {Z: 1}\n";
    let files = [("compose.yaml", base), ("compose.override.yaml", reset)];
    let blueprint = read_files(&files).await.unwrap();
    assert_eq!(blueprint.services[0].command, None);
    assert_eq!(blueprint.services[0].env.keys().collect::<Vec<_>>(), ["Z"]);
}

#[tokio::test]
async fn services_extend_others_and_files_include_files() {
    let base = "services:\n  base:\n    build: ./app\n    env_file: app.env\n    environment: {A: base, B: base}\n";
    let text = "include: [more/compose.yaml]\nservices:\n  a:\n    extends: {file: o/base.yaml, service: base}\n    environment: {B: a}\n    ports: ['80:80']\n";
    let files = [
        ("compose.yaml", text),
        ("o/base.yaml", base),
        ("o/app/Dockerfile", "FROM scratch\n"),
        ("o/app.env", "C=file\n"),
        ("more/compose.yaml", "services:\n  more:\n    build: .\n"),
        ("more/Dockerfile", "FROM scratch\n"),
    ];
    let blueprint = read_files(&files).await.unwrap();
    assert_eq!(names(&blueprint), [("more", false), ("a", true)]);
    let context = |service: &Service| match &service.image {
        ImageSource::Build { context, .. } => context.clone(),
        other @ ImageSource::Reference(_) => panic!("{other:?}"),
    };
    assert_eq!(context(&blueprint.services[0]), "more");
    let a = &blueprint.services[1];
    assert_eq!(context(a), "o/app");
    let env: Vec<_> = a.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(env, ["A=base", "B=a", "C=file"]);
}

#[tokio::test]
async fn only_services_without_a_profile_or_with_ours_are_active() {
    let text = "services:\n  a: {image: x, ports: ['80:80']}\n  b: {image: x, profiles: [debug]}\n  c: {image: x, profiles: [debug, dayfly]}\n";
    let blueprint = compose(text).await.unwrap();
    assert_eq!(names(&blueprint), [("a", true), ("c", false)]);
    noted(&blueprint, "left out, because of their `profiles`: b");
}

#[tokio::test]
async fn the_service_that_people_open_has_the_url() {
    for (services, wanted) in [
        ("a: {image: x}", vec![("a", true)]),
        (
            "a: {image: x, ports: ['80']}\n  b: {image: x}",
            vec![("a", true), ("b", false)],
        ),
        (
            "a: {image: x, ports: ['5432:5432']}\n  b: {image: x, ports: ['80:80']}",
            vec![("a", false), ("b", true)],
        ),
        (
            "a: {image: x, ports: ['127.0.0.1:80:80']}\n  b: {image: x, ports: ['80:80']}",
            vec![("a", false), ("b", true)],
        ),
        (
            "a: {image: x, ports: ['80:80']}\n  b: {image: x, labels: {dev.dayfly.public: true}}",
            vec![("a", false), ("b", true)],
        ),
        (
            "a: {image: x, ports: ['80:80'], labels: [dev.dayfly.public=false]}\n  b: {image: x, ports: ['81:81']}",
            vec![("a", false), ("b", true)],
        ),
    ] {
        let blueprint = compose(&format!("services:\n  {services}\n"))
            .await
            .unwrap();
        assert_eq!(names(&blueprint), wanted, "{services}");
    }
    let said = compose("services:\n  a: {image: x}\n  b: {image: x}\n")
        .await
        .unwrap_err();
    assert!(said.contains("no service would have a URL"), "{said}");
}

#[tokio::test]
async fn what_gives_power_over_the_host_is_refused_with_its_line() {
    for keys in [
        "privileged: true",
        "cap_add: [SYS_ADMIN]",
        "devices: [/dev/kvm]",
        "pid: host",
        "ipc: host",
        "network_mode: host",
        "network_mode: 'container:x'",
        "userns_mode: host",
        "uts: host",
        "security_opt: [seccomp=unconfined]",
        "cgroup_parent: /",
        "sysctls: {net.ipv4.ip_forward: 1}",
        "runtime: runsc",
        "gpus: all",
        "use_api_socket: true",
        "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
        "volumes: ['/:/host']",
        "volumes: ['../other:/x']",
        "volumes: ['~/.ssh:/x']",
        "volumes: [{type: bind, source: /etc, target: /x}]",
        "env_file: /etc/shadow",
        "env_file: ../.env",
    ] {
        let text = format!("services:\n  a:\n    image: x\n    {keys}\n");
        let said = compose(&text).await.unwrap_err();
        assert!(said.starts_with("compose.yaml:4: "), "{keys}: {said}");
    }
    for text in [
        "services: {a: {build: 'https://example.org/x.git'}}",
        "services: {a: {build: ../x}}",
        "services: {a: {build: {context: ., network: host}}}",
        "services: {a: {build: {context: ., ssh: [default]}}}",
        "services: {a: {image: x}}\nvolumes: {v: {driver_opts: {type: none, o: bind, device: /}}}",
        "services: {a: {image: x}}\ninclude: [../x.yaml]",
        "services: {a: {extends: {file: ../x.yaml, service: b}}}",
    ] {
        let said = compose(text).await.unwrap_err();
        assert!(said.starts_with("compose.yaml:"), "{text}: {said}");
    }
}

#[tokio::test]
async fn what_compose_refuses_is_refused_with_its_line() {
    for (keys, wanted) in [
        (
            "comand: x",
            "unknown key `comand` in service a; did you mean `command`?",
        ),
        (
            "command: [a, 1]",
            "`command` must be text, but is a whole number",
        ),
        ("command: (a b)", "cannot be split into words"),
        ("environment: {A: 2024-01-01}", "the value of A is a date"),
        ("environment: {A: [x]}", "the value of A is a list"),
        (
            "environment: 5",
            "`environment` must be a mapping or a list",
        ),
        ("ports: ['localhost:80:80']", "write an IP address, or none"),
        ("mem_limit: 512x", "is not a size"),
        ("user: 1000", "`user` must be text, but is a whole number"),
        (
            "env_file: nowhere.env",
            "nowhere.env, which is not among the files",
        ),
        ("depends_on: [b]", "depends on b, which is not there"),
        ("volumes: ['d:/x']", "a drive of Windows"),
        ("volumes: ['data:/x']", "is not declared"),
        ("environment: {A: '${V!}'}", "does not name a variable"),
        (
            "environment: {A: '${V:?say it}'}",
            "the required variable V has no value: say it",
        ),
    ] {
        let text = format!("services:\n  a:\n    image: x\n    {keys}\n");
        let said = compose(&text).await.unwrap_err();
        assert!(
            said.starts_with("compose.yaml:4: ") && said.contains(wanted),
            "{keys}: {said}"
        );
    }
    for (text, wanted) in [
        ("", "the file is empty"),
        ("[a]", "must be a mapping"),
        (
            "services:\n  a: null\n",
            "compose.yaml:2: service a must be a mapping",
        ),
        ("services:\n  a: {}\n", "has neither `image` nor `build`"),
        ("services: [a]\n", "`services` must be a mapping"),
        ("version: '3'\n", "the file has no `services`"),
        (
            "sevices: {}\n",
            "unknown key `sevices` in the file; did you mean `services`?",
        ),
    ] {
        let said = compose(text).await.unwrap_err();
        assert!(said.contains(wanted), "{text}: {said}");
    }
}

#[tokio::test]
async fn what_has_no_effect_or_no_value_is_noted() {
    let text = "services:\n  a:\n    image: x\n    hostname: h\n    environment: {A: $NOWHERE}\n    volumes: ['kept:/data']\nvolumes: {kept: }\n";
    let blueprint = compose(text).await.unwrap();
    for words in [
        "service a: compose.yaml:4: `hostname` has no effect",
        "compose.yaml:5: NOWHERE has no value, and became empty",
        "service a: compose.yaml:6: the volume kept is not created",
    ] {
        noted(&blueprint, words);
    }
}

#[tokio::test]
async fn a_bind_of_the_code_that_the_image_is_built_from_is_passed_over() {
    let text = "services:\n  a:\n    build: .\n    volumes: ['.:/app', '/app/node_modules']\n";
    noted(
        &compose(text).await.unwrap(),
        ". is not mounted: the container has the files",
    );
    let text = "services:\n  a:\n    image: x\n    volumes: ['./nginx.conf:/etc/nginx.conf']\n";
    assert!(
        compose(text)
            .await
            .unwrap_err()
            .contains("not supported yet")
    );
}

#[tokio::test]
async fn a_health_check_is_read_in_every_form() {
    let check = |health: Health| match health {
        Health::Check(check) => (check.run, check.limit_ms),
        other => panic!("{other:?}"),
    };
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    for (test, wanted, limit_ms) in [
        (
            "{test: curl -f x || exit 1}",
            words(&["/bin/sh", "-c", "curl -f x || exit 1"]),
            30_000,
        ),
        ("{test: NONE}", words(&["/bin/sh", "-c", "NONE"]), 30_000),
        (
            "{test: [CMD, curl, x], timeout: 5s}",
            words(&["curl", "x"]),
            5_000,
        ),
        (
            "{test: [CMD-SHELL, a && b], timeout: 1ms}",
            words(&["/bin/sh", "-c", "a && b"]),
            100,
        ),
    ] {
        let service = service(&format!("healthcheck: {test}")).await.unwrap();
        assert_eq!(check(service.health), (wanted, limit_ms), "{test}");
    }
    for off in [
        "{test: [NONE]}",
        "{test: []}",
        "{test: x, disable: true}",
        "{}",
        "{interval: 1s}",
    ] {
        let service = service(&format!("healthcheck: {off}")).await.unwrap();
        assert_eq!(service.health, Health::Default, "{off}");
    }
    for wrong in [
        "{test: [curl, x]}",
        "{test: [cmd, a]}",
        "{interval: 10}",
        "{timeout: \"10\"}",
        "x",
    ] {
        assert!(
            service(&format!("healthcheck: {wrong}")).await.is_err(),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn what_grows_without_end_is_refused() {
    let web = "services: {web: {image: x}}\n";
    let uses = vec!["$B"; 500].join(", ");
    let text = format!("{web}x-a: [{uses}]\n");
    let env = format!("B={}\n", "a".repeat(100_000));
    let files = [("compose.yaml", text.as_str()), (".env", env.as_str())];
    let said = read_files(&files).await.unwrap_err();
    assert!(said.contains("more than 8 MiB"), "{said}");
    let extends: String = (0..150)
        .map(|at| format!("  s{at}: {{extends: web}}\n"))
        .collect();
    let words = vec!["x"; 1000].join(", ");
    let text = format!("services:\n  web: {{image: x, x-a: [{words}]}}\n{extends}");
    let said = compose(&text).await.unwrap_err();
    assert!(said.contains("50000 values"), "{said}");
    let doubling: String = (0..30)
        .map(|at| format!("A{}=$A{at}$A{at}\n", at + 1))
        .collect();
    let env = format!("A0=aaaaaaaa\n{doubling}");
    let files = [("compose.yaml", web), (".env", env.as_str())];
    assert!(read_files(&files).await.is_err());
    let circle = format!("include: [compose.yaml]\n{web}");
    let said = compose(&circle).await.unwrap_err();
    assert!(
        said.starts_with("compose.yaml:1: compose.yaml includes itself"),
        "{said}"
    );
    let said = compose("services:\n  a: {image: x, extends: b}\n  b: {extends: a}\n").await;
    assert!(said.unwrap_err().contains("in a circle"));
    let many: String = (0..201)
        .map(|at| format!("  s{at}: {{image: x}}\n"))
        .collect();
    let said = compose(&format!("services:\n{many}")).await.unwrap_err();
    assert!(said.contains("more than 200 services"), "{said}");
    let long = format!(
        "services: {{a: {{image: x, mem_limit: '{}'}}}}",
        "k".repeat(10_000)
    );
    assert!(compose(&long).await.unwrap_err().len() < 1_000);
}

#[tokio::test]
async fn a_build_argument_without_a_value_is_that_of_the_project() {
    let text = "services: {a: {build: {context: ., args: [V, N, W=1], dockerfile: ''}}}";
    let files = [DOCKERFILE, ("compose.yaml", text), (".env", "V=v\n")];
    let blueprint = read_files(&files).await.unwrap();
    let ImageSource::Build {
        args, dockerfile, ..
    } = &blueprint.services[0].image
    else {
        panic!("{blueprint:?}")
    };
    let args: Vec<_> = args.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        (args.join(" ").as_str(), dockerfile.as_str()),
        ("V=v W=1", "Dockerfile")
    );
}

#[tokio::test]
async fn an_included_file_has_its_own_folder_and_variables_and_no_conflict() {
    let included = "services:\n  db:\n    build: {}\n    environment: {T: $T, U: $U}\n";
    let files = |text: &'static str| {
        [
            ("compose.yaml", text),
            (".env", "T=main\n"),
            ("sub/i.yaml", included),
            ("sub/.env", "T=sub\nU=$T\n"),
            ("sub/Dockerfile", "FROM scratch\n"),
        ]
    };
    let text = "include: [sub/i.yaml]\nservices:\n  web: {image: x, ports: ['80:80']}\n";
    let blueprint = read_files(&files(text)).await.unwrap();
    let db = blueprint
        .services
        .iter()
        .find(|s| s.name.as_str() == "db")
        .unwrap();
    assert!(matches!(&db.image, ImageSource::Build { context, .. } if context == "sub"));
    assert_eq!(
        (db.env["T"].as_str(), db.env["U"].as_str()),
        ("main", "main")
    );
    let text = "include: [sub/i.yaml]\nservices:\n  db: {image: x, ports: ['80:80']}\n";
    let said = read_files(&files(text)).await.unwrap_err();
    assert!(
        said.contains("services.db, which is there already"),
        "{said}"
    );
}

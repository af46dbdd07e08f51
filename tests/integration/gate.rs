//! The gate as a pull request meets it: policy, lock and baseline in a repository, with the binary and with real git.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use topple::policy::Policy;
use topple::rule::lock::Lock;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) fn topple(folder: &Path, arguments: &[&str]) -> Output {
    topple_in(folder, arguments, &[])
}

fn topple_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_topple"))
        .args(arguments)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(variables.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Checks how a run ends, and returns what it says.
pub(crate) fn ends(output: &Output, code: i32) -> String {
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

fn git(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .args(["-c", "user.name=test", "-c", "user.email=test@example.com"])
        .args(arguments)
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir(folder)
        .output()
        .unwrap()
}

fn git_does(folder: &Path, arguments: &[&str]) {
    let output = git(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
}

fn commit(folder: &Path, message: &str) {
    git_does(folder, &["add", "-A"]);
    git_does(folder, &["commit", "-q", "-m", message]);
}

/// Returns a repository on branch main.
pub(crate) fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git_does(folder.path(), &["init", "-q", "-b", "main"]);
    folder
}

/// Returns traces, one for each call from one service to another.
pub(crate) fn traces(calls: &[(&str, &str)]) -> String {
    let mut lines = String::new();
    for (number, (from, to)) in calls.iter().enumerate() {
        let span = |service: &str, id: u32, parent: u32, kind: u32| {
            let parent = match parent {
                0 => String::new(),
                parent => format!("\"parentSpanId\":\"{parent:016x}\","),
            };
            format!(
                "{{\"resource\":{{\"attributes\":[{{\"key\":\"service.name\",\"value\":{{\"stringValue\":\"{service}\"}}}}]}},\
                 \"scopeSpans\":[{{\"spans\":[{{\"traceId\":\"{:032x}\",\"spanId\":\"{id:016x}\",{parent}\"name\":\"GET /\",\"kind\":{kind},\
                 \"startTimeUnixNano\":\"{}\",\"endTimeUnixNano\":\"{}\"}}]}}]}}",
                number + 1,
                1_000_000_000_000 + u64::from(id) * 1_000,
                1_000_000_900_000 - u64::from(id) * 1_000,
            )
        };
        let spans = [span(from, 1, 0, 2), span(from, 2, 1, 3), span(to, 3, 2, 2)];
        lines.push_str(&format!("{{\"resourceSpans\":[{}]}}\n", spans.join(",")));
    }
    lines
}

#[test]
fn what_init_writes_passes_at_once() {
    for input in [
        "testdata/recorded/shop.pb",
        "testdata/recorded/shop-node.jsonl",
        "testdata/formats/jaeger-api.json",
        "testdata/formats/otlp-lines.jsonl",
        "testdata/formats/zipkin-list.json",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let input = Path::new(ROOT).join(input);
        let input = input.to_str().unwrap();
        ends(&topple(folder.path(), &["init", input]), 0);
        let said = ends(&topple(folder.path(), &["check", input]), 0);
        assert!(
            said.starts_with("gate open: nothing fails"),
            "{input}: {said}"
        );
        assert!(!said.contains("\nunknown "), "{input}: {said}");
        let again = ends(&topple(folder.path(), &["init", input]), 2);
        assert!(again.contains("--force writes over it"), "{again}");
        ends(&topple(folder.path(), &["init", input, "--force"]), 0);
    }
}

#[test]
fn a_new_edge_closes_the_gate_until_the_lock_has_it() {
    let folder = repository();
    let root = folder.path();
    let known = [("web", "cart"), ("cart", "stock"), ("web", "pay")];
    fs::write(root.join("traces.jsonl"), traces(&known)).unwrap();
    ends(&topple(root, &["init", "traces.jsonl"]), 0);
    commit(root, "start");
    git_does(root, &["checkout", "-q", "-b", "change"]);
    let more = [known.as_slice(), &[("pay", "stock")]].concat();
    fs::write(root.join("traces.jsonl"), traces(&more)).unwrap();

    let said = ends(
        &topple(root, &["check", "traces.jsonl", "--base", "main"]),
        1,
    );
    assert!(
        said.starts_with("gate closed: 1 violation of 1 rule"),
        "{said}"
    );
    assert!(
        said.contains("compared with topple.lock at main: 1 new edge, 0 not"),
        "{said}"
    );
    assert!(
        said.contains("pay -> stock is a new edge: 1 call"),
        "{said}"
    );
    assert!(said.contains("id: new-edges:pay->stock"), "{said}");
    let never = &["check", "traces.jsonl", "--fail-on", "never"];
    ends(&topple(root, never), 0);
    let other = &["check", "traces.jsonl", "--only", "no-sync-cycles"];
    ends(&topple(root, other), 0);

    ends(
        &topple(root, &["check", "traces.jsonl", "--update-lock"]),
        0,
    );
    commit(root, "approve");
    ends(
        &topple(root, &["check", "traces.jsonl", "--base", "main"]),
        0,
    );
    let lock = fs::read_to_string(root.join("topple.lock")).unwrap();
    assert!(
        lock.contains("\nedge pay -> stock unknown sync\n"),
        "{lock}"
    );

    // What was not seen this time stays approved.
    fs::write(root.join("traces.jsonl"), traces(&known[..1])).unwrap();
    let said = ends(
        &topple(root, &["check", "traces.jsonl", "--update-lock"]),
        0,
    );
    assert!(said.contains("0 new edges, 3 not seen this time"), "{said}");
    assert_eq!(fs::read_to_string(root.join("topple.lock")).unwrap(), lock);
}

/// Returns a text without the ends of its lines.
pub(crate) fn unwrapped(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[test]
fn a_ratchet_gets_worse_only_when_someone_accepts_it() {
    let folder = repository();
    let root = folder.path();
    let edges = [("web", "cart"), ("web", "pay"), ("cart", "stock")];
    let saw = |n: usize| fs::write(root.join("traces.jsonl"), traces(&edges[..n])).unwrap();
    let lock = || fs::read_to_string(root.join("topple.lock")).unwrap();
    let rules = "version: 1\nmetrics:\n  edges: { fail: 9, ratchet: true }\n";
    fs::write(root.join("topple.yaml"), rules).unwrap();
    let check = |more: &[&str], code| {
        let args = [&["check", "traces.jsonl"], more].concat();
        ends(&topple(root, &args), code)
    };
    saw(2);
    // The first lock is what the ratchet holds from then on.
    check(&["--update-lock"], 3);
    assert!(lock().contains("\nmetric edges 2\n"), "{}", lock());
    commit(root, "start");
    saw(1);
    check(&[], 0);
    saw(3);
    let said = check(&["--update-lock"], 1);
    assert!(lock().contains("\nmetric edges 2\n"), "{}", lock());
    assert!(lock().contains("\nedge cart -> stock "), "{}", lock());
    let stays = "edges stays 2 in the lock: it may only get better, and is 3 now; --accept=edges would take that";
    assert!(unwrapped(&said).contains(stays), "{said}");
    let said = check(&["--accept=edgse"], 2);
    assert!(said.contains("did you mean \"edges\"?"), "{said}");
    let said = check(&["--update-lock", "--accept=edges"], 0);
    let went = "edges went from 2 to 3 in the lock, as --accept asked";
    assert!(unwrapped(&said).contains(went), "{said}");
    assert!(lock().contains("\nmetric edges 3\n"), "{}", lock());
    assert!(!lock().contains("\naccept "), "{}", lock());
    // The review of the change sees it in the lock; the earlier lock alone would close the gate.
    check(&["--base", "HEAD"], 0);
    git_does(root, &["checkout", "-q", "topple.lock"]);
    check(&["--base", "HEAD"], 1);
    // What is better is taken without a word.
    saw(1);
    check(&["--update-lock"], 0);
    assert!(lock().contains("\nmetric edges 1\n"), "{}", lock());
}

#[test]
fn violations_can_be_accepted_and_waived() {
    let folder = repository();
    let root = folder.path();
    fs::write(
        root.join("traces.jsonl"),
        traces(&[("web", "stock"), ("web", "cart")]),
    )
    .unwrap();
    let rules = "version: 1\nrules:\n  - { id: no-stock, forbid: { from: web, to: stock } }\n";
    fs::write(root.join("topple.yaml"), rules).unwrap();
    let said = ends(&topple(root, &["check", "traces.jsonl", "-v"]), 1);
    assert!(said.contains("look first at: web calls stock"), "{said}");
    assert!(said.contains("(topple.yaml:3)"), "{said}");
    let (_, waiver) = said.split_once("    - {").unwrap();
    let waiver = waiver.lines().next().unwrap();
    let waiver = waiver
        .replace("YYYY-MM-DD", "2026-12-31")
        .replace("...", "soon");
    fs::write(
        root.join("topple.yaml"),
        format!("{rules}waivers:\n  - {{{waiver}\n"),
    )
    .unwrap();
    let at = |day| ["check", "traces.jsonl", "--today", day];
    ends(&topple(root, &at("2026-12-31")), 0);
    let said = ends(&topple(root, &at("2027-01-01")), 1);
    assert!(said.contains("ended on 2026-12-31"), "{said}");
    ends(
        &topple(
            root,
            &["check", "traces.jsonl", "--today", "2027-01-01", "--accept"],
        ),
        0,
    );
    let lock = fs::read_to_string(root.join("topple.lock")).unwrap();
    assert!(lock.ends_with("\naccept no-stock:web->stock\n"), "{lock}");
    ends(&topple(root, &at("2027-01-01")), 0);
}

#[test]
fn a_baseline_may_be_any_earlier_output() {
    let folder = repository();
    let root = folder.path();
    fs::write(
        root.join("old.jsonl"),
        traces(&[("web", "cart"), ("cart", "stock")]),
    )
    .unwrap();
    fs::write(
        root.join("now.jsonl"),
        traces(&[("web", "cart"), ("web", "stock")]),
    )
    .unwrap();
    let rules =
        "version: 1\nrules:\n  - { id: new-edges, new_edges: { approve_in: topple.lock } }\n";
    fs::write(root.join("topple.yaml"), rules).unwrap();
    ends(&topple(root, &["report", "old.jsonl", "-o", "old.json"]), 0);
    ends(&topple(root, &["fold", "old.jsonl", "-o", "old.topo"]), 0);
    for base in ["old.jsonl", "old.json", "old.topo"] {
        let said = ends(&topple(root, &["check", "now.jsonl", "--base", base]), 1);
        assert!(
            said.contains(&format!("compared with {base}: 1 new edge, 1 not seen")),
            "{said}"
        );
        ends(&topple(root, &["check", "old.jsonl", "--base", base]), 0);
    }
    // Without any, nothing can be told; a name of nothing is a mistake.
    ends(&topple(root, &["check", "now.jsonl"]), 3);
    let said = ends(&topple(root, &["check", "now.jsonl", "--base", "v1"]), 2);
    let help = "there is no such file; a commit that was not fetched comes with: git fetch --depth=1 origin v1";
    assert!(said.contains(help), "{said}");
    let main = ["check", "now.jsonl", "--base", "origin/main"];
    let said = ends(&topple(root, &main), 2);
    let help = "git fetch --depth=1 origin main:refs/remotes/origin/main";
    assert!(said.contains(help), "{said}");
    ends(
        &topple(root, &["check", "now.jsonl", "--base", "--upload-pack=x"]),
        2,
    );
    fs::write(root.join("empty.jsonl"), "").unwrap();
    ends(
        &topple(root, &["check", "now.jsonl", "--base", "empty.jsonl"]),
        2,
    );
}

/// A policy to which the recorded shop does not keep.
const STRICT: &str = r#"version: 1
evidence: { min_calls: 5, confidence: 80%, on_unknown: ignore }
services:
  define: [ { match: web, criticality: critical }, { match: [orders, inventory], criticality: low } ]
entrypoints:
  checkout: { service: web, operation: "POST /checkout", slo: { p50: 1ms, p99: 1ms, errors: 0.1% } }
rules:
  - { id: depth, depth: { max: 1 } }
  - { id: hard, criticality: { forbid_hard: [critical -> low] } }
  - { id: late, slo: { entrypoints: "*" } }
  - { id: no-calls, forbid: { from: web, to: "*" } }
  - { id: p99, limit: { metric: client_ns.p99, edges: { to: "*" }, above: 1us } }
  - { id: phantoms, phantoms: { max_per_10k: 0 } }
  - { id: retries, retries: { max_attempts: 1, max_rate: 1%, one_layer_only: true } }
  - { id: spof, spof: { max_blast_radius: 0.1% } }
  - { id: timeouts, timeouts: { nested: true } }
"#;

#[test]
fn a_json_report_tells_what_is_new_like_a_topology() {
    let folder = repository();
    let root = folder.path();
    fs::copy("testdata/recorded/shop.pb", root.join("shop.pb")).unwrap();
    ends(&topple(root, &["report", "shop.pb", "-o", "bare.json"]), 0);
    fs::write(root.join("topple.yaml"), STRICT).unwrap();
    ends(&topple(root, &["report", "shop.pb", "-o", "base.json"]), 0);
    ends(&topple(root, &["fold", "shop.pb", "-o", "base.topo"]), 0);
    let rules = |base: &str| {
        let asked = [
            "check",
            "shop.pb",
            "--base",
            base,
            "--new-only",
            "-f",
            "json",
        ];
        let output = topple(root, &asked);
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let violations = said["verdict"]["violations"].as_array().unwrap().iter();
        let ages: Vec<(String, String)> = violations
            .map(|of| (of["id"].to_string(), of["age"].to_string()))
            .collect();
        let judged = said["verdict"]["rules"].as_array().unwrap().iter();
        let broken = judged.filter(|rule| rule["outcome"] == "waived").count();
        (ages, broken, output.status.code())
    };
    let (ages, broken, code) = rules("base.topo");
    assert!(
        broken == 5 && ages.iter().all(|(_, age)| age == "\"known\""),
        "{broken} {ages:?}"
    );
    assert_eq!(code, Some(0));
    // How many requests were too late is written with the limit that they were counted by.
    assert_eq!(rules("base.json"), (ages, broken, code));
    // Before there was a policy nobody counted them.
    let asked = ["check", "shop.pb", "--base", "bare.json", "--new-only"];
    let said = unwrapped(&ends(&topple(root, &asked), 1));
    let note = "whether all that late objects to is new is unknown: bare.json does not hold what that takes";
    assert!(said.contains(note), "{said}");
    // What a part leaves out is no removal.
    ends(
        &topple(root, &["cascades", "shop.pb", "-o", "part.json"]),
        0,
    );
    let said = ends(
        &topple(root, &["check", "shop.pb", "--base", "part.json"]),
        2,
    );
    assert!(said.contains("the report of a part has none"), "{said}");
    ends(
        &topple(
            root,
            &["report", "shop.pb", "--focus", "web", "-o", "near.json"],
        ),
        0,
    );
    let said = ends(
        &topple(root, &["check", "shop.pb", "--base", "near.json"]),
        2,
    );
    assert!(said.contains("the neighbourhood of web"), "{said}");
}

#[test]
fn nothing_to_judge_is_no_pass() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("traces.jsonl"), traces(&[("web", "cart")])).unwrap();
    fs::write(root.join("empty.jsonl"), "").unwrap();
    let said = ends(&topple(root, &["check", "traces.jsonl"]), 2);
    assert!(said.contains("topple init writes one"), "{said}");
    fs::write(root.join("topple.yaml"), "version: 1\n").unwrap();
    ends(&topple(root, &["check", "traces.jsonl"]), 2);
    let rules = "version: 1\nevidence: { min_traces: 2 }\nrules:\n  - { id: r, forbid: { from: web, to: pay } }\n";
    fs::write(root.join("topple.yaml"), rules).unwrap();
    ends(&topple(root, &["check", "traces.jsonl"]), 3);
    ends(
        &topple(root, &["check", "traces.jsonl", "--update-lock"]),
        3,
    );
    let said = ends(&topple(root, &["check", "empty.jsonl"]), 3);
    assert!(!said.contains("compared with"), "{said}");
    ends(&topple(root, &["check", "traces.jsonl", "--only", "q"]), 2);
    fs::write(root.join("topple.lock"), "edge a b\n").unwrap();
    let said = ends(&topple(root, &["check", "traces.jsonl"]), 2);
    assert!(said.contains("topple.lock:1:"), "{said}");
}

#[test]
fn the_base_of_a_pull_request_is_found_and_fetched() {
    let folder = repository();
    let origin = folder.path();
    fs::write(origin.join("traces.jsonl"), traces(&[("web", "cart")])).unwrap();
    ends(&topple(origin, &["init", "traces.jsonl"]), 0);
    commit(origin, "start");
    git_does(origin, &["checkout", "-q", "-b", "change"]);
    fs::write(
        origin.join("traces.jsonl"),
        traces(&[("web", "cart"), ("web", "pay")]),
    )
    .unwrap();
    ends(
        &topple(origin, &["check", "traces.jsonl", "--update-lock"]),
        0,
    );
    commit(origin, "change");
    let clones = tempfile::tempdir().unwrap();
    let url = format!("file://{}", origin.display());
    git_does(
        clones.path(),
        &["clone", "-q", "--depth=1", "--branch=change", &url, "clone"],
    );
    let clone = clones.path().join("clone");
    let check = || {
        topple_in(
            &clone,
            &["check", "traces.jsonl"],
            &[("GITHUB_BASE_REF", "main")],
        )
    };
    let said = ends(&check(), 2);
    let (_, fetch) = said.split_once("the clone is shallow: ").unwrap();
    let fetch: Vec<&str> = fetch.lines().next().unwrap().split(' ').skip(1).collect();
    git_does(&clone, &fetch);
    let said = ends(&check(), 0);
    assert!(
        said.contains("topple.lock at origin/main: 1 new edge"),
        "{said}"
    );
    assert!(said.contains("as GITHUB_BASE_REF says"), "{said}");
}

#[test]
fn branches_that_add_different_edges_merge() {
    let lines = |calls: &[(&str, &str)]| {
        let facts = calls
            .iter()
            .map(|(from, to)| format!("edge {from} -> {to} http sync\n"));
        let lock = Lock::read(
            &facts.collect::<String>(),
            "topple.lock",
            &Policy::default(),
        )
        .unwrap();
        lock.to_string()
    };
    // In different places of the file any git merges them; at the same place git must be told to keep both.
    for (ours, theirs, attributes) in [
        (("b", "x"), ("y", "x"), ""),
        (("d", "x"), ("e", "x"), "topple.lock merge=union\n"),
    ] {
        let folder = repository();
        let root = folder.path();
        let base = [("a", "x"), ("c", "x"), ("m", "x"), ("z", "x")];
        let write =
            |calls: &[(&str, &str)]| fs::write(root.join("topple.lock"), lines(calls)).unwrap();
        fs::write(root.join(".gitattributes"), attributes).unwrap();
        write(&base);
        commit(root, "base");
        git_does(root, &["checkout", "-q", "-b", "theirs"]);
        write(&[base.as_slice(), &[theirs]].concat());
        commit(root, "theirs");
        git_does(root, &["checkout", "-q", "main"]);
        write(&[base.as_slice(), &[ours]].concat());
        commit(root, "ours");
        git_does(root, &["merge", "-q", "--no-edit", "theirs"]);
        let merged = fs::read_to_string(root.join("topple.lock")).unwrap();
        let merged = Lock::read(&merged, "topple.lock", &Policy::default()).unwrap();
        let all = lines(&[base.as_slice(), &[ours, theirs]].concat());
        assert_eq!(merged.to_string(), all);
    }
}

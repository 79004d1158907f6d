//! `demo`, and what `serve` says when it cannot start.

use std::process::Command;

use local::audit;

use crate::process::{Running, local, run, text};

#[test]
fn a_single_run_prints_one_line_of_json_and_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        folder.path(),
        &[
            "demo",
            "--once",
            "--json",
            "--tenants",
            "2",
            "--blobs",
            "10",
            "--records-per-blob",
            "5",
            "--lake",
            "lake",
        ],
    );
    let (out, told) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{told}");
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(
        out.starts_with(r#"{"published":100,"written":100,"duplicates":0,"lost":0,"seconds":"#),
        "{out}"
    );
    let lake = audit::read(&folder.path().join("lake")).unwrap();
    assert_eq!((lake.written(), lake.objects()), (100, 20));

    // The story is read from log events of the pipeline; a field or message spelled anew would leave holes.
    for part in [
        "registered",
        "subscribing to",
        "validated",
        "notified",
        "delivered",
    ] {
        assert!(told.contains(part), "nothing {part} in {told}");
    }
    assert!(!told.contains('?'), "{told}");

    let again = run(
        folder.path(),
        &["demo", "--once", "--json", "--lake", "lake"],
    );
    assert!(!again.status.success());
    assert!(text(&again.stderr).contains("not empty"));
}

#[test]
fn without_notifications_the_sweep_delivers_everything() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        folder.path(),
        &[
            "demo",
            "--once",
            "--json",
            "--no-webhook",
            "--sweep-seconds",
            "1",
            "--tenants",
            "1",
            "--blobs",
            "10",
            "--records-per-blob",
            "3",
        ],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout)
            .starts_with(r#"{"published":30,"written":30,"duplicates":0,"lost":0,"#)
    );
    assert!(text(&output.stderr).contains("not announced"));
}

#[test]
fn a_shell_with_few_file_descriptors_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 512 && exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_local"),
        ])
        .args([
            "demo",
            "--once",
            "--json",
            "--blobs",
            "60",
            "--records-per-blob",
            "80",
            "--tenants",
            "2",
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        !text(&output.stderr).contains("WARN"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn an_endless_run_stops_at_ctrl_c_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join(".ualstream/lake");
    let mut records = 0;
    for _ in 0..2 {
        let mut demo = Running::start_piped(&mut local(
            folder.path(),
            &["demo", "--tenants", "1", "--records-per-blob", "2"],
        ));
        let head = demo.read_to("delivered");
        assert!(
            head.contains("curl -s -H \"Authorization: Bearer $(cat "),
            "{head}"
        );
        let (rest, ended_well) = demo.interrupt();
        assert!(ended_well, "{head}{rest}");
        assert!(rest.contains("every record once"), "{rest}");
        assert!(!folder.path().join(".ualstream/ledger.sqlite-wal").exists());
        let now = audit::read(&lake).unwrap();
        assert!(now.written() > records, "{head}{rest}");
        assert_eq!(now.duplicates(), 0);
        records = now.written();
    }
}

#[test]
fn serve_says_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["serve"]);
    assert!(!output.status.success());
    let error = text(&output.stderr);
    for name in ["--client-id", "--client-secret", "--publisher-id"] {
        assert!(error.contains(name), "{error}");
    }
}

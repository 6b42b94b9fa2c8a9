//! A page of figures, read as Prometheus does: by its own library for Python.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::checkout;
use crate::foreign::python;

/// What the page says: its families by name, each with its `type` and its `samples`, whose names are
/// `name{label=value,…}`. None if the library is not installed.
#[must_use]
pub fn read_as_prometheus(page: &str) -> Option<Value> {
    let import = "import prometheus_client.parser";
    if !python().args(["-c", import]).stderr(Stdio::null()).status().ok()?.success() {
        crate::skip("prometheus-client");
        return None;
    }
    let script = checkout().join("tests/clients/prometheus/read.py");
    let mut reader = python()
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let mut input = reader.stdin.take().expect("a pipe");
    input.write_all(page.as_bytes()).expect("it reads the page");
    drop(input);
    let read = reader.wait_with_output().expect("it ends");
    assert!(read.status.success(), "it cannot be read:\n{page}");
    Some(serde_json::from_slice(&read.stdout).expect("JSON"))
}

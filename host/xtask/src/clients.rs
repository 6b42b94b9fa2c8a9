//! `cargo xtask clients`: the foreign programs that the tests drive, and what makes plugins of JavaScript,
//! into `target/clients`.
//! Nothing is installed outside that folder, and no other command installs anything.
//! The versions are pinned: a test must not change because someone released something.

use std::path::Path;

use crate::command::{Failure, answer, no_more, program, step};
use crate::{javascript, place};

/// An MQTT client, what reads as Prometheus does, and what scans a server's TLS.
const PYTHON: [(&str, &str); 3] =
    [("paho-mqtt", "2.1.0"), ("prometheus-client", "0.26.0"), ("sslyze", "6.3.1")];
const MQTT_JS: &str = "5.16.0";

/// Installs what is not there yet; may be called again and again.
///
/// A machine without Python or Node is told so and is no failure: the tests will print a SKIP.
pub(crate) fn install(args: &[String]) -> Result<(), Failure> {
    no_more("clients", args)?;
    let folder = place::clients();
    // All are tried, so that one missing package does not hide the others.
    let (python, node, plugins) = (from_python(&folder), mqtt_js(&folder), javascript::install());
    // It answers `--version` with an exit code of 1, so only whether it starts is asked.
    match program("mosquitto_pub").arg("--version").output() {
        Ok(_) => println!("mosquitto_pub, mosquitto_sub: already there"),
        Err(_) => {
            println!("mosquitto_pub: not found (Debian: `apt-get install mosquitto-clients`)");
        }
    }
    python.and(node).and(plugins)
}

fn from_python(folder: &Path) -> Result<(), Failure> {
    if answer(program("python3").arg("--version")).is_none() {
        println!("paho-mqtt: python3 not found (Debian: `apt-get install python3 python3-venv`)");
        return Ok(());
    }
    let venv = folder.join("venv");
    let python = venv.join("bin").join("python3");
    let all = PYTHON.map(|(package, version)| format!("{package}=={version}"));
    let ask = "import importlib.metadata as m, sys; \
               print(*(f'{name}=={m.version(name)}' for name in sys.argv[1:]))";
    let names = PYTHON.map(|(package, _)| package);
    if answer(program(&python).args(["-c", ask]).args(names)) == Some(all.join(" ")) {
        println!("{}: already there", all.join(", "));
        return Ok(());
    }
    println!("{}: installing into {}", names.join(", "), venv.display());
    step("python3 -m venv", program("python3").args(["-m", "venv", "--clear"]).arg(&venv))
        .map_err(|failure| with_hint(&failure, "Debian: `apt-get install python3-venv`"))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    // One by one, so that a package that this machine cannot have does not take the others along.
    let install = |package| {
        step("pip install", program(&python).args(pip).arg(package))
            .map_err(|failure| with_hint(&failure, "is the package index reachable?"))
    };
    all.iter().map(install).fold(Ok(()), Result::and)
}

fn mqtt_js(folder: &Path) -> Result<(), Failure> {
    if lacks_npm("MQTT.js") {
        return Ok(());
    }
    if installed_mqtt_js(folder).as_deref() == Some(MQTT_JS) {
        println!("MQTT.js {MQTT_JS}: already there");
        return Ok(());
    }
    println!("MQTT.js {MQTT_JS}: installing into {}", folder.join("node_modules").display());
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::Failed(format!("{}: {error}", folder.display())))?;
    npm("install", folder, &[&format!("mqtt@{MQTT_JS}")])
}

/// True where packages of npm cannot be installed; says so.
pub(crate) fn lacks_npm(package: &str) -> bool {
    let lacks = answer(program("npm").arg("--version")).is_none();
    if lacks {
        println!("{package}: npm not found (Debian: `apt-get install nodejs npm`)");
    }
    lacks
}

/// Runs no code of the packages.
pub(crate) fn npm(verb: &str, folder: &Path, packages: &[&str]) -> Result<(), Failure> {
    let mut npm = program("npm");
    npm.args([verb, "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(folder);
    step(&format!("npm {verb}"), npm.args(packages))
        .map_err(|failure| with_hint(&failure, "is the package index reachable?"))
}

/// Read from its manifest, as npm itself takes a second to answer.
fn installed_mqtt_js(folder: &Path) -> Option<String> {
    let manifest = folder.join("node_modules").join("mqtt").join("package.json");
    let text = std::fs::read_to_string(manifest).ok()?;
    let after = text.split("\"version\":").nth(1)?;
    after.split('"').nth(1).map(str::to_owned)
}

fn with_hint(failure: &Failure, hint: &str) -> Failure {
    Failure::Failed(format!("{failure}; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_version_is_read_from_the_manifest() {
        let folder = std::env::temp_dir().join(format!("xtask-clients-{}", std::process::id()));
        assert_eq!(installed_mqtt_js(&folder), None);
        let package = folder.join("node_modules").join("mqtt");
        std::fs::create_dir_all(&package).unwrap();
        let manifest = "{ \"name\": \"mqtt\",\n  \"version\": \"5.1.2\", \"x\": \"y\" }";
        std::fs::write(package.join("package.json"), manifest).unwrap();
        assert_eq!(installed_mqtt_js(&folder).as_deref(), Some("5.1.2"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

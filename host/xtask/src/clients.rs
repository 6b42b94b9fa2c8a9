//! `cargo xtask clients`: the foreign MQTT clients that the tests drive, into `target/clients`.
//! Nothing is installed outside that folder, and no other command installs anything.
//! The versions are pinned: a test must not change because someone released something.

use std::path::Path;

use crate::command::{Failure, answer, no_more, program, step};
use crate::place;

const PAHO: &str = "2.1.0";
const MQTT_JS: &str = "5.16.0";

/// Installs what is not there yet; may be called again and again.
///
/// A machine without Python or Node is told so and is no failure: the tests will print a SKIP.
pub(crate) fn install(args: &[String]) -> Result<(), Failure> {
    no_more("clients", args)?;
    let folder = place::clients();
    // Both are tried, so that one missing package does not hide the other.
    let (python, node) = (paho(&folder), mqtt_js(&folder));
    // It answers `--version` with an exit code of 1, so only whether it starts is asked.
    match program("mosquitto_pub").arg("--version").output() {
        Ok(_) => println!("mosquitto_pub, mosquitto_sub: already there"),
        Err(_) => {
            println!("mosquitto_pub: not found (Debian: `apt-get install mosquitto-clients`)");
        }
    }
    python.and(node)
}

fn paho(folder: &Path) -> Result<(), Failure> {
    if answer(program("python3").arg("--version")).is_none() {
        println!("paho-mqtt: python3 not found (Debian: `apt-get install python3 python3-venv`)");
        return Ok(());
    }
    let venv = folder.join("venv");
    let python = venv.join("bin").join("python3");
    let ask = "import importlib.metadata as m; print(m.version('paho-mqtt'))";
    if answer(program(&python).args(["-c", ask])).as_deref() == Some(PAHO) {
        println!("paho-mqtt {PAHO}: already there");
        return Ok(());
    }
    println!("paho-mqtt {PAHO}: installing into {}", venv.display());
    step("python3 -m venv", program("python3").args(["-m", "venv", "--clear"]).arg(&venv))
        .map_err(|failure| with_hint(&failure, "Debian: `apt-get install python3-venv`"))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    step("pip install", program(&python).args(pip).arg(format!("paho-mqtt=={PAHO}")))
        .map_err(|failure| with_hint(&failure, "is the package index reachable?"))
}

fn mqtt_js(folder: &Path) -> Result<(), Failure> {
    if answer(program("npm").arg("--version")).is_none() {
        println!("MQTT.js: npm not found (Debian: `apt-get install nodejs npm`)");
        return Ok(());
    }
    if installed_mqtt_js(folder).as_deref() == Some(MQTT_JS) {
        println!("MQTT.js {MQTT_JS}: already there");
        return Ok(());
    }
    println!("MQTT.js {MQTT_JS}: installing into {}", folder.join("node_modules").display());
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::Failed(format!("{}: {error}", folder.display())))?;
    let npm = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
    step("npm install", program("npm").args(npm).arg(folder).arg(format!("mqtt@{MQTT_JS}")))
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

//! What plugins cost on this machine: `cargo run --release --example cost -- PASSWORD.wasm`, with the
//! plugin `password` of `plugins/`, built for wasm32-wasip2.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use theseus_policy::Version as _;
use theseus_policy::{
    Answer, Call, Fault, FileContent, Hashing, Login, PluginState, Question, Setup,
};
use theseus_users::{Form, KeyedFile};
use theseus_wasm::{Bounds, Code, Engine, Version, inspect};

/// `ada` has the password `ahoy`, under a hash that costs next to nothing.
const USERS: &str = "ada:$6$dGhlc2V1cw==$iLVu+1Ghm5qwBVtDGTWzSMbyLkU2BOVcsYJkWif2SEd9m4mpegZNSeOpx+O71YqJ5qOgS+Fe0hymL6N9ymQEeQ==:site=4\n";

const BATCHES: u32 = 30;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("which plugin? give the path of password.wasm")?;
    let bytes = fs::read(path)?;
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    let dir = std::env::temp_dir().join(format!("theseus-cost-{}", std::process::id()));
    let engine = Engine::new(&dir, Bounds::default())?;
    println!("file            {:>10} bytes", bytes.len());
    best("inspect", 5, || drop(inspect(&bytes, &Bounds::default())));
    let began = Instant::now();
    let code = engine.compile(&bytes, sha256)?;
    println!("compile         {:>10.1?}", began.elapsed());
    best("cached load", 5, || drop(engine.compile(&bytes, sha256)));
    let entry = fs::read_dir(&dir)?.flatten().filter_map(|f| f.metadata().ok()).map(|m| m.len());
    println!("kept code       {:>10} bytes", entry.max().unwrap_or(0));
    fs::remove_dir_all(&dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(calls(&code))?;
    runtime.block_on(memory(&code))
}

fn setup() -> Result<Arc<Setup>, Box<dyn Error>> {
    let file = KeyedFile::parse(USERS.into(), Form::Users).map_err(|error| error.to_string())?;
    let files = [("users_file".to_owned(), FileContent::Keyed(Arc::new(file)))];
    Ok(Arc::new(Setup {
        settings: [].into(),
        files: files.into(),
        connectors: theseus_connector::Granted::default(),
        hashing: Hashing::new(1, 16, Duration::from_secs(20)),
        bans: theseus_policy::BanDesk::alone(),
        state: PluginState::alone(),
        budget: theseus_policy::Budget::default(),
    }))
}

fn login(user: Option<&str>, password: Option<&str>) -> Arc<Login> {
    Arc::new(Login {
        client_id: "sensor-0017".into(),
        user_name: user.map(Into::into),
        password: password.map(|password| password.as_bytes().into()),
        listener: "tcp:default".into(),
        ..Login::default()
    })
}

async fn calls(code: &Code) -> Result<(), Box<dyn Error>> {
    let (description, setup) = (code.describe().await?, setup()?);
    let mut shortest = Duration::MAX;
    for _ in 0..200 {
        let began = Instant::now();
        let version = Version::start(code, &description, setup.clone()).await?;
        shortest = shortest.min(began.elapsed());
        drop(version);
    }
    println!("instance + init {shortest:>10.1?}");
    let version = Version::start(code, &description, setup).await?;
    for (what, who) in [
        ("call: next", login(None, None)),
        ("call: deny", login(Some("ada"), None)),
        ("call: password", login(Some("ada"), Some("ahoy"))),
    ] {
        println!(
            "{what:<15} {:>10.1?}  {:?}",
            call(&version, &who).await,
            authenticate(&version, &who).await
        );
    }
    Ok(())
}

async fn authenticate(version: &Version, who: &Arc<Login>) -> Result<Answer, Fault> {
    version.ask(Question::about(who.clone(), Call::Authenticate)).await
}

/// The best batch: what it costs when nothing else wants the processor.
async fn call(version: &Version, who: &Arc<Login>) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..BATCHES {
        let began = Instant::now();
        for _ in 0..1000 {
            let _ = authenticate(version, who).await;
        }
        shortest = shortest.min(began.elapsed() / 1000);
    }
    shortest
}

async fn memory(code: &Code) -> Result<(), Box<dyn Error>> {
    const INSTANCES: usize = 500;
    let (description, setup, who) =
        (code.describe().await?, setup()?, login(Some("ada"), Some("ahoy")));
    let before = resident()?;
    let mut versions = Vec::new();
    for _ in 0..INSTANCES {
        versions.push(Version::start(code, &description, setup.clone()).await?);
    }
    let fresh = resident()?;
    for version in &versions {
        for _ in 0..10 {
            authenticate(version, &who).await.map_err(|fault| fault.to_string())?;
        }
    }
    let used = resident()?;
    let each = |after: usize| after.saturating_sub(before) / INSTANCES;
    println!("memory          {:>10} bytes per instance, {} after calls", each(fresh), each(used));
    Ok(())
}

fn resident() -> Result<usize, Box<dyn Error>> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm.split(' ').nth(1).ok_or("statm")?.parse()?;
    Ok(pages * 4096)
}

fn best(what: &str, times: u32, mut work: impl FnMut()) {
    let mut shortest = Duration::MAX;
    for _ in 0..times {
        let began = Instant::now();
        work();
        shortest = shortest.min(began.elapsed());
    }
    println!("{what:<15} {shortest:>10.1?}");
}

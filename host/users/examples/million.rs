//! How long a users file takes to read and how much memory it needs:
//! `cargo run --release -p theseus-users --example million [USERS]`.

use std::fmt::Write as _;
use std::time::Instant;

use theseus_users::{Form, KeyedFile};

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$MTIzNDU2Nzg5MDEyMzQ1Ng\
                    $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn main() {
    let users: u32 =
        std::env::args().nth(1).and_then(|users| users.parse().ok()).unwrap_or(1_000_000);
    let mut file = String::new();
    for user in 0..users {
        // Writing into a String cannot fail.
        let _ = writeln!(file, "device-{user:07}:{HASH}:tenant=acme,site=site-{}", user % 100);
    }
    let bytes = file.into_bytes();
    let size = bytes.len();

    let start = Instant::now();
    let file = KeyedFile::parse(bytes, Form::Users);
    let parsed = start.elapsed();
    let Ok(file) = file else { return eprintln!("the file is not as it should be") };

    let start = Instant::now();
    let found = (0..users)
        .filter(|user| {
            let user = user.wrapping_mul(2_654_435_761) % users;
            file.lookup(&format!("device-{user:07}")).is_some()
        })
        .count();
    let looked_up = start.elapsed();

    let per_user = |bytes: usize| bytes as f64 / f64::from(users);
    println!("{} users, {size} bytes, read in {parsed:?}", file.len());
    println!("memory: {} bytes, {:.1} a user", file.memory(), per_user(file.memory()));
    println!("  of that besides the file: {:.1} a user", per_user(file.memory() - size));
    println!("{found} look-ups, {:.0} ns each", looked_up.as_nanos() as f64 / f64::from(users));
}

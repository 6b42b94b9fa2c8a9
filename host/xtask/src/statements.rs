//! The tables of statements where more than their text is asked for: are their tests among those
//! that run, and which rows does a seed draw for a second look?

use crate::command::{Failure, cargo, output};
use crate::place;
use crate::tidy::{Proof, proofs};

/// `cargo xtask statements --draw SEED`: rows of both tables, for somebody to break the code under
/// each of them and see its test fail.
pub(crate) fn statements(args: &[String]) -> Result<(), Failure> {
    let [flag, seed] = args else { return Err(Failure::Usage(USAGE.to_owned())) };
    let seed = seed.parse().ok().filter(|_| flag == "--draw");
    let Some(seed) = seed else { return Err(Failure::Usage(USAGE.to_owned())) };
    println!("seed {seed}");
    for (table, id, tests) in draw(tested(), seed).into_iter().take(DRAWN) {
        println!("{table}\t{id}\t{}", tests.join(", "));
    }
    Ok(())
}

const USAGE: &str = "`cargo xtask statements --draw SEED`, where SEED is a number";

/// Rows that a seed draws.
const DRAWN: usize = 20;

/// Fails unless every test that the tables name is listed by a test program. A file that is no
/// longer compiled in still has its tests in its text, but no program lists them.
pub(crate) fn check_listed() -> Result<(), Failure> {
    let text = output("statements", &mut cargo("test --workspace -- --list --format terse"))?;
    let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
    let listed: Vec<Vec<&str>> = names.map(|name| name.split("::").collect()).collect();
    let rows = tested();
    let named = rows.iter().flat_map(|(_, _, tests)| tests);
    let gone: Vec<&str> =
        named.map(String::as_str).filter(|name| !crate::tidy::listed(&listed, name)).collect();
    match gone.is_empty() {
        true => Ok(()),
        false => Err(Failure::Failed(format!("no test program has {}", gone.join(", ")))),
    }
}

/// Table, identifier and tests of every row that has tests.
type Tested = (&'static str, String, Vec<String>);

fn tested() -> Vec<Tested> {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    proofs(&place::root(), |table, id, proof| match proof {
        Proof::Tests(names) => Some((table, id.to_owned(), owned(names))),
        _ => None,
    })
}

/// All rows in an order that the seed alone decides: from the last place down, each row changes
/// places with one that is not placed yet, picked by the next number of SplitMix64.
fn draw<T>(mut rows: Vec<T>, mut seed: u64) -> Vec<T> {
    for place in (1..rows.len()).rev() {
        let picked = (split_mix(&mut seed) % (place as u64 + 1)) as usize;
        rows.swap(place, picked);
    }
    rows
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_every_row_once_and_always_the_same() {
        let rows = || (0..100).collect::<Vec<u8>>();
        let drawn = draw(rows(), 7);
        assert_eq!(drawn, draw(rows(), 7));
        assert_ne!(drawn, draw(rows(), 8));
        let mut sorted = drawn;
        sorted.sort_unstable();
        assert_eq!(sorted, rows());
    }

    #[test]
    fn a_draw_needs_a_seed() {
        for args in [&["--draw"][..], &["--draw", "x"], &["draw", "1"], &[]] {
            let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            assert_eq!(statements(&args).unwrap_err().exit_code(), 2);
        }
    }
}

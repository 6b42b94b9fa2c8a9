//! Hashes that other programs made are verified, and those that ask for too much are refused.
#![expect(clippy::expect_used, reason = "a failed step is the failed test")]

use std::time::{Duration, Instant};

use theseus_users::{UnknownHash, hash, verify};

/// From the tests of the reference implementation of Argon2.
const ARGON2_64_MIB: &str =
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
const ARGON2_TWO_LANES: &str =
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
/// By `mosquitto_passwd` 2.0.11, without and with `-H sha512`.
const MOSQUITTO_7: &str = "$7$101$gCUgKEo5vzkaEmv7$aZeB6eRhbItvisK/7LpWI2iUEMdPCMF81pMymOMxpoA4XpjH\
                           99zKSdDfoTFhDatwQVVV1W0Yz9NcRrdTkCa61g==";
const MOSQUITTO_7_EMPTY: &str = "$7$101$s3duD5JugW9ll911$LXGAE2dFS7QPYXTgKZMkGYD12kuKXDnusucbl5oVyQU\
                                 WR+HLoQtYOZnNL7LlUnFg1wghk4DlBWDHbaRmvaEi4A==";
const MOSQUITTO_6: &str = "$6$12QPCfacWnz27pJ/$AmP1lxx+fhaLPRRGEovQ5jD/uLi1AeUiFBtahbOhHuFT3CaNrXizAM\
                           gAFtO5NpcqS3Y1eWXp/5jg2G/7U16vqQ==";
/// By libxcrypt.
const BCRYPT_2A: &str = "$2a$04$N9qo8uLOickgx2ZMRZoMye3eddwbvBZq9Vw2uHywyANtuDH4xsNoe";
const BCRYPT_2B_EMPTY: &str = "$2b$04$N9qo8uLOickgx2ZMRZoMyexhJu7XyhFyrko6QMKtD6uvGcfCxpYoK";
const BCRYPT_2Y: &str = "$2y$04$N9qo8uLOickgx2ZMRZoMye88I6MyU9ehfI6okQMBRtpkHHuyBe6h6";
const BCRYPT_71: &str = "$2b$04$N9qo8uLOickgx2ZMRZoMyeZrqiuBCXDngG.tCZJiJthtnQxo7i/dO";
const BCRYPT_72: &str = "$2b$04$N9qo8uLOickgx2ZMRZoMyedlslr.Jty7xCSm4JGSxc8PDTmSzo582";

#[track_caller]
fn only(hash: &str, right: &str) {
    assert_eq!(verify(hash, right.as_bytes()), Ok(true), "{right:?}");
    for wrong in ["wrong", &format!("{right}x"), &format!("x{right}")] {
        assert_eq!(verify(hash, wrong.as_bytes()), Ok(false), "{wrong:?}");
    }
}

#[test]
fn argon2id_of_the_reference_implementation() {
    only(ARGON2_TWO_LANES, "password");
    assert_eq!(verify(ARGON2_64_MIB, b"password"), Ok(true));
}

#[test]
fn mosquitto() {
    only(MOSQUITTO_7, "correct horse");
    only(MOSQUITTO_7_EMPTY, "");
    only(MOSQUITTO_6, "old way");
}

#[test]
fn padding_may_be_missing() {
    only(MOSQUITTO_6.trim_end_matches('='), "old way");
}

#[test]
fn bcrypt() {
    only(BCRYPT_2A, "secret");
    only(BCRYPT_2Y, "pässword");
    only(BCRYPT_2B_EMPTY, "");
    only(BCRYPT_71, &"x".repeat(71));
}

#[test]
fn bcrypt_looks_at_72_bytes() {
    assert_eq!(verify(BCRYPT_72, "x".repeat(72).as_bytes()), Ok(true));
    assert_eq!(verify(BCRYPT_72, "x".repeat(80).as_bytes()), Ok(true));
    assert_eq!(verify(BCRYPT_72, "x".repeat(71).as_bytes()), Ok(false));
}

#[test]
fn bits_behind_the_salt_of_bcrypt_do_not_matter() {
    let (head, tail) = BCRYPT_2A.split_at(28);
    let odd = format!("{head}f{}", &tail[1..]);
    assert_eq!(verify(&odd, b"secret"), Ok(true));
}

#[test]
fn a_new_hash_is_salted_and_fits_its_password_only() {
    let made = hash(b"secret");
    assert!(made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{made}");
    assert_ne!(made, hash(b"secret"));
    assert_eq!(verify(&made, b"secret"), Ok(true));
    assert_eq!(verify(&made, b"Secret"), Ok(false));
}

/// One changed letter in the hash, and the password no longer fits.
#[test]
fn all_of_a_hash_is_compared() {
    for (hash, password) in
        [(ARGON2_TWO_LANES, "password"), (MOSQUITTO_7, "correct horse"), (BCRYPT_2A, "secret")]
    {
        let begin = hash.rfind('$').map_or(0, |dollar| dollar + 1) + 22;
        for at in [begin, begin + 8, begin + 17] {
            let other = if &hash[at..=at] == "A" { "B" } else { "A" };
            let changed = format!("{}{other}{}", &hash[..at], &hash[at + 1..]);
            assert_eq!(verify(&changed, password.as_bytes()), Ok(false), "{changed}");
        }
    }
}

fn problem(hash: &str) -> String {
    let start = Instant::now();
    let refused = verify(hash, b"secret").map_err(|error: UnknownHash| error.to_string());
    // What is refused here would take far longer, if it could be computed at all.
    assert!(start.elapsed() < Duration::from_millis(100), "{hash}");
    refused.expect_err(hash)
}

fn argon2(parameters: &str) -> String {
    ARGON2_TWO_LANES.replace("m=256,t=2,p=2", parameters)
}

#[test]
fn bounds_of_argon2id() {
    for (parameters, expected) in [
        ("m=4194304,t=2,p=1", "argon2id's `m` in KiB is 4194304, not 8 to 65536"),
        ("m=65537,t=2,p=1", "argon2id's `m` in KiB is 65537, not 8 to 65536"),
        ("m=7,t=2,p=1", "argon2id's `m` in KiB is 7, not 8 to 65536"),
        ("m=31,t=2,p=4", "argon2id's `m` in KiB is 31, not 32 to 65536"),
        ("m=99999999999,t=2,p=1", "argon2id's `m` in KiB is not a number up to 65536"),
        ("m=+256,t=2,p=1", "argon2id's `m` in KiB is not a number up to 65536"),
        ("m=,t=2,p=1", "argon2id's `m` in KiB is not a number up to 65536"),
        ("m=256,t=11,p=1", "argon2id's `t` is 11, not 1 to 10"),
        ("m=256,t=0,p=1", "argon2id's `t` is 0, not 1 to 10"),
        ("m=256,t=2,p=5", "argon2id's `p` is 5, not 1 to 4"),
        ("m=256,t=2,p=0", "argon2id's `p` is 0, not 1 to 4"),
        ("m=256,t=2,p=1,data=AAAA", "argon2id's `p` is not a number up to 4"),
        ("t=2,m=256,p=1", "argon2id without `m=…,t=…,p=…`"),
    ] {
        assert_eq!(problem(&argon2(parameters)), expected);
    }
    for parameters in ["m=8,t=1,p=1", "m=32,t=10,p=4"] {
        assert_eq!(verify(&argon2(parameters), b"secret"), Ok(false), "{parameters}");
    }
}

#[test]
fn bounds_of_bcrypt_and_pbkdf2() {
    for (cost, expected) in [
        ("15", "bcrypt's cost is 15, not 4 to 14"),
        ("31", "bcrypt's cost is 31, not 4 to 14"),
        ("03", "bcrypt's cost is 3, not 4 to 14"),
        ("+4", "bcrypt's cost is not a number up to 14"),
    ] {
        assert_eq!(problem(&BCRYPT_2A.replace("$04$", &format!("${cost}$"))), expected);
    }
    for (rounds, expected) in [
        ("2000001", "the rounds of PBKDF2 is 2000001, not 1 to 2000000"),
        ("0", "the rounds of PBKDF2 is 0, not 1 to 2000000"),
        ("4294967296", "the rounds of PBKDF2 is not a number up to 2000000"),
        ("-1", "the rounds of PBKDF2 is not a number up to 2000000"),
    ] {
        assert_eq!(problem(&MOSQUITTO_7.replace("$101$", &format!("${rounds}$"))), expected);
    }
}

#[test]
fn kinds_that_are_not_known() {
    for hash in [
        "",
        "$",
        "secret",
        "{SSHA}abcd",
        "$1$salt$hash",
        "$2x$04$N9qo8uLOickgx2ZMRZoMye3eddwbvBZq9Vw2uHywyANtuDH4xsNoe",
        "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        " $7$101$gCUgKEo5vzkaEmv7$aZeB",
    ] {
        let known = "not a hash of a known kind ($argon2id$, $2a$, $2b$, $2y$, $7$, $6$)";
        assert_eq!(problem(hash), known, "{hash}");
    }
}

#[test]
fn forms_that_are_broken() {
    let bcrypt = "not the form of bcrypt, `$2b$COST$` and 53 of `./A-Za-z0-9`";
    let seven = "not mosquitto's form `$7$ROUNDS$SALT$HASH`, a salt of 1 to 64 bytes and 64 bytes \
                 in base64";
    let six = "not mosquitto's form `$6$SALT$HASH`, a salt of 1 to 64 bytes and 64 bytes in base64";
    let salt = "the salt of argon2id is not base64 of 8 to 64 bytes";
    let hash = "the hash of argon2id is not base64 of 16 to 64 bytes";
    let cut = |text: &str, by: usize| text[..text.len() - by].to_owned();
    for (broken, expected) in [
        ("$argon2id$".to_owned(), "argon2id without `v=19`"),
        (ARGON2_TWO_LANES.replace("v=19", "v=16"), "argon2id without `v=19`"),
        (
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ".to_owned(),
            "argon2id without `$SALT$HASH` behind its parameters",
        ),
        (ARGON2_TWO_LANES.replace("c29tZXNhbHQ", "c29tZXNh"), salt),
        (ARGON2_TWO_LANES.replace("c29tZXNhbHQ", &"A".repeat(87)), salt),
        (ARGON2_TWO_LANES.replace("bQk8", "bQk."), hash),
        (cut(ARGON2_TWO_LANES, 22), hash),
        (cut(ARGON2_TWO_LANES, 43), hash),
        (format!("{ARGON2_TWO_LANES}$"), hash),
        (format!("{ARGON2_TWO_LANES} "), hash),
        ("$2a$04".to_owned(), bcrypt),
        ("$2a$4$N9qo8uLOickgx2ZMRZoMye3eddwbvBZq9Vw2uHywyANtuDH4xsNoee".to_owned(), bcrypt),
        (cut(BCRYPT_2A, 1), bcrypt),
        (format!("{BCRYPT_2A}e"), bcrypt),
        (BCRYPT_2A.replace("N9", "N+"), bcrypt),
        (BCRYPT_2A.replace("dd", "é"), bcrypt),
        (BCRYPT_2A.replace("ye3", "é3"), bcrypt),
        ("$7$101".to_owned(), seven),
        ("$7$101$gCUgKEo5vzkaEmv7".to_owned(), seven),
        (MOSQUITTO_7.replace("gCUgKEo5vzkaEmv7", ""), seven),
        (MOSQUITTO_7.replace("gCUg", "gCU_"), seven),
        (cut(MOSQUITTO_7, 3), seven),
        (cut(MOSQUITTO_7, 6), seven),
        (cut(MOSQUITTO_7, 88), seven),
        (format!("{MOSQUITTO_7}="), seven),
        (cut(MOSQUITTO_6, 3), six),
        (cut(MOSQUITTO_6, 6), six),
        (MOSQUITTO_6.replace("==", "AA"), six),
    ] {
        assert_eq!(problem(&broken), expected, "{broken}");
    }
}

//! Users files: mosquitto's own are read as they are, and every broken line is named.
#![expect(clippy::expect_used, reason = "a failed step is the failed test")]

use std::fmt::Write as _;

use theseus_users::{Form, KeyedFile, verify};

const HASH: &str = "$2a$04$N9qo8uLOickgx2ZMRZoMye3eddwbvBZq9Vw2uHywyANtuDH4xsNoe";

/// Written by `mosquitto_passwd` 2.0.11; the last one with `-H sha512`.
const MOSQUITTO: &str = "\
alice:$7$101$gCUgKEo5vzkaEmv7$aZeB6eRhbItvisK/7LpWI2iUEMdPCMF81pMymOMxpoA4XpjH99zKSdDfoTFhDatwQVVV1W0Yz9NcRrdTkCa61g==
böb:$7$101$V32/grCxRQPGsBap$f9hNbjWs8P+Yoixsooxg8JJw9W1p6CwvkVZ/SK+umZNhtES0N0hSkrbFT1Al0XsDBLyWEWWry6IsorIzpCZeng==
carol:$6$12QPCfacWnz27pJ/$AmP1lxx+fhaLPRRGEovQ5jD/uLi1AeUiFBtahbOhHuFT3CaNrXizAMgAFtO5NpcqS3Y1eWXp/5jg2G/7U16vqQ==
";

fn users(file: &str) -> KeyedFile {
    KeyedFile::parse(file.as_bytes().to_vec(), Form::Users).expect(file)
}

#[track_caller]
fn refused(line: &str, expected: &str) {
    let file = format!("# users\nzoe:{HASH}\n{line}\n");
    let errors = KeyedFile::parse(file.into_bytes(), Form::Users).expect_err(line).to_string();
    assert_eq!(errors, format!("line 3: {expected}"), "{line:?}");
}

#[track_caller]
fn refused_fields(fields: &str, expected: &str) {
    refused(&format!("a:{HASH}:{fields}"), expected);
}

#[test]
fn a_file_of_mosquitto() {
    let file = users(MOSQUITTO);
    assert_eq!(file.len(), 3);
    for (user, password) in [("alice", "correct horse"), ("böb", "pässword"), ("carol", "old way")]
    {
        let hash = file.lookup(user).expect(user);
        assert_eq!(verify(hash, password.as_bytes()), Ok(true), "{user}");
        assert_eq!(verify(hash, b"wrong"), Ok(false), "{user}");
    }
}

#[test]
fn fields_stand_behind_the_hash() {
    let longest = format!("{}={}", "n".repeat(128), "v".repeat(1024));
    let many: Vec<_> = (0..32).map(|n| format!("name{n}={n}")).collect();
    let many = format!("superuser,{}", many.join(","));
    for fields in
        ["superuser", "tenant=acme", "superuser,a=", "A.b-c_9==x y é/+#,superuser", &longest, &many]
    {
        let value = format!("{HASH}:{fields}");
        assert_eq!(users(&format!("a:{value}\r\n")).lookup("a"), Some(value.as_str()));
    }
}

#[test]
fn users_may_have_strange_names() {
    let file = users(&format!("a b$,=/#é\u{1f41f}:{HASH}\n\u{a0}:{HASH}"));
    assert_eq!(file.lookup("a b$,=/#é\u{1f41f}"), Some(HASH));
}

#[test]
fn broken_lines() {
    refused("alice", "no `:` in the line");
    refused(&format!(":{HASH}"), "the user's name is empty");
    refused(&format!("a\tb:{HASH}"), "a control character in the user's name");
    refused(&format!("a\u{0}:{HASH}"), "a control character in the user's name");
    refused(&format!("a\u{85}:{HASH}"), "a control character in the user's name");
    refused(&format!("zoe:{HASH}"), "`zoe` stands in line 2 already");
    refused("alice:", "no hash of a password behind the user");
    refused("alice::superuser", "no hash of a password behind the user");
    let unknown = "not a hash of a known kind ($argon2id$, $2a$, $2b$, $2y$, $7$, $6$)";
    refused("alice:secret", unknown);
    refused(&format!("alice: {HASH}"), unknown);
    let form = "not the form of bcrypt, `$2b$COST$` and 53 of `./A-Za-z0-9`";
    refused(&format!("alice:{HASH} "), form);
}

#[test]
fn hashes_beyond_their_bounds() {
    refused(
        "a:$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "argon2id's `m` in KiB is 4194304, not 8 to 65536",
    );
    refused(&format!("a:{}", HASH.replace("04", "15")), "bcrypt's cost is 15, not 4 to 14");
}

#[test]
fn broken_fields() {
    let neither = "neither `superuser` nor `NAME=VALUE`";
    refused_fields("", &format!("field 1: {neither}"));
    refused_fields("superuser,", &format!("field 2: {neither}"));
    refused_fields("Superuser", &format!("field 1: {neither}"));
    refused_fields("a=1, superuser", &format!("field 2: {neither}"));
    let name = "field 1: a name is 1 to 128 of `A-Z`, `a-z`, `0-9`, `_`, `.` and `-`";
    refused_fields("=1", name);
    refused_fields("a b=1", name);
    refused_fields("é=1", name);
    refused_fields(&format!("{}=1", "n".repeat(129)), name);
    let long = format!("a={}", "v".repeat(1025));
    refused_fields(&long, "field 1: a value is at most 1024 bytes");
    let value = "field 2: a value holds no `:` and no control characters";
    refused_fields("a=1,b=x:y", value);
    refused_fields("a=1,b=x\ty", value);
    let superuser = "field 1: `superuser` takes no value: write it alone, or leave it out";
    refused_fields("superuser=no", superuser);
    refused_fields("a=1,b=2,a=1", "field 3: `a` is given twice");
    refused_fields("superuser,superuser", "field 2: `superuser` is given twice");
    let many: Vec<_> = (0..34).map(|n| format!("name{n}={n}")).collect();
    refused_fields(&many.join(","), "more than 33 fields");
}

#[test]
fn keyed_files_are_not_checked_for_hashes() {
    let file = KeyedFile::parse(b"a:secret\nb\tc:".to_vec(), Form::Keyed).expect("keyed");
    assert_eq!(file.lookup("a"), Some("secret"));
    assert_eq!(file.lookup("b\tc"), Some(""));
}

#[test]
fn a_hundred_thousand_users() {
    let mut file = String::new();
    for n in 0..100_000 {
        writeln!(file, "device-{n}:{HASH}:tenant=t{}", n % 10).expect("a String");
    }
    let file = users(&file);
    assert_eq!(file.len(), 100_000);
    let expected = format!("{HASH}:tenant=t9");
    assert_eq!(file.lookup("device-99999"), Some(expected.as_str()));
    assert_eq!(file.lookup("device-100000"), None);
}

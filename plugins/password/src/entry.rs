//! What stands behind a user's name: `HASH` or `HASH:FIELD,FIELD…`. The broker has checked the hash
//! when it read the file; what a field means is decided here.

use theseus_plugin::Grant;

/// One user of the file.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry<'a> {
    pub(crate) hash: &'a str,
    superuser: bool,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Entry<'a> {
    /// An unknown field is an error: whoever wrote it meant something by it.
    pub(crate) fn parse(line: &'a str) -> Result<Self, String> {
        // No kind of hash holds a colon.
        let (hash, fields) = line.split_once(':').unwrap_or((line, ""));
        let mut entry = Self { hash, superuser: false, attributes: Vec::new() };
        for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
            match field.split_once('=') {
                Some((name, value)) if !matches!(name, "" | "superuser") => {
                    entry.attributes.push((name, value));
                }
                None if field == "superuser" => entry.superuser = true,
                _ => return Err(format!("field `{field}`: neither `superuser` nor `NAME=VALUE`")),
            }
        }
        Ok(entry)
    }

    /// What this user is given, once it is sure that the client is this user.
    pub(crate) fn grant(&self, user: &str) -> Grant {
        let grant = Grant { superuser: self.superuser, ..Grant::to(user) };
        let add = |grant: Grant, (name, value): &(&str, &str)| grant.attribute(*name, *value);
        self.attributes.iter().fold(grant, add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_may_stand_alone_or_with_fields() {
        let plain = Entry::parse("$2b$12$abc").unwrap();
        assert_eq!(plain, Entry { hash: "$2b$12$abc", superuser: false, attributes: vec![] });
        assert_eq!(Entry::parse("$2b$12$abc:").unwrap(), plain);
        let full =
            Entry::parse("$argon2id$v=19$m=8,t=1,p=1$a$b:tenant=acme, superuser,note=a=b,x=")
                .unwrap();
        assert_eq!(full.hash, "$argon2id$v=19$m=8,t=1,p=1$a$b");
        let grant = full.grant("anna");
        assert!(grant.superuser);
        assert_eq!(grant.username.as_deref(), Some("anna"));
        let attributes: Vec<_> =
            grant.attributes.iter().map(|a| (a.name.as_str(), a.value.as_str())).collect();
        assert_eq!(attributes, [("tenant", "acme"), ("note", "a=b"), ("x", "")]);
    }

    #[test]
    fn a_field_that_means_nothing_is_an_error() {
        for line in ["h:superusr", "h:=x", "h:a=b,root", "h:superuser=no"] {
            assert!(Entry::parse(line).unwrap_err().contains("neither `superuser`"), "{line}");
        }
    }
}

//! Authorization by rules in a file.
#![forbid(unsafe_code)]

//! Authentication by users and passwords in a file.
#![forbid(unsafe_code)]

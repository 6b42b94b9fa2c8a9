//! A plugin for tests.
#![forbid(unsafe_code)]

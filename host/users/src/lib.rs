//! Files of keyed lines, users files among them, and the hashes of passwords that stand there.
//! Not when they are read again, nor who may ask.
//! Used by the policy, by the reloading of files and by `theseus passwd`.
#![forbid(unsafe_code)]

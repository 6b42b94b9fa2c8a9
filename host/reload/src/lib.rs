//! Watches the files that make up a generation, prepares what changed, and publishes it whole.
//! Not what a generation does once it is live.
//! Used by the host, on a thread of its own.
#![forbid(unsafe_code)]

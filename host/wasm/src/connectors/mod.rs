//! The connectors as guests call them, one file for each kind. Who is granted what is in the setup; a wait
//! is the broker's, and costs a guest neither computing time nor its good name.

mod http;
mod redis;
mod sql;

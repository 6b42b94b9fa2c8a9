//! The log: one line an event, on standard output, as a person reads it.

use theseus_config::Level;
use tracing::level_filters::LevelFilter;

/// Starts logging at `level`; a second call changes nothing.
pub(crate) fn start(level: Level) {
    use std::io::IsTerminal as _;
    let filter = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_target(false)
        .with_ansi(std::io::stdout().is_terminal());
    // Fails only if something logs already, and then that goes on.
    let _ = subscriber.try_init();
}

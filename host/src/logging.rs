//! The log: one line an event, on standard output, as a person reads it.

use theseus_config::Level;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

/// Lines that wait to be written; those beyond are lost. Who reads the log may stop reading, and
/// clients must not notice.
const LINES_MAX: usize = 16 * 1024;

/// Starts logging at `level`, until what is returned is dropped; a second call changes nothing.
pub(crate) fn start(level: Level) -> WorkerGuard {
    use std::io::IsTerminal as _;
    let filter = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_MAX)
        .lossy(true)
        .finish(std::io::stdout());
    let subscriber = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_max_level(filter)
        .with_target(false)
        .with_ansi(std::io::stdout().is_terminal());
    // Fails only if something logs already, and then that goes on.
    let _ = subscriber.try_init();
    guard
}

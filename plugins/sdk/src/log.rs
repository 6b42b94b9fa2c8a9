//! Lines in the broker's log, marked with the plugin's name and version: `log::info!("{n} rules")`.
//! More than 100 lines in a second are counted instead of written.

pub use crate::bindings::interface::log::Level;
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_warn as warn,
};

use crate::broker;

/// Writes one line of at most 4 KiB; longer ones are cut, control characters are escaped.
pub fn write(level: Level, message: &str) {
    broker::log::write(level, message);
}

/// Writes an error, with the arguments of `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($words:tt)+) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($words)+)) };
}

/// Writes a warning, with the arguments of `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($words:tt)+) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($words)+)) };
}

/// Writes what an operator wants to know, with the arguments of `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($words:tt)+) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($words)+)) };
}

/// Writes what an author wants to know, with the arguments of `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($words:tt)+) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($words)+)) };
}

//! The macro `export!` and what it expands to: the value of an instance, and one adapter for each
//! slot from the component's exports to the author's trait. Plugins call the macro and nothing else.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Plugin;
use crate::bindings::interface::lifecycle;

/// Makes a type the plugin of this crate, with these slots: `export!(Gate: authn, authz);`.
///
/// The slots are `authn`, `authz`, `limit`, `ban` and `hook`, each with a trait that the type must
/// implement beside [`Plugin`]: [`Authn`](crate::authn::Authn), [`Authz`](crate::authz::Authz),
/// [`Limits`](crate::limit::Limits), [`Ban`](crate::ban::Ban), [`Hook`](crate::hook::Hook). Once for
/// each crate.
///
/// ```compile_fail
/// # use theseus_plugin::{Description, Plugin};
/// # struct Gate;
/// # impl Plugin for Gate {
/// #     fn describe() -> Description { Description::new("gate", "1.0.0") }
/// #     fn init() -> Result<Self, String> { Ok(Self) }
/// # }
/// theseus_plugin::export!(Gate: authentication); // no slot `authentication`
/// ```
#[macro_export]
macro_rules! export {
    ($plugin:ty : $($slot:ident),+ $(,)?) => {
        const _: () = {
            struct Component;

            impl $crate::export::Exported for Component {
                type Plugin = $plugin;

                fn with<R>(use_it: impl FnOnce(&$crate::export::Value<$plugin>) -> R) -> R {
                    ::std::thread_local! {
                        static INSTANCE: $crate::export::Value<$plugin> =
                            const { $crate::export::Value::new() };
                    }
                    INSTANCE.with(use_it)
                }
            }

            $crate::__export_slot!(lifecycle, Component);
            $($crate::__export_slot!($slot, Component);)+
            #[cfg(not(target_arch = "wasm32"))]
            $crate::__export_library!(Component: $($slot),+);
        };
    };
}

/// One slot of [`export!`], as a component exports it. A library exports one function for all.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_slot {
    (lifecycle, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::base::export_base!($component with_types_in $crate::bindings::base);
    };
    (authn, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::authn::export_authn!($component with_types_in $crate::bindings::authn);
    };
    (authz, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::authz::export_authz!($component with_types_in $crate::bindings::authz);
    };
    (limit, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::limit::export_limit!($component with_types_in $crate::bindings::limit);
    };
    (ban, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::ban::export_ban!($component with_types_in $crate::bindings::ban);
    };
    (hook, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::hook::export_hook!($component with_types_in $crate::bindings::hook);
    };
    ($other:ident, $component:ident) => {
        ::core::compile_error!(::core::concat!(
            "no slot `", ::core::stringify!($other), "`: there are authn, authz, limit, ban, hook"
        ));
    };
}

/// The type that a component's exports are called on: it knows the plugin and where its value is.
pub trait Exported {
    /// What the author wrote.
    type Plugin: Plugin;

    /// Calls with the place where the value of this instance stands.
    fn with<R>(use_it: impl FnOnce(&Value<Self::Plugin>) -> R) -> R;
}

/// The place of an instance's value. It ends with its thread, where a panic would end the process: what
/// panics there is lost instead.
#[derive(Debug)]
pub struct Value<P>(OnceCell<P>);

impl<P> Value<P> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceCell::new())
    }
}

impl<P> Default for Value<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> Drop for Value<P> {
    fn drop(&mut self) {
        let value = self.0.take();
        // What a panic carries may panic too.
        catch_unwind(AssertUnwindSafe(|| drop(value))).unwrap_or_else(std::mem::forget);
    }
}

/// Asks the value of this instance.
///
/// # Panics
/// If `init` was not called, or failed: the broker does not do that.
#[expect(clippy::panic, reason = "a trap is the only answer to a call out of order")]
pub(crate) fn ask<E: Exported, R>(question: impl FnOnce(&E::Plugin) -> R) -> R {
    E::with(|value| match value.0.get() {
        Some(plugin) => question(plugin),
        None => panic!("called before init"),
    })
}

impl<E: Exported> lifecycle::Guest for E {
    fn describe() -> lifecycle::Description {
        log_panics();
        E::Plugin::describe()
    }

    fn init() -> Result<(), String> {
        log_panics();
        let plugin = E::Plugin::init()?;
        E::with(|value| value.0.set(plugin)).map_err(|_| "init was called twice".to_owned())
    }

    fn self_test() -> Result<(), String> {
        ask::<E, _>(Plugin::self_test)
    }

    fn migrate(from_schema: u32) -> Result<(), String> {
        ask::<E, _>(|plugin| plugin.migrate(from_schema))
    }
}

/// A panic is a trap for the broker, which cannot know the words; so they go to the log first.
/// In a library the hook is the library's own, as its standard library is; in a test it is everybody's.
fn log_panics() {
    #[cfg(not(target_arch = "wasm32"))]
    if !crate::native::is_loaded() {
        return;
    }
    std::panic::set_hook(Box::new(|info| crate::log::error!("{info}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fragile;

    impl Drop for Fragile {
        fn drop(&mut self) {
            std::panic::panic_any(Self);
        }
    }

    #[test]
    fn a_panic_at_the_end_of_an_instance_is_lost() {
        let value = Value::new();
        assert!(value.0.set(Fragile).is_ok());
        let ended = std::thread::spawn(move || drop(value)).join();
        assert!(ended.is_ok());
    }
}

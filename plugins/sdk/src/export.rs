//! The macro `export!` and what it expands to: the value of an instance, and one adapter for each
//! slot from the component's exports to the author's trait. Plugins call the macro and nothing else.

use std::cell::OnceCell;

use crate::Plugin;
use crate::bindings::base::exports::theseus::plugin::lifecycle;

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

                fn with<R>(use_it: impl FnOnce(&::std::cell::OnceCell<$plugin>) -> R) -> R {
                    ::std::thread_local! {
                        static INSTANCE: ::std::cell::OnceCell<$plugin> =
                            const { ::std::cell::OnceCell::new() };
                    }
                    INSTANCE.with(use_it)
                }
            }

            $crate::__export_slot!(lifecycle, Component);
            $($crate::__export_slot!($slot, Component);)+
        };
    };
}

/// One slot of [`export!`]. A native build exports nothing, but must know the traits.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_slot {
    (lifecycle, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::base::export_base!($component with_types_in $crate::bindings::base);
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = $crate::export::lifecycle::<$component>;
    };
    (authn, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::authn::export_authn!($component with_types_in $crate::bindings::authn);
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = $crate::export::authn::<$component>;
    };
    (authz, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::authz::export_authz!($component with_types_in $crate::bindings::authz);
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = $crate::export::authz::<$component>;
    };
    (limit, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::limit::export_limit!($component with_types_in $crate::bindings::limit);
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = $crate::export::limit::<$component>;
    };
    (ban, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::ban::export_ban!($component with_types_in $crate::bindings::ban);
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = $crate::export::ban::<$component>;
    };
    (hook, $component:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::hook::export_hook!($component with_types_in $crate::bindings::hook);
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = $crate::export::hook::<$component>;
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
    fn with<R>(use_it: impl FnOnce(&OnceCell<Self::Plugin>) -> R) -> R;
}

/// Asks the value of this instance.
///
/// # Panics
/// If `init` was not called, or failed: the broker does not do that.
#[expect(clippy::panic, reason = "a trap is the only answer to a call out of order")]
pub(crate) fn ask<E: Exported, R>(question: impl FnOnce(&E::Plugin) -> R) -> R {
    E::with(|cell| match cell.get() {
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
        E::with(|cell| cell.set(plugin)).map_err(|_| "init was called twice".to_owned())
    }

    fn self_test() -> Result<(), String> {
        ask::<E, _>(Plugin::self_test)
    }

    fn migrate(from_schema: u32) -> Result<(), String> {
        ask::<E, _>(|plugin| plugin.migrate(from_schema))
    }
}

/// What a native build of [`export!`] calls instead of exporting: the type must fill the slot.
#[cfg(not(target_arch = "wasm32"))]
mod filled {
    use crate::bindings::{authn, authz, ban, base, hook, limit};

    pub fn lifecycle<T: base::exports::theseus::plugin::lifecycle::Guest>() {}
    pub fn authn<T: authn::exports::theseus::plugin::authn::Guest>() {}
    pub fn authz<T: authz::exports::theseus::plugin::authz::Guest>() {}
    pub fn limit<T: limit::exports::theseus::plugin::limit::Guest>() {}
    pub fn ban<T: ban::exports::theseus::plugin::ban::Guest>() {}
    pub fn hook<T: hook::exports::theseus::plugin::hook::Guest>() {}
}
#[cfg(not(target_arch = "wasm32"))]
pub use filled::{authn, authz, ban, hook, lifecycle, limit};

/// A panic is a trap for the broker, which cannot know the words; so they go to the log first.
fn log_panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|info| crate::log::error!("{info}")));
}

//! The component back end: compiles plugins, runs their instances within bounds, speaks `wit/`.
//! Not which plugin is live, nor what its answers lead to.
//! Used by the reloading of plugins; its versions are asked by the policy.
#![forbid(unsafe_code)]

//! Write a plugin of Theseus: implement a trait, name the type in `export!`.

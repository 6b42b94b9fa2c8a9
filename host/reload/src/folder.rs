//! Which files of `plugins_dir` may be plugins: `*.wasm` and `*.so` at its top level.
//! Not what stands in them. Used at every look.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use crate::forms::Form;

/// More files than this are not looked at.
pub(crate) const FILES_MAX: usize = 256;

/// The candidates, in the order of their names, and the first that is one more than [`FILES_MAX`].
///
/// A missing folder is an empty one. Names that begin with `.` are skipped: half-written files of
/// copying programs, and the `..data` of a volume of Kubernetes. Whether there is a regular file
/// behind a name is seen when it is looked at.
pub(crate) fn plugin_files(folder: &Path) -> io::Result<(Vec<PathBuf>, Option<PathBuf>)> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
        Err(error) => return Err(error),
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths.filter(|path| is_candidate(path)).collect();
    paths.sort();
    let ignored = paths.get(FILES_MAX).cloned();
    paths.truncate(FILES_MAX);
    Ok((paths, ignored))
}

fn is_candidate(path: &Path) -> bool {
    let hidden =
        path.file_name().map(OsStr::as_encoded_bytes).is_none_or(|it| it.starts_with(b"."));
    !hidden && Form::of_name(path).is_some() && path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn takes_visible_files_at_the_top_only() {
        let folder = Folder::new();
        folder.write("b.wasm", "");
        folder.write("a.wasm", "");
        folder.write(".a.wasm", "");
        folder.write("a.wasm.tmp", "");
        folder.write("n.so", "");
        folder.write("n.so.minisig", "");
        folder.write("sub/c.wasm", "");
        std::fs::create_dir(folder.path("d.wasm")).unwrap();
        std::os::unix::fs::symlink("sub/c.wasm", folder.path("link.wasm")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path("dangling.wasm")).unwrap();
        let (files, ignored) = plugin_files(&folder.path("")).unwrap();
        let names: Vec<_> = files.iter().map(|path| path.file_name().unwrap()).collect();
        assert_eq!(names, ["a.wasm", "b.wasm", "link.wasm", "n.so"]);
        assert_eq!(ignored, None);
    }

    #[test]
    fn a_missing_folder_is_empty_and_a_full_one_is_cut() {
        let folder = Folder::new();
        assert_eq!(plugin_files(&folder.path("none")).unwrap(), (vec![], None));
        (0..=FILES_MAX).for_each(|n| drop(folder.write(&format!("p/{n:03}.wasm"), "")));
        let (files, ignored) = plugin_files(&folder.path("p")).unwrap();
        assert_eq!(files.len(), FILES_MAX);
        assert_eq!(ignored, Some(folder.path("p/256.wasm")));
        assert!(files.last().unwrap().ends_with("255.wasm"));
    }
}

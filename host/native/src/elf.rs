//! Whether bytes can be a library of this machine at all, before the system's loader sees them: a file
//! that ends too early kills the process that opens it, and half a file is the commonest of all mistakes.
//! Only what says where things are is looked at; not what they are.

/// The first bytes of every ELF.
const MAGIC: &[u8] = b"\x7fELF";
const HEADER_SIZE: usize = 64;
const PROGRAM_HEADER_SIZE: usize = 56;
const SECTION_HEADER_SIZE: usize = 64;

const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const SHARED_OBJECT: u16 = 3;
const LOADED: u32 = 1;
/// A section that takes no place in the file.
const NO_BITS: u32 = 8;

/// The number of the processor that this broker was built for.
const MACHINE: u16 = if cfg!(target_arch = "x86_64") {
    62
} else if cfg!(target_arch = "aarch64") {
    183
} else if cfg!(target_arch = "riscv64") {
    243
} else {
    0
};

/// Checks the headers.
///
/// # Errors
/// A sentence without a full stop: what this file is not.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    if !bytes.starts_with(MAGIC) {
        let begin = bytes.get(..8).unwrap_or(bytes).trim_ascii_end().escape_ascii();
        return Err(match bytes {
            [] => "it is empty".to_owned(),
            _ => format!("it is no native library (it begins with `{begin}`)"),
        });
    }
    let header = bytes.get(..HEADER_SIZE).ok_or("it is truncated: half a header")?;
    if header[4] != CLASS_64 || header[5] != LITTLE_ENDIAN {
        return Err("it is a library for another kind of machine".to_owned());
    }
    let (kind, machine) = (u16_at(header, 16), u16_at(header, 18));
    if machine != MACHINE {
        return Err(format!("it is a library for another processor ({machine}, not {MACHINE})"));
    }
    if kind != SHARED_OBJECT {
        return Err("it is no shared library (build it as a `cdylib`)".to_owned());
    }
    check_segments(bytes, header)?;
    check_sections(bytes, header)
}

fn check_segments(bytes: &[u8], header: &[u8]) -> Result<(), String> {
    let table =
        Headers { offset: u64_at(header, 32), size: u16_at(header, 54), count: u16_at(header, 56) };
    let mut loaded = 0;
    for segment in table.read(bytes, PROGRAM_HEADER_SIZE)? {
        loaded += usize::from(u32_at(segment, 0) == LOADED);
        inside(bytes, u64_at(segment, 8), u64_at(segment, 32))?;
    }
    if loaded == 0 { Err("it has nothing to load".to_owned()) } else { Ok(()) }
}

fn check_sections(bytes: &[u8], header: &[u8]) -> Result<(), String> {
    let table =
        Headers { offset: u64_at(header, 40), size: u16_at(header, 58), count: u16_at(header, 60) };
    for section in table.read(bytes, SECTION_HEADER_SIZE)? {
        if u32_at(section, 4) != NO_BITS {
            inside(bytes, u64_at(section, 24), u64_at(section, 32))?;
        }
    }
    Ok(())
}

/// Where a table of headers is.
struct Headers {
    offset: u64,
    size: u16,
    count: u16,
}

impl Headers {
    fn read<'a>(
        &self,
        bytes: &'a [u8],
        size: usize,
    ) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, String> {
        if self.count > 0 && usize::from(self.size) != size {
            return Err("it is damaged: its headers have another size than headers have".to_owned());
        }
        let all = inside(bytes, self.offset, u64::from(self.count) * size as u64)?;
        Ok(all.chunks_exact(size))
    }
}

/// So many bytes from there on; they must be in the file.
fn inside(bytes: &[u8], offset: u64, size: u64) -> Result<&[u8], String> {
    let range = || {
        let start = usize::try_from(offset).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(size).ok()?)?)
    };
    // A table of nothing may say that it is anywhere.
    if size == 0 {
        return Ok(&[]);
    }
    range().ok_or_else(|| {
        let there = bytes.len();
        format!("it is truncated: {size} bytes at {offset} are not in its {there}")
    })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

/// All headers were found to be whole before they are read.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|it| it.try_into().ok()).unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test's own executable: a shared object to the system, position-independent as it is.
    fn whole() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn a_whole_file_is_fine_and_what_is_not_has_its_reason() {
        let whole = whole();
        assert_eq!(check(&whole), Ok(()));
        assert_eq!(check(b"").unwrap_err(), "it is empty");
        let said = check(b"\0asm\x0d\0\x01\0").unwrap_err();
        assert_eq!(said, r"it is no native library (it begins with `\x00asm\r\x00\x01\x00`)");
        let changed = |at: usize, to: u8| {
            let mut bytes = whole.clone();
            bytes[at] = to;
            check(&bytes).unwrap_err()
        };
        assert_eq!(changed(4, 1), "it is a library for another kind of machine");
        assert_eq!(changed(5, 2), "it is a library for another kind of machine");
        assert!(changed(18, 3).starts_with("it is a library for another processor (3, not "));
        assert!(changed(16, 2).starts_with("it is no shared library"));
        assert!(changed(54, 57).starts_with("it is damaged"));
    }

    #[test]
    fn every_cut_is_noticed() {
        let whole = whole();
        let step = (whole.len() / 997).max(1);
        for end in (0..whole.len()).step_by(step).chain(0..200).chain([whole.len() - 1]) {
            assert!(check(&whole[..end]).is_err(), "{end} of {}", whole.len());
        }
    }

    #[test]
    fn damaged_headers_are_no_panic() {
        let whole = whole();
        for at in 0..1024 {
            for to in [0, 0x7f, 0xff] {
                let mut bytes = whole[..4096].to_vec();
                bytes[at] = to;
                let _ = check(&bytes);
            }
        }
    }
}

//! Durations and sizes as text: `"15s"`, `"32KB"`. One whole number and one unit, no space, no
//! fraction. Not ranges, which belong to the key (`kind`). Used by `kind` to read values and to
//! print the limits of a key.

use std::time::Duration;

/// Milliseconds of each duration unit, largest first.
const DURATIONS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Bytes of each size unit, largest first. Binary: 1 KB is 1024 bytes.
const SIZES: [(&str, u64); 4] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1)];

/// Reads `"250ms" "15s" "1m" "2h" "1d"`.
///
/// # Errors
/// What is wrong, which continues a sentence that begins with the value.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text, &DURATIONS, |unit, known| unit == known).map(Duration::from_millis)
}

/// Reads `"512B" "32KB" "1MB" "2GB"`, in any case, into bytes. The error is as in
/// [`parse_duration`].
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    parse(text, &SIZES, str::eq_ignore_ascii_case)
}

/// The shortest exact text, to the millisecond.
pub(crate) fn format_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 { "0s".to_owned() } else { format(millis, &DURATIONS) }
}

/// The shortest exact text.
pub(crate) fn format_size(bytes: u64) -> String {
    if bytes == 0 { "0B".to_owned() } else { format(bytes, &SIZES) }
}

fn parse(text: &str, units: &[(&str, u64)], same: fn(&str, &str) -> bool) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err("does not begin with a whole number".to_owned());
    }
    if unit.is_empty() {
        return Err("has no unit".to_owned());
    }
    let Some((_, factor)) = units.iter().find(|(known, _)| same(unit, known)) else {
        let known: Vec<_> = units.iter().rev().map(|(unit, _)| *unit).collect();
        return Err(format!("has none of the units {}", known.join(", ")));
    };
    let number: Option<u64> = number.parse().ok();
    number
        .and_then(|number| number.checked_mul(*factor))
        .ok_or_else(|| "is out of range".to_owned())
}

fn format(value: u64, units: &[(&str, u64)]) -> String {
    let exact = units.iter().find(|(_, factor)| value.is_multiple_of(*factor));
    exact.map_or_else(|| value.to_string(), |(unit, factor)| format!("{}{unit}", value / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_one_number_and_one_unit() {
        let millis = |text: &str| parse_duration(text).map(|duration| duration.as_millis());
        assert_eq!(millis("250ms"), Ok(250));
        assert_eq!(millis("15s"), Ok(15_000));
        assert_eq!(millis("1m"), Ok(60_000));
        assert_eq!(millis("2h"), Ok(7_200_000));
        assert_eq!(millis("1d"), Ok(86_400_000));
        assert_eq!(millis("0s"), Ok(0));
        for bad in
            ["", "s", "15", "15S", "15 s", "1.5s", "-1s", "1h30m", "१s", "99999999999999999999s"]
        {
            assert!(millis(bad).is_err(), "{bad:?} was taken");
        }
        assert_eq!(millis("18446744073709551615d"), Err("is out of range".to_owned()));
    }

    #[test]
    fn sizes_are_binary_and_in_any_case() {
        assert_eq!(parse_size("512B"), Ok(512));
        assert_eq!(parse_size("32KB"), Ok(32 * 1024));
        assert_eq!(parse_size("1mb"), Ok(1024 * 1024));
        assert_eq!(parse_size("2GB"), Ok(2 << 30));
        assert_eq!(parse_size("5"), Err("has no unit".to_owned()));
        assert_eq!(parse_size("5MiB"), Err("has none of the units B, KB, MB, GB".to_owned()));
    }

    #[test]
    fn printing_is_the_inverse_of_reading() {
        for text in ["0s", "1ms", "1500ms", "15s", "90s", "1m", "36h", "1d"] {
            assert_eq!(parse_duration(text).map(format_duration).as_deref(), Ok(text));
        }
        for text in ["0B", "1B", "1025B", "1KB", "1MB", "3GB"] {
            assert_eq!(parse_size(text).map(format_size).as_deref(), Ok(text));
        }
    }
}

//! Sizes and ages as people write them: `10GB`, `30d`.

use std::time::Duration;

/// Reads a size: a number and one of B, KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB
/// (powers of 1024). The result is in bytes; `None` for anything else.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let unit: u64 = match unit.to_ascii_lowercase().as_str() {
        "b" => 1,
        "kb" => 1000,
        "mb" => 1000_u64.pow(2),
        "gb" => 1000_u64.pow(3),
        "tb" => 1000_u64.pow(4),
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// Reads an age: a number and one of s, m, h, d, w. `None` for anything else.
pub(crate) fn age(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// Splits a positive whole number from the unit behind it.
fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    (number > 0).then_some((number, text[digits..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_need_a_number_and_a_unit() {
        assert_eq!(size("10GB"), Some(10_000_000_000));
        assert_eq!(size("512 MiB"), Some(512 << 20));
        assert_eq!(size("99999999999TB"), None);
        for wrong in ["", "GB", "10", "-1GB", "1.5GB", "10 parsecs", "0B"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
        assert_eq!(age("30d"), Some(Duration::from_secs(30 * 86_400)));
        assert_eq!(age("30D"), None);
        assert_eq!(age("d"), None);
    }
}

//! Random identifiers in the form of a UUID: of installations, and of those who hold something.

use aws_lc_rs::rand;

/// A fresh random UUID (version 4), as `5f0c6e1a-93f4-4c2b-8d1e-0a9b7c6d5e4f`; nobody can guess it.
#[must_use]
pub fn random_uuid() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("the system has random numbers: TLS needs them too");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// Whether `text` is a UUID as this program writes it: lower case, with hyphens.
pub(super) fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_one() {
        let (one, other) = (random_uuid(), random_uuid());
        assert_ne!(one, other);
        assert!(is_uuid(&one) && is_uuid(&other), "{one} {other}");
        assert_eq!(&one[14..15], "4");
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "5f0c6e1a93f44c2b8d1e0a9b7c6d5e4f",
            "5F0C6E1A-93F4-4C2B-8D1E-0A9B7C6D5E4F",
            "5f0c6e1a-93f4-4c2b-8d1e-0a9b7c6d5e4",
        ] {
            assert!(!is_uuid(text), "{text}");
        }
    }
}

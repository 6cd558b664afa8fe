//! The alternative names of a certificate's subject, which rustls does not tell.

use std::net::IpAddr;

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
/// The extensions in a certificate's contents.
const EXTENSIONS: u8 = 0xA3;
/// `subjectAltName` (2.5.29.17) as an object identifier.
const SUBJECT_ALT_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x1D, 0x11];

const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const IP_ADDRESS: u8 = 0x87;

/// DNS names, e-mail addresses, URIs and IP addresses of a certificate in DER, as text. None if it cannot be read.
pub(super) fn subject_names(certificate: &[u8]) -> Vec<String> {
    find_names(certificate).unwrap_or_default()
}

fn find_names(certificate: &[u8]) -> Option<Vec<String>> {
    let contents = only(only(certificate, SEQUENCE)?, SEQUENCE)?;
    let extensions = Elements(contents).find(|(tag, _)| *tag == EXTENSIONS)?.1;
    let mut extensions = Elements(only(extensions, SEQUENCE)?).filter(|(tag, _)| *tag == SEQUENCE);
    let (_, extension) = extensions.find(|(_, it)| it.starts_with(&SUBJECT_ALT_NAME))?;
    let value = Elements(extension).find(|(tag, _)| *tag == OCTET_STRING)?.1;
    Some(Elements(only(value, SEQUENCE)?).filter_map(|(tag, name)| text(tag, name)).collect())
}

fn text(tag: u8, name: &[u8]) -> Option<String> {
    match tag {
        EMAIL | DNS | URI => std::str::from_utf8(name).ok().map(str::to_owned),
        IP_ADDRESS => {
            let v4 = <[u8; 4]>::try_from(name).map(IpAddr::from);
            let ip = v4.or_else(|_| <[u8; 16]>::try_from(name).map(IpAddr::from));
            ip.ok().map(|it| it.to_string())
        }
        _ => None,
    }
}

/// The content of the first element, if it has this tag.
fn only(der: &[u8], wanted: u8) -> Option<&[u8]> {
    Elements(der).next().filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
}

/// Elements of DER one after the other, each with its tag; it ends where something else follows.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], content].concat()
    }

    fn certificate(names: &[u8]) -> Vec<u8> {
        let extension = |id: &[u8], value: &[u8]| {
            element(SEQUENCE, &[id, &[0x01, 0x01, 0xFF], &element(OCTET_STRING, value)].concat())
        };
        let usage = extension(&[0x06, 0x03, 0x55, 0x1D, 0x0F], &[0x03, 0x02, 0x05, 0xA0]);
        let names = extension(&SUBJECT_ALT_NAME, &element(SEQUENCE, names));
        let extensions = element(EXTENSIONS, &element(SEQUENCE, &[usage, names].concat()));
        let contents = element(SEQUENCE, &[element(0xA0, &[0x02, 0x01, 0x02]), extensions].concat());
        element(SEQUENCE, &[contents, element(SEQUENCE, &[])].concat())
    }

    #[test]
    fn names_of_all_kinds_are_found() {
        let names = [
            element(DNS, b"prometheus.example"),
            element(EMAIL, b"ops@example.org"),
            element(URI, b"spiffe://example/prometheus"),
            element(IP_ADDRESS, &[192, 0, 2, 1]),
            element(IP_ADDRESS, &[0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            element(IP_ADDRESS, &[1, 2, 3]),
            element(0xA4, b"a directory name"),
        ];
        let found =
            ["prometheus.example", "ops@example.org", "spiffe://example/prometheus", "192.0.2.1", "2001:db8::1"];
        assert_eq!(subject_names(&certificate(&names.concat())), found);
    }

    properties! {
        #[test]
        fn what_is_no_certificate_has_no_names(bytes: Vec<u8>, cut in 0_usize..60) {
            prop_assert_eq!(subject_names(&bytes), Vec::<String>::new());
            let whole = certificate(&element(DNS, b"a"));
            prop_assert_eq!(subject_names(&whole[..cut.min(whole.len() - 1)]), Vec::<String>::new());
        }
    }
}

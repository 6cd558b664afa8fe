//! A batch as remote write wants it: a `WriteRequest` of protocol buffers in a snappy block.
//!
//! Written by hand: four messages of two fields each are shorter than the packages that would generate them.

use super::batch::Batch;
use super::time_series::TimeSeries;

/// The headers that say what [`encode`] gives.
pub(super) const HEADERS: &[(&str, &str)] = &[
    ("content-type", "application/x-protobuf"),
    ("content-encoding", "snappy"),
    ("x-prometheus-remote-write-version", "0.1.0"),
];

/// Types of protocol buffers' fields on the wire.
const VARINT: u8 = 0;
const I64: u8 = 1;
const LEN: u8 = 2;

/// The body of a request.
pub(super) fn encode(batch: &Batch) -> Vec<u8> {
    let request = write_request(batch);
    snap::raw::Encoder::new().compress_vec(&request).expect("a batch is far smaller than snappy's limit of 4 GiB")
}

/// `message WriteRequest { repeated TimeSeries timeseries = 1; }`
fn write_request(batch: &Batch) -> Vec<u8> {
    let mut message = Vec::new();
    for series in &batch.series {
        put_bytes(&mut message, 1, &time_series(series));
    }
    message
}

/// `message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }`
fn time_series(series: &TimeSeries) -> Vec<u8> {
    let mut message = Vec::new();
    for (name, value) in &series.labels {
        put_bytes(&mut message, 1, &label(name, value));
    }
    for (at, value) in &series.samples {
        put_bytes(&mut message, 2, &sample(*at, *value));
    }
    message
}

/// `message Label { string name = 1; string value = 2; }`
fn label(name: &str, value: &str) -> Vec<u8> {
    let mut message = Vec::new();
    put_bytes(&mut message, 1, name.as_bytes());
    put_bytes(&mut message, 2, value.as_bytes());
    message
}

/// `message Sample { double value = 1; int64 timestamp = 2; }`, the time in milliseconds.
fn sample(at: i64, value: f64) -> Vec<u8> {
    let mut message = Vec::new();
    put_tag(&mut message, 1, I64);
    message.extend(value.to_le_bytes());
    put_tag(&mut message, 2, VARINT);
    // A negative number is written as its two's complement.
    put_varint(&mut message, (at.saturating_mul(1000)).cast_unsigned());
    message
}

fn put_bytes(message: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    put_tag(message, field, LEN);
    put_varint(message, bytes.len() as u64);
    message.extend(bytes);
}

fn put_tag(message: &mut Vec<u8>, field: u8, kind: u8) {
    message.push(field << 3 | kind);
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn put_varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    message.push(number.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Google's own library for Python makes of the same request, in hexadecimal.
    const BY_GOOGLE: [&str; 2] = [
        "0a750a090a045a6f6e651201780a1e0a085f5f6e616d655f5f121277697468696e67735f7765696768745f6b670a0f0a036a6f62120877\
         697468696e67730a0f0a0770726f66696c6512045a6fc3ab121009ae47e17a141652401080d095ffbc31121409000000000000f8bf1098\
         f8ffffffffffffff01",
        "0a8e020a230a085f5f6e616d655f5f121777697468696e67735f676f616c5f7765696768745f6b670ad4010a0770726f66696c6512c801",
    ];

    #[test]
    fn a_request_is_what_protocol_buffers_make_of_it() {
        let labels = |labels: &[(&str, &str)]| {
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let weight = [("Zone", "x"), ("__name__", "withings_weight_kg"), ("job", "withings"), ("profile", "Zoë")];
        let weight = TimeSeries { labels: labels(&weight), samples: vec![(1_700_000_000, 72.345), (-1, -1.5)] };
        let goal = [("__name__", "withings_goal_weight_kg"), ("profile", &"B".repeat(200))];
        let goal = TimeSeries { labels: labels(&goal), samples: vec![(1_700_000_001, 1e300)] };
        let batch = Batch { series: vec![weight, goal], samples: 3 };
        let bytes_of = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        let sample_of_goal = "1210099c7500883ce4377e10e8d795ffbc31";
        let expected = bytes_of(&[&BY_GOOGLE.concat(), &"42".repeat(200), sample_of_goal].concat());
        assert_eq!(write_request(&batch), expected);
        let unpacked = snap::raw::Decoder::new().decompress_vec(&encode(&batch)).unwrap();
        assert_eq!(unpacked, expected);
    }
}

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| withings_exporter_fuzz::config(input));

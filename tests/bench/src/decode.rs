//! What the answer with a whole history costs.

use std::fmt::Write;
use std::time::Instant;

use anyhow::Result;
use withings_exporter::withings::calls::getmeas::Measures;
use withings_exporter::withings::calls::{Context, DataCall, Getmeas};
use withings_exporter::withings::rows::Rows;
use withings_exporter::withings::streaming_decoder::StreamingDecoder;

use crate::figures::{announce, median};

/// How many groups the answer has: a long history, and one page with more than any should have.
const GROUPS: [usize; 2] = [10_000, 60_001];
/// How many bytes come at one time.
const CHUNK: usize = 16 * 1024;
const ROUNDS: usize = 21;
/// When the newest group was measured, Unix seconds.
const NOW: i64 = 1_790_000_000;

pub(crate) fn run() -> Result<()> {
    announce("decode", "from the bytes of a getmeas answer to the readings that are kept");
    GROUPS.into_iter().try_for_each(decode)
}

fn decode(groups: usize) -> Result<()> {
    let answer = answer(groups);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        std::hint::black_box(readings(&answer)?);
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let mut kept = Vec::new();
    let allocated = allocation_counter::measure(|| kept.extend(readings(&answer)));
    let mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
    println!(
        "{groups} groups, {:.1} MiB: {:.1} ms, {} allocations of {:.1} MiB in all, at most {:.2} MiB at one time; {} readings",
        mib(answer.len() as u64),
        median(times),
        allocated.count_total,
        mib(allocated.bytes_total),
        mib(allocated.bytes_max),
        kept.iter().map(Vec::len).sum::<usize>()
    );
    Ok(())
}

fn readings(answer: &[u8]) -> Result<Vec<withings_exporter::reading::Reading>> {
    let mut rows = Rows::<Getmeas>::new(Getmeas::prune);
    let mut incoming = StreamingDecoder::new(&mut rows, NOW);
    answer.chunks(CHUNK).for_each(|chunk| incoming.push(chunk));
    incoming.finish(true)?;
    let groups = rows.kept();
    let mut context = Context::silent(NOW);
    Ok(Measures::choose(&groups, &mut context).readings().collect())
}

/// A history of weigh-ins with everything that a scale of today measures.
fn answer(count: usize) -> Vec<u8> {
    let mut groups = String::new();
    for n in 0..count as i64 {
        let date = NOW - n * 30_000;
        let measures: Vec<_> = [1, 5, 6, 8, 76, 77, 88, 91, 11, 170, 226]
            .map(|kind| format!(r#"{{"value":{},"type":{kind},"unit":-3,"algo":0,"fm":131}}"#, 70_000 + n + kind))
            .to_vec();
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(
            groups,
            r#"{comma}{{"grpid":{},"attrib":0,"date":{date},"created":{date},"modified":{date},"category":1,"deviceid":"{:040x}","hash_deviceid":"{:040x}","measures":[{}],"modelid":13,"model":"Body Comp","comment":null}}"#,
            1_000_000 + n,
            7,
            7,
            measures.join(",")
        );
    }
    format!(r#"{{"status":0,"body":{{"updatetime":{NOW},"timezone":"Europe/Paris","measuregrps":[{groups}]}}}}"#)
        .into_bytes()
}

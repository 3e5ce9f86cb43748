//! What each stage takes, and the physical limit beside it.
//!
//! ```text
//! cargo bench --bench stages                   a table: time, bytes and entries a second
//! cargo bench --bench stages -- parse          what has "parse" in its name
//! cargo bench --bench stages -- --counted      names of the works whose instructions instructions.sh counts
//! cargo bench --bench stages -- --count        each of them once, on a small input, after a warming up: for callgrind
//! cargo bench --bench stages -- --count NAME   one of them
//! ```

#![expect(clippy::unwrap_used, reason = "a bench that cannot set its stage fails, and says where")]
#![expect(clippy::print_stdout, reason = "the names of the works are asked for on standard output")]

mod inputs;
mod works;

use std::sync::OnceLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

use self::inputs::Inputs;
use self::works::{Run, WORKS, Work};

/// Entries of the feed that is worked on: with them its documents have about 300 KB, as the larger of real ones.
const ENTRIES: usize = 100;
/// Entries where instructions are counted, in an unoptimised build, by a processor that is emulated.
const ENTRIES_COUNTED: usize = 20;

fn inputs(entries: usize) -> &'static Inputs {
    static INPUTS: OnceLock<Inputs> = OnceLock::new();
    INPUTS.get_or_init(|| Inputs::of(entries))
}

fn find(name: &str) -> Option<Work> {
    WORKS.iter().find(|(known, _)| *known == name).map(|(_, make)| *make)
}

/// Limits are other people's work: they are measured, not guarded.
fn guarded() -> impl Iterator<Item = (&'static str, Work)> {
    WORKS.iter().copied().filter(|(name, _)| !name.contains("/limit"))
}

/// Instructions are counted in here: `instructions.sh` knows this name.
#[inline(never)]
fn counted(run: Run) -> Box<dyn std::any::Any> {
    run()
}

fn count(work: Work) {
    let prepared = work(inputs(ENTRIES_COUNTED));
    // Tables that are made once a process belong to no work.
    drop((prepared.run)()());
    drop(counted((prepared.run)()));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--counted"] => guarded().for_each(|(name, _)| println!("{name}")),
        ["--count"] => guarded().for_each(|(_, work)| count(work)),
        ["--count", name] => count(find(name).unwrap()),
        _ => divan::main(),
    }
}

#[divan::bench(args = WORKS.iter().map(|(name, _)| *name))]
fn stage(bencher: Bencher<'_, '_>, name: &str) {
    let prepared = find(name).unwrap()(inputs(ENTRIES));
    let bencher = bencher.counter(BytesCount::new(prepared.bytes)).counter(ItemsCount::new(prepared.entries));
    bencher.with_inputs(|| (prepared.run)()).bench_local_values(|run| run());
}

//! Shows each line once, with how often it came, as sort | uniq -c does.
use std::collections::HashMap;
use std::io::{self, BufRead, Write};

mod about;

fn tally<R: BufRead>(input: R) -> io::Result<Vec<(String, usize)>> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for line in input.lines() {
        *counts.entry(line?).or_insert(0) += 1;
    }
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    Ok(sorted)
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--version") {
        println!("lines {}", about::text());
        return;
    }
    let least: usize = std::env::args().nth(1).map_or(1, |n| n.parse().expect("a number"));
    let stdout = io::stdout();
    let mut out = stdout.lock();
    for (line, count) in tally(io::stdin().lock()).expect("lines can be read") {
        if count >= least {
            writeln!(out, "{count:7} {line}").expect("lines can be written");
        }
    }
}

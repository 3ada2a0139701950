//! The project's figures: `cargo bench` prints one line each, name, tab, value, tab, unit.
//!
//! Real processes on a real bare repository in a temporary folder: the clock starts where a person's
//! `git push` begins. `cargo bench -- latency` runs only what its name contains.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a figure that cannot be taken ends the benchmark"
)]

mod claims;
mod crowd;
mod farm;
mod latency;
mod plan;
mod site;
mod submit;
mod throughput;
mod when;

type Figures = Vec<(&'static str, f64, &'static str)>;
type Part = (&'static str, fn() -> Figures);

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let parts: [Part; 7] = [
        ("latency", latency::measure),
        ("throughput", throughput::measure),
        ("claims", claims::measure),
        ("submit", submit::measure),
        ("site", site::measure),
        ("plan", plan::measure),
        ("when", when::measure),
    ];
    for (name, measure) in parts {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            for (figure, value, unit) in measure() {
                println!("{figure}\t{value:.4}\t{unit}");
            }
        }
    }
}

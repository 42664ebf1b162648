//! The outcome of a run: a table and verdicts to read, JSON for machines.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use crate::figures::{Figure, Goal, Samples, Summary};
use crate::proxy::Proxy;

/// One goal held against the medians.
#[derive(Debug, Serialize)]
pub struct Verdict {
    figure: Figure,
    goal: String,
    /// Our median as a share of what it is held against.
    ratio: Option<f64>,
    value: f64,
    met: bool,
}

/// Every goal that this run can judge.
pub fn verdicts(samples: &Samples) -> Vec<Verdict> {
    let goals = Figure::ALL
        .into_iter()
        .flat_map(|figure| figure.goals().iter().map(move |goal| (figure, goal)));
    goals
        .filter_map(|(figure, goal)| verdict(samples, figure, *goal))
        .collect()
}

fn verdict(samples: &Samples, figure: Figure, goal: Goal) -> Option<Verdict> {
    let ours = samples.summary(figure, Proxy::Thalamus)?.median;
    match goal {
        Goal::AtMost(most) => {
            let goal = format!("<= {most} {}", figure.unit());
            Some(Verdict {
                figure,
                goal,
                ratio: None,
                value: ours,
                met: ours <= most,
            })
        }
        Goal::Share(share, sides) => {
            let medians = sides
                .iter()
                .filter_map(|&side| Some((side, samples.summary(figure, side)?.median)));
            let (best, median) = medians.min_by(|a, b| a.1.total_cmp(&b.1))?;
            let ratio = ours / median;
            let goal = format!("<= {share:.2} of {}", best.name());
            Some(Verdict {
                figure,
                goal,
                ratio: Some(ratio),
                value: ours,
                met: ratio <= share,
            })
        }
    }
}

/// Medians with their spread, one row a figure; then each goal and whether it is met.
pub fn text(samples: &Samples, proxies: &[Proxy]) -> String {
    let mut text = String::from("median (min-max)");
    text = format!("{text:38}");
    for proxy in proxies {
        let _ = write!(text, "{:>22}", proxy.name());
    }
    text.push('\n');
    for figure in Figure::ALL {
        text.push_str(&row(samples, figure, proxies).unwrap_or_default());
    }
    let _ = writeln!(text, "\n{:38}{:24}{:>10}", "ours", "goal", "is");
    for verdict in verdicts(samples) {
        let is = match verdict.ratio {
            Some(ratio) => format!("{ratio:.2}"),
            None => format!("{:.1} {}", verdict.value, verdict.figure.unit()),
        };
        let met = if verdict.met { "met" } else { "MISSED" };
        let _ = writeln!(
            text,
            "{:38}{:24}{is:>10}  {met}",
            verdict.figure.title(),
            verdict.goal
        );
    }
    text
}

/// None when no side has the figure.
fn row(samples: &Samples, figure: Figure, proxies: &[Proxy]) -> Option<String> {
    let cells: Vec<_> = proxies
        .iter()
        .map(|&proxy| samples.summary(figure, proxy))
        .collect();
    cells.iter().flatten().next()?;
    let mut row = format!("{:38}", format!("{} [{}]", figure.title(), figure.unit()));
    for cell in cells {
        let _ = write!(row, "{:>22}", cell.map(cell_text).unwrap_or_default());
    }
    row.push('\n');
    Some(row)
}

fn cell_text(of: Summary) -> String {
    let digits = if of.median < 1000.0 { 1 } else { 0 };
    format!(
        "{:.digits$} ({:.digits$}-{:.digits$})",
        of.median, of.min, of.max
    )
}

/// The same for machines.
pub fn json(samples: &Samples, proxies: &[Proxy], about: Value) -> Value {
    let figures: Vec<Value> = Figure::ALL
        .into_iter()
        .map(|figure| {
            let sides = proxies.iter().filter_map(|&side| Some((side.name(), samples.summary(figure, side)?)));
            let sides: serde_json::Map<_, _> = sides.map(|(name, of)| (name.to_owned(), json!(of))).collect();
            json!({ "figure": figure, "title": figure.title(), "unit": figure.unit(), "sides": sides })
        })
        .filter(|figure| figure["sides"].as_object().is_some_and(|sides| !sides.is_empty()))
        .collect();
    json!({ "about": about, "figures": figures, "goals": verdicts(samples) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_peer_is_the_measure() {
        let mut samples = Samples::default();
        for (side, value) in [
            (Proxy::Thalamus, 15.0),
            (Proxy::Nginx, 20.0),
            (Proxy::Haproxy, 25.0),
        ] {
            samples.add(Figure::Cpu, side, value);
        }
        let verdicts = verdicts(&samples);
        assert_eq!(verdicts.len(), 1, "no floor was measured");
        assert_eq!(
            (verdicts[0].goal.as_str(), verdicts[0].met),
            ("<= 0.80 of nginx", true)
        );
        assert_eq!(verdicts[0].ratio, Some(0.75));
    }
}

//! An autoscaler over time: every metric against its target, and the replicas below, on one axis; the same as a table.

use leptos::prelude::*;

use crate::ui::state::page;
use crate::view::Time;
use crate::view::chart::{ChartView, ReplicasPoint, SeriesView};

/// The size of a plot in its own units, and the room for its words.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 84.0;
const LEFT: f64 = 44.0;
const TOP: f64 = 20.0;
const FULL: f64 = TOP + HEIGHT + 8.0;

/// The chart.
#[component]
pub fn Chart(of: ChartView) -> impl IntoView {
    let page = page();
    let now = Memo::new(move |_| page.clock.with(|clock| Time(clock.now.0 / 1_000_000_000 * 1_000_000_000)));
    let says = says(&of, page.words());
    let table = rows(&of);
    let of = StoredValue::new(of);
    let plots = move || {
        let until = now.get();
        of.with_value(|of| {
            let axis = Axis { from: of.from, until: until.max(Time(of.from.0 + 1_000_000_000)) };
            let metrics = of.metrics.iter().map(|series| metric(series, axis, page.words().target)).collect_view();
            view! {
                {metrics}
                {replicas(&of.replicas, of.bounds, axis, page.words().replicas)}
                <p class="axis mono faint"><span>{axis.from.to_string()}</span><span>{axis.until.to_string()}</span></p>
            }
        })
    };
    view! {
        <figure class="chart">
            <figcaption>{page.words().chart}</figcaption>
            <div role="img" aria-label=says.clone()>{plots}</div>
            <p class="small">{says}</p>
            <details>
                <summary>{page.words().figures}</summary>
                <table class="rows mono">
                    <thead><tr>
                        <th scope="col">{page.words().time}</th>
                        {table.names.into_iter().map(|name| view! { <th scope="col">{name}</th> }).collect_view()}
                        <th scope="col">{page.words().replicas}</th>
                        <th scope="col">{page.words().wanted}</th>
                    </tr></thead>
                    <tbody>{table.rows.into_iter().map(|row| view! {
                        <tr>{row.into_iter().map(|cell| view! { <td>{cell}</td> }).collect_view()}</tr>
                    }).collect_view()}</tbody>
                </table>
            </details>
        </figure>
    }
}

/// The time that a plot spans.
#[derive(Clone, Copy)]
struct Axis {
    from: Time,
    until: Time,
}

impl Axis {
    fn x(self, at: Time) -> f64 {
        let whole = (self.until.0 - self.from.0) as f64;
        LEFT + (WIDTH - LEFT) * (at.0.saturating_sub(self.from.0) as f64 / whole).min(1.0)
    }
}

/// The height of a value between zero and `most`.
fn y(value: f64, most: f64) -> f64 {
    TOP + HEIGHT * (1.0 - (value / most.max(1.0)).clamp(0.0, 1.0))
}

/// A line in steps: each value holds until the next. A value that is not known is a gap.
fn steps(points: impl Iterator<Item = (Time, Option<f64>)>, axis: Axis, most: f64) -> String {
    let mut path = String::new();
    let mut last: Option<f64> = None;
    for (at, value) in points {
        let x = axis.x(at);
        if last.is_some() {
            path.push_str(&format!("H{x:.1}"));
        }
        match (value, last) {
            (Some(value), Some(_)) => path.push_str(&format!("V{:.1}", y(value, most))),
            (Some(value), None) => path.push_str(&format!("M{x:.1} {:.1}", y(value, most))),
            (None, _) => {}
        }
        last = value;
    }
    if last.is_some() {
        path.push_str(&format!("H{:.1}", axis.x(axis.until)));
    }
    path
}

fn metric(series: &SeriesView, axis: Axis, target: &'static str) -> AnyView {
    let highest = series.points.iter().filter_map(|point| point.value).chain([series.target]).max().unwrap_or(1);
    let most = highest as f64 * 1.15;
    let path = steps(series.points.iter().map(|p| (p.at, p.value.map(|v| v as f64))), axis, most);
    let line = y(series.target as f64, most);
    let now = series.points.last().map(|point| point.text.clone()).unwrap_or_default();
    view! {
        <svg class="plot" viewBox=format!("0 0 {WIDTH} {FULL}") aria-hidden="true">
            <text class="title" x="0" y="12">{series.name.clone()}" "{now}</text>
            <path class="ground" d=format!("M{LEFT} {TOP}V{:.0}H{WIDTH}", TOP + HEIGHT)/>
            <path class="target" d=format!("M{LEFT} {line:.1}H{WIDTH}")/>
            <text class="tick" x=(LEFT - 5.0).to_string() y=format!("{:.1}", line + 4.0) text-anchor="end">{series.target_text.clone()}</text>
            <text class="tick" x=WIDTH.to_string() y=format!("{:.1}", line - 4.0) text-anchor="end">{target}</text>
            <path class="metric" d=path/>
        </svg>
    }
    .into_any()
}

fn replicas(points: &[ReplicasPoint], (min, max): (u32, u32), axis: Axis, title: &'static str) -> AnyView {
    let most = f64::from(points.iter().flat_map(|p| [p.current, p.desired]).chain([max]).max().unwrap_or(1));
    let current = steps(points.iter().map(|p| (p.at, Some(f64::from(p.current)))), axis, most);
    let desired = steps(points.iter().map(|p| (p.at, Some(f64::from(p.desired)))), axis, most);
    let now = points.last().map_or(0, |point| point.current);
    let (low, high) = (y(f64::from(min), most), y(f64::from(max), most));
    let band = format!("M{LEFT} {low:.1}H{WIDTH}V{high:.1}H{LEFT}Z");
    view! {
        <svg class="plot" viewBox=format!("0 0 {WIDTH} {FULL}") aria-hidden="true">
            <text class="title" x="0" y="12">{title}" "{now}</text>
            <path class="band" d=band/>
            <path class="ground" d=format!("M{LEFT} {TOP}V{:.0}H{WIDTH}", TOP + HEIGHT)/>
            <text class="tick" x=(LEFT - 5.0).to_string() y=format!("{:.1}", high + 4.0) text-anchor="end">{max}</text>
            <text class="tick" x=(LEFT - 5.0).to_string() y=format!("{:.1}", low + 4.0) text-anchor="end">{min}</text>
            <path class="desired" d=desired/>
            <path class="current" d=current/>
        </svg>
    }
    .into_any()
}

/// The last figures in one sentence.
fn says(of: &ChartView, words: &crate::ui::words::Words) -> String {
    let metrics = of.metrics.iter().map(|series| {
        let now = series.points.last().map_or("<unknown>", |point| point.text.as_str());
        format!("{} {now} / {}", series.name, series.target_text)
    });
    let last = of.replicas.last().copied().unwrap_or(ReplicasPoint { at: Time::ZERO, current: 0, desired: 0 });
    words.chart_says(&metrics.collect::<Vec<_>>().join(", "), last.current, last.desired, of.bounds)
}

/// The chart as a table: a row for every time at which something changed, newest first.
struct Rows {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn rows(of: &ChartView) -> Rows {
    let metrics = of.metrics.iter().flat_map(|series| series.points.iter().map(|point| point.at));
    let mut times: Vec<Time> = metrics.chain(of.replicas.iter().map(|point| point.at)).collect();
    times.sort();
    times.dedup();
    let rows = times.iter().rev().take(60).map(|at| {
        let mut row = vec![at.to_string()];
        for series in &of.metrics {
            let then = series.points.iter().rev().find(|point| point.at <= *at);
            row.push(then.map(|point| point.text.clone()).unwrap_or_default());
        }
        let then = of.replicas.iter().rev().find(|point| point.at <= *at);
        row.extend(then.map(|point| [point.current.to_string(), point.desired.to_string()]).into_iter().flatten());
        row
    });
    Rows { names: of.metrics.iter().map(|series| series.name.clone()).collect(), rows: rows.collect() }
}

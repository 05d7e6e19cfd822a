//! The chart of a HorizontalPodAutoscaler, from its revisions in etcd: what it wrote of itself, when.

use crate::api::{
    HorizontalPodAutoscaler, Kind, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus, Object, Quantity,
};
use crate::cluster::{Cluster, Happened, Said};
use crate::control::apiserver::StoredValue;
use crate::etcd::Payload as _;
use crate::sim::{EventId, Time, VecMap};
use crate::view::chart::{ChartView, MetricPoint, ReplicasPoint, SeriesView};

/// At most so many revisions are drawn, the newest.
const MOST: usize = 400;

/// The chart; `None` for another kind.
pub fn chart(cluster: &Cluster, object: &Object) -> Option<ChartView> {
    let Object::HorizontalPodAutoscaler(scaler) = object else { return None };
    let meta = &scaler.metadata;
    let key = Kind::HorizontalPodAutoscaler.etcd_key(&meta.namespace, &meta.name);
    let revisions: Vec<(u64, HorizontalPodAutoscaler)> = cluster
        .etcd_member()
        .store()
        .history(&key)
        .filter_map(|version| Some((version.revision.0, read(&version.kv?.value)?)))
        .collect();
    let surplus = revisions.len().saturating_sub(MOST);
    let times = times(cluster, &key);
    let mut chart = ChartView { bounds: bounds(scaler), ..ChartView::default() };
    chart.metrics = scaler.spec.metrics.iter().map(series).collect();
    for (revision, then) in revisions.iter().skip(surplus) {
        let at = times.get(revision).copied().unwrap_or(chart.replicas.last().map_or(Time::ZERO, |last| last.at));
        add(&mut chart, at, then);
    }
    chart.from = chart.replicas.first().map_or(cluster.now(), |first| first.at);
    Some(chart)
}

fn read(value: &StoredValue) -> Option<HorizontalPodAutoscaler> {
    serde_json::from_str(&value.text()).ok()
}

/// When each revision of a key was told of.
fn times(cluster: &Cluster, key: &str) -> VecMap<u64, Time> {
    let mut times: VecMap<u64, Time> = VecMap::new();
    for entry in cluster.trace().since(EventId(0)) {
        if let Happened::Sent { what: Said::EtcdEvents { key: k, revision, .. }, .. } = &entry.event
            && **k == *key
        {
            times.entry(*revision).or_insert(entry.at);
        }
    }
    times
}

fn bounds(scaler: &HorizontalPodAutoscaler) -> (u32, u32) {
    let count = |n: i32| u32::try_from(n).unwrap_or(0);
    (count(scaler.spec.min_replicas.unwrap_or(1)), count(scaler.spec.max_replicas))
}

fn add(chart: &mut ChartView, at: Time, then: &HorizontalPodAutoscaler) {
    let count = |n: i32| u32::try_from(n).unwrap_or(0);
    let (current, desired) = (count(then.status.current_replicas), count(then.status.desired_replicas));
    let same = |last: &ReplicasPoint| (last.current, last.desired) == (current, desired);
    if !chart.replicas.last().is_some_and(same) {
        chart.replicas.push(ReplicasPoint { at, current, desired });
    }
    let known = then.status.current_metrics.as_deref().unwrap_or_default();
    for series in &mut chart.metrics {
        let now = known.iter().find_map(|status| Some(status).filter(|s| name_of(s) == series.name).and_then(value));
        let (value, text) = now.map_or((None, "<unknown>".to_owned()), |(value, text)| (Some(value), text));
        if series.points.last().is_none_or(|last| last.value != value) {
            series.points.push(MetricPoint { at, value, text });
        }
    }
}

fn series(metric: &MetricSpec) -> SeriesView {
    let (name, target) = match metric {
        MetricSpec { resource: Some(source), .. } => (source.name.clone(), &source.target),
        MetricSpec { container_resource: Some(source), .. } => (source.name.clone(), &source.target),
        MetricSpec { pods: Some(source), .. } => (source.metric.name.clone(), &source.target),
        MetricSpec { object: Some(source), .. } => (source.metric.name.clone(), &source.target),
        MetricSpec { external: Some(source), .. } => (source.metric.name.clone(), &source.target),
        MetricSpec { r#type, .. } => (r#type.clone(), &MetricTarget::default()),
    };
    let MetricTarget { value, average_value, average_utilization, .. } = target;
    let (target, target_text) =
        figure(*average_utilization, average_value.or(*value)).unwrap_or((0, "<unknown>".to_owned()));
    SeriesView { name, target, target_text, points: Vec::new() }
}

fn name_of(status: &MetricStatus) -> &str {
    match status {
        MetricStatus { resource: Some(source), .. } => &source.name,
        MetricStatus { container_resource: Some(source), .. } => &source.name,
        MetricStatus { pods: Some(source), .. } => &source.metric.name,
        MetricStatus { object: Some(source), .. } => &source.metric.name,
        MetricStatus { external: Some(source), .. } => &source.metric.name,
        MetricStatus { r#type, .. } => r#type,
    }
}

fn value(status: &MetricStatus) -> Option<(i64, String)> {
    let current: &MetricValueStatus = match status {
        MetricStatus { resource: Some(source), .. } => &source.current,
        MetricStatus { container_resource: Some(source), .. } => &source.current,
        MetricStatus { pods: Some(source), .. } => &source.current,
        MetricStatus { object: Some(source), .. } => &source.current,
        MetricStatus { external: Some(source), .. } => &source.current,
        _ => return None,
    };
    figure(current.average_utilization, current.average_value.or(current.value))
}

/// A figure in thousandths and as kubectl writes it.
fn figure(percent: Option<i32>, quantity: Option<Quantity>) -> Option<(i64, String)> {
    match (percent, quantity) {
        (Some(percent), _) => Some((i64::from(percent) * 1_000, format!("{percent}%"))),
        (None, Some(quantity)) => Some((quantity.millis(), quantity.to_string())),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::build::testing::world;
    use crate::sim::Span;

    #[test]
    fn a_chart_tells_the_replicas_and_the_metric_of_an_autoscaler_over_time() {
        let scale = "kubectl autoscale deployment web --min=2 --max=5 --cpu=50%";
        let mut world = world(&["kubectl create deployment web --image=nginx", scale]);
        world.run_until(world.now() + Span::secs(60));
        let object = world.cluster.objects(Kind::HorizontalPodAutoscaler).next().expect("it is there");
        let chart = chart(&world.cluster, object).expect("an autoscaler has a chart");
        assert_eq!(chart.bounds, (2, 5));
        let metrics: Vec<(&str, &str)> =
            chart.metrics.iter().map(|series| (series.name.as_str(), series.target_text.as_str())).collect();
        assert_eq!(metrics, [("cpu", "50%")]);
        assert!(chart.metrics[0].points.iter().all(|point| point.value.is_none()), "there is no metrics-server");
        let last = chart.replicas.last().expect("it has been looked at");
        assert_eq!((last.current, last.desired), (2, 2), "the fewest that are allowed");
        assert!(chart.replicas.windows(2).all(|pair| pair[0].at < pair[1].at), "{:?}", chart.replicas);
    }

    #[test]
    fn another_kind_has_no_chart() {
        let world = world(&[]);
        let node = world.cluster.objects(Kind::Node).next().expect("a node");
        assert_eq!(chart(&world.cluster, node), None);
    }
}

//! The limits of a namespace: what containers get that do not say, and what they may not go below or beyond. Models
//! `plugin/pkg/admission/limitranger/admission.go`.

use std::sync::Arc;

use crate::api::usage;
use crate::api::{
    Container, Kind, LimitRange, Object, PersistentVolumeClaim, Pod, PodSpec, Quantity, ResourceList, Status,
};
use crate::control::apiserver::registry::Env;

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// Gives a new pod's containers what the ranges of its namespace say by default.
pub fn fill(pod: &mut Pod, env: &Env<'_>) {
    let space = pod.metadata.namespace.clone();
    for range in ranges(&space, env) {
        let (mut limits, mut requests) = (ResourceList::new(), ResourceList::new());
        for item in range.spec.limits.iter().filter(|item| item.r#type == "Container") {
            limits.extend(item.default.clone());
            requests.extend(item.default_request.clone());
        }
        let mut notes = Vec::new();
        let spec: &mut PodSpec = Arc::make_mut(&mut pod.spec);
        spec.containers.iter_mut().for_each(|c| fill_one(c, "container", &limits, &requests, &mut notes));
        spec.init_containers.iter_mut().for_each(|c| fill_one(c, "init container", &limits, &requests, &mut notes));
        if !notes.is_empty() {
            let text = format!("LimitRanger plugin set: {}", notes.join("; "));
            pod.metadata.annotations.insert(ANNOTATION.into(), text);
        }
    }
}

fn fill_one(
    container: &mut Container,
    what: &str,
    limits: &ResourceList,
    requests: &ResourceList,
    notes: &mut Vec<String>,
) {
    let mut set = |list: &mut ResourceList, from: &ResourceList, word: &str| {
        let missing: Vec<&String> = from.keys().filter(|name| !list.contains_key(*name)).collect();
        if !missing.is_empty() {
            let names = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            notes.push(format!("{names} {word} for {what} {}", container.name));
        }
        for name in missing {
            list.insert(name.clone(), from[name]);
        }
    };
    set(&mut container.resources.requests, requests, "request");
    set(&mut container.resources.limits, limits, "limit");
}

/// Whether a new object keeps to the ranges of its namespace.
///
/// # Errors
/// It goes below or beyond one.
pub fn check(object: &Object, env: &Env<'_>) -> Result<(), Status> {
    let meta = object.meta();
    for range in ranges(&meta.namespace, env) {
        let wrong = match object {
            Object::Pod(pod) => pod_beyond(range, pod),
            Object::PersistentVolumeClaim(claim) => claim_beyond(range, claim),
            _ => return Ok(()),
        };
        let why = match wrong.as_slice() {
            [] => continue,
            [one] => one.clone(),
            all => format!("[{}]", all.join(", ")),
        };
        return Err(Status::forbidden(object.kind(), super::name_of(meta), &why));
    }
    Ok(())
}

fn ranges<'a>(namespace: &'a str, env: &'a Env<'_>) -> impl Iterator<Item = &'a LimitRange> {
    env.objects_in(Kind::LimitRange, namespace).filter_map(|object| match object {
        Object::LimitRange(range) => Some(range.as_ref()),
        _ => None,
    })
}

/// What is wrong with a pod; the same words once.
fn pod_beyond(range: &LimitRange, pod: &Pod) -> Vec<String> {
    let mut wrong = Vec::new();
    for item in &range.spec.limits {
        let used: Vec<(ResourceList, ResourceList)> = match item.r#type.as_str() {
            "Container" => {
                let all = pod.spec.containers.iter().chain(&pod.spec.init_containers);
                all.map(|c| (c.resources.requests.clone(), c.resources.limits.clone())).collect()
            }
            "Pod" => vec![(usage::requests(&pod.spec), usage::limits(&pod.spec))],
            _ => Vec::new(),
        };
        for (requests, limits) in &used {
            let each = |list: &ResourceList, check: Check| -> Vec<String> {
                let one = |(name, bound): (&String, &Quantity)| {
                    check(&item.r#type, name, *bound, requests.get(name), limits.get(name))
                };
                list.iter().filter_map(one).collect()
            };
            wrong.extend(each(&item.min, below));
            wrong.extend(each(&item.max, beyond));
            wrong.extend(each(&item.max_limit_request_ratio, apart));
        }
    }
    once(wrong)
}

fn claim_beyond(range: &LimitRange, claim: &PersistentVolumeClaim) -> Vec<String> {
    let requests = &claim.spec.resources.requests;
    let mut wrong = Vec::new();
    for item in range.spec.limits.iter().filter(|item| item.r#type == "PersistentVolumeClaim") {
        wrong.extend(item.min.iter().filter_map(|(name, b)| below(&item.r#type, name, *b, requests.get(name), None)));
        wrong.extend(item.max.iter().filter_map(|(name, bound)| {
            let head = format!("maximum {name} usage per {} is {bound}", item.r#type);
            match requests.get(name) {
                None => Some(format!("{head}.  No request is specified")),
                Some(request) if over(*request, *bound) => Some(format!("{head}, but request is {request}")),
                _ => None,
            }
        }));
    }
    once(wrong)
}

fn once(words: Vec<String>) -> Vec<String> {
    let mut seen = Vec::new();
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}

/// A rule: for a type of thing, a resource and its bound, what is wrong with a request and a limit.
type Check = fn(&str, &str, Quantity, Option<&Quantity>, Option<&Quantity>) -> Option<String>;

fn over(value: Quantity, bound: Quantity) -> bool {
    value.minus(bound).sign() > 0
}

fn below(
    of: &str,
    name: &str,
    bound: Quantity,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
) -> Option<String> {
    let head = format!("minimum {name} usage per {of} is {bound}");
    match (request, limit) {
        (None, _) => Some(format!("{head}.  No request is specified")),
        (Some(request), _) if over(bound, *request) => Some(format!("{head}, but request is {request}")),
        (_, Some(limit)) if over(bound, *limit) => Some(format!("{head}, but limit is {limit}")),
        _ => None,
    }
}

fn beyond(
    of: &str,
    name: &str,
    bound: Quantity,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
) -> Option<String> {
    let head = format!("maximum {name} usage per {of} is {bound}");
    match (limit, request) {
        (None, _) => Some(format!("{head}.  No limit is specified")),
        (Some(limit), _) if over(*limit, bound) => Some(format!("{head}, but limit is {limit}")),
        (_, Some(request)) if over(*request, bound) => Some(format!("{head}, but request is {request}")),
        _ => None,
    }
}

/// The limit may be so many times the request.
fn apart(
    of: &str,
    name: &str,
    bound: Quantity,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
) -> Option<String> {
    let head = format!("{name} max limit to request ratio per {of} is {bound}");
    let Some(request) = request.filter(|request| !request.is_zero()) else {
        return Some(format!("{head}, but no request is specified or request is 0"));
    };
    let Some(limit) = limit.filter(|limit| !limit.is_zero()) else {
        return Some(format!("{head}, but no limit is specified or limit is 0"));
    };
    let (limit, request) = (i128::from(limit.millis()), i128::from(request.millis()));
    let too_far = limit * 1_000 > i128::from(bound.millis()) * request;
    too_far.then(|| format!("{head}, but provided ratio is {}", crate::api::validate::limits::ratio(limit, request)))
}

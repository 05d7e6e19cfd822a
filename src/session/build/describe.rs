//! What `kubectl describe` prints of an object: kubectl itself is run, and its requests are answered from what the API
//! server has cached. Nothing of the world changes, and no virtual time passes.

use serde_json::{Value, json};

use crate::api::http::{HttpRequest, HttpResponse};
use crate::api::{Object, ObjectRef, Status, Verb};
use crate::cluster::Cluster;
use crate::control::apiserver::flow::filter_of;
use crate::control::apiserver::http;
use crate::kubectl::{self, Effect, Input, KubectlConfig, Process};
use crate::sim::{Out, VecMap};

/// More requests than any description needs.
const MOST_REQUESTS: usize = 200;

/// The text; empty if the object is not there.
pub fn describe(cluster: &Cluster, object: &ObjectRef) -> String {
    let info = object.kind.info();
    let resource =
        if info.group.is_empty() { info.plural.to_owned() } else { info.plural.to_owned() + "." + info.group };
    let mut words = vec!["describe".to_owned(), resource, object.name.to_string()];
    if info.namespaced {
        words.extend(["-n".to_owned(), object.namespace.to_string()]);
    }
    let scenario = cluster.scenario();
    let discovered = kubectl::discovered(cluster.apiserver().definitions().served());
    let (server, epoch) = (scenario.server(), scenario.epoch().0);
    let config = KubectlConfig { discovered, ..KubectlConfig::new(server, epoch) };
    let no_files: VecMap<String, Vec<u8>> = VecMap::new();
    let mut process = Process::start(words, None, &no_files, &config, cluster.now());
    let (mut text, mut inputs) = (String::new(), vec![Input::Start]);
    for _ in 0..MOST_REQUESTS {
        let Some(input) = inputs.pop() else { break };
        let mut out = Out::default();
        process.handle(input, cluster.now(), &mut out);
        for effect in out.take() {
            match effect {
                Effect::Request { id, request } => {
                    inputs.push(Input::Response { id, response: answer(cluster, &request) });
                }
                Effect::Stdout(more) => text.push_str(&more),
                Effect::Input { .. }
                | Effect::Cancel { .. }
                | Effect::Write { .. }
                | Effect::Edit { .. }
                | Effect::Listen(_)
                | Effect::Stderr(_)
                | Effect::Exit(_) => {}
            }
        }
    }
    text
}

/// What the API server answers to a read.
fn answer(cluster: &Cluster, request: &HttpRequest) -> HttpResponse {
    match read(cluster, request) {
        Ok(value) => HttpResponse::json(200, &value),
        Err(status) => http::failure(&status),
    }
}

fn read(cluster: &Cluster, http: &HttpRequest) -> Result<Value, Status> {
    let (request, _) = http::request(http, cluster.apiserver().definitions())?;
    let info = request.kind.info();
    match request.verb {
        Verb::Get => cluster
            .object(request.kind, &request.namespace, &request.name)
            .map(Object::to_value)
            .ok_or_else(|| Status::not_found(request.kind, &request.name)),
        Verb::List => {
            let filter = filter_of(&request)?;
            let chosen = cluster.objects(request.kind).filter(|object| filter.matches(object));
            let items: Vec<Value> = chosen.map(Object::to_value).collect();
            Ok(json!({"apiVersion": info.api_version(), "kind": format!("{}List", info.kind), "items": items}))
        }
        _ => Err(Status::no_such_resource()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use crate::session::World;
    use crate::session::terminal::{Output, Stream};
    use crate::share::Action;
    use crate::sim::Span;

    /// What the terminal prints of a line; what goes to standard error is no part of the description.
    fn terminal(world: &World, line: &str) -> String {
        let mut world = world.clone();
        world.act(Action::Line { line: line.to_owned(), files: Vec::new() }, None).expect("a line");
        while world.foreground.is_some() && world.step() {}
        let text = world.take_output().into_iter().filter_map(|output| match output {
            Output::Text(_, Stream::Out, text) => Some(text),
            _ => None,
        });
        text.collect()
    }

    #[test]
    fn the_description_of_every_object_is_what_the_terminal_prints() {
        let mut world = World::boot("nodes=2".parse().expect("a scenario"));
        for line in [
            "kubectl create deployment web --image=nginx --replicas=2",
            "kubectl expose deployment web --port=80",
            "kubectl autoscale deployment web --min=2 --max=5 --cpu=50%",
            "kubectl create job once --image=busybox -- true",
        ] {
            world.act(Action::Line { line: line.to_owned(), files: Vec::new() }, None).expect("a line");
            world.run_until(world.now() + Span::secs(20));
        }
        world.take_output();
        let objects: Vec<ObjectRef> = Kind::ALL
            .iter()
            .filter(|kind| !matches!(kind, Kind::Event | Kind::Lease))
            .flat_map(|kind| world.cluster.objects(*kind).map(Object::reference).take(2))
            .collect();
        assert!(objects.len() > 20, "there is something to describe: {}", objects.len());
        for object in objects {
            let info = object.kind.info();
            let resource = format!("{}.{}", info.plural, info.group);
            let space = if info.namespaced { format!(" -n {}", object.namespace) } else { String::new() };
            let line = format!("kubectl describe {} {}{space}", resource.trim_end_matches('.'), object.name);
            assert_eq!(
                without_ages(&describe(&world.cluster, &object)),
                without_ages(&terminal(&world, &line)),
                "{line}"
            );
        }
    }

    /// The terminal answers some milliseconds later: ages of events may differ by a second.
    fn without_ages(text: &str) -> String {
        text.lines()
            .map(|line| if line.starts_with("  Normal ") || line.starts_with("  Warning ") { "an event" } else { line })
            .collect::<Vec<_>>()
            .join("\n")
    }
}

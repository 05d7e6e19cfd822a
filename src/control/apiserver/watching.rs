//! Watches: how one begins, how the server ends one. Models `Watch` of `k8s.io/apiserver/pkg/storage/cacher` and
//! `pkg/endpoints/handlers/watch.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::http::Chunk;
use crate::api::{Answer, Request, ResourceVersion, Status, WatchEvent, WatchEventType};
use crate::control::apiserver::call::{CallNo, Door, Reply, State};
use crate::control::apiserver::flow::filter_of;
use crate::control::apiserver::watchers::event_for;
use crate::control::apiserver::{ApiServer, Effect};
use crate::etcd::Revision;
use crate::sim::{Out, Span, Time};

/// How often a watch that wants bookmarks gets one (`defaultBookmarkFrequency`).
const BOOKMARKS: Span = Span::secs(60);
/// How long before its end it gets one more.
const BEFORE_THE_END: Span = Span::secs(2);

impl ApiServer {
    /// Registers a watcher and tells it what it has missed.
    pub(super) fn begin_watch(
        &mut self,
        no: CallNo,
        request: &Request,
        now: Time,
        out: &mut Out<Effect>,
    ) -> Result<(), Status> {
        let filter = filter_of(request)?;
        let cache = self.cache(request.kind);
        let from = request.options.resource_version.map(|v| Revision(v.0));
        // Without a version, or from 0, a watch begins with what is there.
        let first: Vec<_> = match from {
            None | Some(Revision(0)) => cache
                .objects()
                .filter(|object| filter.matches(object))
                .map(|object| WatchEvent { event: WatchEventType::Added, object: object.clone() })
                .collect(),
            Some(from) => {
                let changes = cache
                    .since(from)
                    .map_err(|oldest| Status::expired(format!("too old resource version: {from} ({oldest})")))?;
                changes.iter().filter_map(|change| event_for(change, &filter)).collect()
            }
        };
        let revision = ResourceVersion(cache.revision().0.max(from.map_or(0, |f| f.0)));
        self.watchers_mut(request.kind).add(no, filter);
        self.set_state(no, State::Watching);
        self.reply_keeping(no, Reply::Watching, now, out);
        if !first.is_empty() {
            let call = self.call(no);
            let (client, id) = (call.client, call.id);
            match call.door.clone() {
                Door::Http(form) => {
                    self.write_events(&mut Vec::new(), &form, &first, now, |chunk| {
                        out.push(Effect::Chunk { client, id, chunk });
                    });
                }
                _ => out.push(Effect::Answer { client, answer: Answer::Events { id, events: first.into(), revision } }),
            }
        }
        self.initial_events_end(no, revision, out);
        self.watch_again_at(no, now);
        Ok(())
    }

    /// Remembers when a watch of an HTTP client has to be looked at next.
    fn watch_again_at(&mut self, no: CallNo, now: Time) {
        let call = self.call(no);
        let Door::Http(form) = &call.door else { return };
        let end = form.ends_after.map(|after| call.began + after);
        let before_the_end = end.map(|end| Time(end.0.saturating_sub(BEFORE_THE_END.0))).filter(|at| *at > now);
        let bookmark = form.bookmarks.then(|| before_the_end.into_iter().chain([now + BOOKMARKS]).min()).flatten();
        self.patient.extend(bookmark.into_iter().chain(end).min().map(|at| (at, no)));
    }

    /// Tells an HTTP client how far its watch is, or ends it if its time is over.
    pub(super) fn watch_is_due(&mut self, no: CallNo, now: Time, out: &mut Out<Effect>) {
        let call = self.call(no);
        let Door::Http(form) = &call.door else { return };
        if form.ends_after.is_some_and(|after| call.began + after <= now) {
            out.push(Effect::Chunk { client: call.client, id: call.id, chunk: Chunk::End });
            return self.forget(no);
        }
        if form.bookmarks {
            let revision = ResourceVersion(self.cache(call.request.kind).revision().0);
            self.bookmark(no, &json!({"resourceVersion": revision}), out);
        }
        self.watch_again_at(no, now);
    }

    /// Tells an HTTP client that asked for it that it now knows everything that was there.
    fn initial_events_end(&mut self, no: CallNo, revision: ResourceVersion, out: &mut Out<Effect>) {
        let call = self.call(no);
        let Door::Http(form) = &call.door else { return };
        if !form.initial_events {
            return;
        }
        self.bookmark(
            no,
            &json!({"resourceVersion": revision, "annotations": {"k8s.io/initial-events-end": "true"}}),
            out,
        );
    }

    /// Sends an object of which only the metadata counts.
    fn bookmark(&self, no: CallNo, meta: &Value, out: &mut Out<Effect>) {
        let call = self.call(no);
        let info = call.request.kind.info();
        let object = json!({"kind": info.kind, "apiVersion": info.api_version(), "metadata": meta});
        let event = json!({"type": "BOOKMARK", "object": object}).to_string();
        out.push(Effect::Chunk { client: call.client, id: call.id, chunk: Chunk::Event(event.into_bytes()) });
    }

    /// Ends a watch from the server's side.
    pub(super) fn close_watch(&mut self, no: CallNo, status: Status, out: &mut Out<Effect>) {
        let Some(call) = self.calls.get(&no) else { return };
        let (client, id) = (call.client, call.id);
        if matches!(call.door, Door::Http(_)) {
            let event = json!({"type": "ERROR", "object": status.to_value()}).to_string();
            out.push(Effect::Chunk { client, id, chunk: Chunk::Event(event.into_bytes()) });
            out.push(Effect::Chunk { client, id, chunk: Chunk::End });
        } else {
            out.push(Effect::Answer { client, answer: Answer::WatchClosed { id, status: Arc::new(status) } });
        }
        self.forget(no);
    }
}

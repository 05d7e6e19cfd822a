//! A page without a core: sample views, a clock that runs, a terminal that answers itself.

use super::take_in;
use crate::session::protocol::{Chunk, ClockRequest, Prompt, Request, Stream, TerminalUpdate, Update};
use crate::ui::state::{Page, Panel, Status};
use crate::view::fixture;
use crate::view::{Span, Time};
use leptos::prelude::{Update as _, *};

/// Fills every signal with a sample.
pub fn fill(page: Page) {
    for update in fixture::updates() {
        take_in(page, update);
    }
    page.share.set(None);
    page.status.set(Status::Ready);
    page.side.set(Panel::Editor);
}

/// Answers a request as well as can be without a core.
pub fn answer(page: Page, request: &Request) {
    match request {
        Request::Tick { elapsed_us } => {
            let mut clock = page.clock.get_untracked();
            if clock.playing {
                clock.now += Span(u64::from(*elapsed_us) * u64::from(clock.speed.0));
                if clock.now > Time(32_000_000_000) {
                    clock.now = Time(30_400_000_000);
                }
            }
            take_in(page, Update::Clock(clock));
            take_in(page, Update::Messages(fixture::messages()));
        }
        Request::Clock(request) => page.clock.update(|clock| match request {
            ClockRequest::Play => clock.playing = true,
            ClockRequest::Pause => clock.playing = false,
            ClockRequest::Step => clock.now += Span::millis(1),
            ClockRequest::Speed(speed) => clock.speed = *speed,
            ClockRequest::SeekTo(time) => clock.now = *time,
            ClockRequest::StepBack | ClockRequest::Next(_) | ClockRequest::Previous(_) | ClockRequest::Settle => {}
        }),
        Request::Run { line } => {
            let chunk = |stream, text: String| Chunk { stream, text, links: vec![] };
            let chunks = vec![chunk(Stream::Echo, format!("$ {line}\n")), chunk(Stream::Out, format!("{line}\n"))];
            take_in(
                page,
                Update::Terminal(TerminalUpdate { clear: false, chunks, prompt: Prompt::Ready("$ ".into()) }),
            );
        }
        Request::MakeLink(_) => {
            take_in(page, Update::Link { link: "k1.eJwDAAAAAAE".into(), digest: crate::sim::digest_of(&0) })
        }
        _ => {}
    }
}

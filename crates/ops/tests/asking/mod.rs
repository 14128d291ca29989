//! A capability asked by nobody: no terminal, no person, its answer as JSON.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use portward_ops::{Cx, Document, Failure, Op, Prompt, Sink, perform};
use portward_sys::Act;
use serde_json::Value;

/// Nobody is there.
struct Nobody;

impl Prompt for Nobody {
    fn pasted(&self) -> std::io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn confirm(&self, _: &str) -> Option<bool> {
        None
    }

    fn progress(&self, _: &str) {}

    fn open_url(&self, _: &str) -> bool {
        false
    }

    fn notify(&self, _: &str, _: &str) -> bool {
        false
    }
}

/// Asks with these arguments and gives the document.
pub(crate) fn ask<O: Op>(words: &Value, host: &dyn Act) -> Result<Value, Failure> {
    let op: O = serde_json::from_value(words.clone()).unwrap();
    let cx = Cx { host, prompt: &Nobody };
    let mut take = |_: O::Item| true;
    let output = now(perform(op, &cx, &mut Sink::new(&mut take)))?;
    Ok(serde_json::to_value(Document::new(&output)).unwrap())
}

fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a reading waits for nothing"),
    }
}

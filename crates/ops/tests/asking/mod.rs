//! A capability asked by nobody: no terminal, no person, its answer as JSON.
#![allow(dead_code)] // Each test takes what it needs.

use portward_ops::{Answer, Cancel, Door, Failure, Machine, Nobody, Op, Request, dispatch};
use portward_sys::{Act, SystemClock, this_caller};
use serde_json::Value;

/// Asks with these arguments and gives the document.
pub(crate) fn ask<O: Op>(words: &Value, machine: &dyn Act) -> Result<Value, Failure> {
    send(O::NAME, words, Machine::Live(machine)).map(|answer| answer.document)
}

/// Sends a request to an operation.
pub(crate) fn send(op: &str, input: &Value, machine: Machine<'_>) -> Result<Answer, Failure> {
    let (caller, cancel) = (this_caller(), Cancel::default());
    let door = Door { machine, own: Some(caller.process), clock: &SystemClock, cancel: &cancel, prompt: &Nobody };
    dispatch(Request { caller, op: op.to_owned(), input: input.clone() }, &door, &mut |_| true)
}

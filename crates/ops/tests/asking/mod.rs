//! A capability asked by nobody: no terminal, no person, its answer as JSON.
#![allow(dead_code)] // Each test takes what it needs.

use std::net::{Ipv4Addr, TcpListener};

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

/// A listener on a port that the system gives to nobody: one that it gave out a moment ago may wait for a login, and is left alone.
pub(crate) fn fixed() -> TcpListener {
    let first = 21_000 + u16::try_from(std::process::id() % 8_000).unwrap();
    (first..30_000).find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()).expect("some port is free")
}

//! Where there are no namespaces: labs can be read and not started.

use std::{ffi::OsString, process::ExitCode};

use crate::{Checked, Hinted, LabError, TourSight, TourStep, Tried};

/// A scene, of which there are none here.
pub enum Scene {}

impl Scene {
    /// Labs run on Linux.
    pub fn build(_: &str, _: bool) -> Result<Self, LabError> {
        Err(unsupported())
    }

    /// What the client of the scene met.
    pub fn tried(&self) -> &Tried {
        match *self {}
    }

    /// Runs a program in it.
    pub fn run(self, _: &[OsString]) -> Result<u8, LabError> {
        match self {}
    }
}

/// A tour, of which there are none here.
pub enum Tour {}

impl Tour {
    /// Labs run on Linux.
    pub fn begin() -> Result<Self, LabError> {
        Err(unsupported())
    }

    /// Lets the next step happen.
    pub fn next(&mut self, _: &TourStep) -> Result<TourSight, LabError> {
        match *self {}
    }
}

/// Nothing of this program is a part of a scene here.
pub fn entrance(_: &[OsString]) -> Option<ExitCode> {
    None
}

/// Labs run on Linux.
pub fn hint() -> Result<Hinted, LabError> {
    Err(unsupported())
}

/// Labs run on Linux.
pub fn check() -> Result<Checked, LabError> {
    Err(unsupported())
}

fn unsupported() -> LabError {
    LabError::new("labs are built from Linux namespaces, which this system does not have")
        .hint("a Linux machine, virtual or real")
}

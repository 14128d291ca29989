//! A program with the project's variables is told of as one in a session: `run.rs`.

//! Sockets of a view as a field of a larger answer.

use std::{borrow::Cow, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::SocketDocument;
use crate::View;

/// Some sockets of a view; written as an array of socket documents.
pub struct Sockets {
    /// The facts.
    pub view: View,
    /// Positions of the sockets.
    pub chosen: Vec<usize>,
}

impl Serialize for Sockets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.chosen.iter().filter_map(|index| SocketDocument::of(&self.view, *index)))
    }
}

impl JsonSchema for Sockets {
    fn schema_name() -> Cow<'static, str> {
        "Sockets".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<SocketDocument<'static>>::json_schema(generator)
    }
}

/// One socket of a view that is shared with other items of a stream; written as its document.
#[derive(Clone)]
pub struct OneSocket {
    /// The facts.
    pub view: Arc<View>,
    /// Its position.
    pub index: usize,
}

impl Serialize for OneSocket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SocketDocument::of(&self.view, self.index).serialize(serializer)
    }
}

impl JsonSchema for OneSocket {
    fn schema_name() -> Cow<'static, str> {
        "OneSocket".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        SocketDocument::<'static>::json_schema(generator)
    }
}

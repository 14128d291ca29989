//! Services that were started again; [`super::up`] has the text of services.

//! Services that were ended; [`super::up`] has the text of services.

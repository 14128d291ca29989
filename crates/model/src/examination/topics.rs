//! What can be read of a machine as a whole: to add to it is to add a line.

/// What can be read of a machine as a whole, each in one line: how people call it, its field, its name, its type. It is a
/// question to a machine, which `portward_sys` hands on to what reads it; something that an inquiry may want; and a field of
/// the examination, `None` where it was not read.
#[macro_export]
macro_rules! topics {
    ($then:ident! { $($own:tt)* }) => {
        $then! {
            topics {
                "hosts file" hosts Hosts -> Vec<$crate::HostsLine>;
                "network settings" network Network -> $crate::NetworkSettings;
                "packet filter rules" firewall Firewall -> $crate::Seen<Vec<$crate::FirewallRule>>;
            }
            $($own)*
        }
    };
}

macro_rules! examination {
    (topics { $($words:literal $field:ident $Name:ident -> $type:ty;)* } $($rest:tt)*) => {
        /// Something that can be read of a machine as a whole.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Topic { $(#[doc = $words] $Name,)* }

        /// What was read of it.
        #[derive(Clone, Debug)]
        pub enum Learnt { $(#[doc = $words] $Name($type),)* }

        /// Everything that was read about one endpoint beside the snapshot.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Examination { $(#[doc = $words] pub $field: Option<$type>,)* $($rest)* }

        impl Examination {
            /// Keeps what was read.
            pub fn learn(&mut self, learnt: Learnt) {
                match learnt { $(Learnt::$Name(read) => self.$field = Some(read),)* }
            }

            /// What was read of a topic.
            pub fn learnt(&self, topic: Topic) -> Option<Learnt> {
                match topic { $(Topic::$Name => self.$field.clone().map(Learnt::$Name),)* }
            }
        }
    };
}

//! The list of capabilities. A new one is one line here.

use crate::entry::Entry;

/// Hands the list of capabilities, as `module Noun: Verb ...`, to another macro: the registry and every face that pairs a
/// capability with something of its own are made from this one list. A noun without a verb means its first one.
#[macro_export]
macro_rules! every_op {
    ($with:ident) => {
        $with! {
            list List: List,
            doctor Doctor: Ask Fix Follow All Client,
            explain Explain: Explain,
            free Free: Free,
            resume Resume: Resume,
            wait Wait: Wait Then During,
            watch Watch: Watch,
            graph Graph: Graph,
            next Next: Next,
            open Open: Open,
            snapshot Snap: Snap Record Write,
            lab Bench: List Tour Start Hint Check,
            run Run: Run,
            up Up: Up Apart,
            down Down: Down,
            restart Restart: Restart,
            logs Logs: Logs,
            ps Ps: Ps,
            stop Stop: Stop,
            front Front: Status Give Low Off,
            forward Forward: List Start Remove,
            guard Guard: Status Pin Open,
            serve Serve: Serve,
            trust Trust: Add Check Remove,
            init Init: Init,
            check Check: Look Fix,
            lease Lease: List Take Release Prune Repair,
            port Port: Port Handed,
            url Url: Url,
            ports Ports: Ports,
            env Env: Env,
            exec Exec: Exec,
            hook Hook: Hook,
            allow Allow: Allow,
            service Service: Status Reset Save Restore Shell,
        }
    };
}

macro_rules! entries {
    ($($module:ident $noun:ident: $($verb:ident)+,)*) => {
        /// Every capability, in the order in which help lists them.
        pub static OPS: &[Entry] = &[$($(Entry::of::<crate::op::$module::$verb>()),+),*];
    };
}

every_op!(entries);

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::OPS;

    #[test]
    fn names_are_unique_and_documented() {
        for (index, entry) in OPS.iter().enumerate() {
            assert!(OPS[..index].iter().all(|other| other.name != entry.name), "{}", entry.name);
            let mut command = (entry.command)();
            assert!(!command.render_long_help().to_string().is_empty());
            assert!(command.get_about().is_some(), "{} has no help", entry.name);
            assert!(!entry.examples.is_empty(), "{} has no example", entry.name);
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {} has no help", entry.name, argument.get_id());
            }
        }
    }

    #[test]
    fn defaults_of_the_command_line_and_of_json_agree() {
        macro_rules! agree {
            ($($module:ident $noun:ident: $($op:ident)+,)*) => {$($(
                let command = <crate::op::$module::$op as clap::Args>::augment_args(clap::Command::new("x")).no_binary_name(true);
                let required = command.get_arguments().filter(|a| a.is_required_set());
                let option = |a: &clap::Arg| a.get_long().map(|long| format!("--{long}"));
                let required: Vec<String> = required.flat_map(|a| option(a).into_iter().chain(["3000".to_owned()])).collect();
                let keys: serde_json::Map<String, serde_json::Value> = command
                    .get_arguments()
                    .filter(|a| a.is_required_set())
                    .map(|a| {
                        let many = matches!(a.get_action(), clap::ArgAction::Append);
                        let is_number = a.get_value_parser().type_id() == std::any::TypeId::of::<u16>();
                        let one = if is_number { serde_json::json!(3000) } else { serde_json::json!("3000") };
                        (a.get_id().to_string(), if many { serde_json::json!([one]) } else { one })
                    })
                    .collect();
                let typed = crate::op::$module::$op::from_arg_matches(&command.get_matches_from(required)).unwrap();
                let read: crate::op::$module::$op = serde_json::from_value(keys.into()).unwrap();
                assert_eq!(serde_json::to_value(typed).unwrap(), serde_json::to_value(read).unwrap(), stringify!($op));
            )+)*};
        }
        every_op!(agree);
    }

    #[test]
    fn a_field_that_does_not_exist_is_named() {
        for entry in OPS {
            assert_eq!((entry.input)()["additionalProperties"], false, "{} accepts any field", entry.name);
        }
    }
}

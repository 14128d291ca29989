//! Whether a bind would succeed: what every cause says of it, and the rules that apply.

use portward_model::{Finding, Likelihood, Snapshot};

use crate::{
    bind::{BindAnswer, BindQuestion, Verdict, View},
    cause::every_cause,
    check::Check,
    rule_sentences,
};

/// Whether `bind` and `listen` at an address would succeed for the reader, in its own network namespace.
pub fn bind(snapshot: &Snapshot, question: &BindQuestion) -> BindAnswer {
    let view = View::new(snapshot, question);
    let mut causes: Vec<Finding> = every_cause().filter_map(|cause| cause.run(&view).found()).collect();
    causes.sort_by_key(|cause| cause.likelihood);
    let verdict = match causes.first().map(|cause| cause.likelihood) {
        None => Verdict::Succeeds,
        Some(Likelihood::Certain) => Verdict::Refused,
        Some(Likelihood::Likely | Likelihood::Possible) => Verdict::Depends,
    };
    BindAnswer { verdict, causes, rules: rules(&view) }
}

fn rules(view: &View<'_>) -> Vec<String> {
    let question = view.question;
    if question.transport.is_unix() {
        return Vec::new();
    }
    let mut rules = match &view.snapshot.rules {
        Some(rules) => rule_sentences(question.port, rules),
        None => vec!["the kernel's port rules could not be read".to_owned()],
    };
    match (question.options.reuse_address, question.options.reuse_port) {
        (true, true) => rules.push("assumes that the program sets SO_REUSEADDR and SO_REUSEPORT".to_owned()),
        (true, false) => rules.push("assumes that the program sets SO_REUSEADDR, as most servers do".to_owned()),
        (false, true) => rules.push("assumes that the program sets SO_REUSEPORT".to_owned()),
        (false, false) => {}
    }
    rules
}

#[cfg(test)]
mod tests {
    use portward_model::{Likelihood, Transport};

    use super::bind;
    use crate::{
        BindQuestion, Verdict,
        fixture::{held, listener, machine},
    };

    #[test]
    fn a_free_port_can_be_bound() {
        let answer = bind(&machine(), &BindQuestion::new(Transport::Tcp, "127.0.0.1".parse().unwrap(), 49342));
        assert_eq!(answer.possible(), Some(true));
        assert_eq!(answer.sentence(), "A bind would succeed now.");
        assert!(answer.rules.iter().any(|rule| rule.contains("ephemeral range")));
    }

    #[test]
    fn the_surest_cause_comes_first() {
        let mut question = BindQuestion::new(Transport::Tcp, "10.9.9.9".parse().unwrap(), 80);
        question.options.reuse_address = false;
        let answer = bind(&held(listener("0.0.0.0", 80)), &question);
        assert_eq!(answer.verdict, Verdict::Refused);
        let codes: Vec<&str> = answer.causes.iter().map(|cause| cause.code.as_str()).collect();
        assert_eq!(codes, ["addr-not-local", "privileged-port", "port-held-by-process"]);
        assert!(answer.causes.iter().all(|cause| cause.likelihood == Likelihood::Certain));
    }

    #[test]
    fn port_0_meets_no_holder() {
        let question = BindQuestion::new(Transport::Tcp, "0.0.0.0".parse().unwrap(), 0);
        assert_eq!(bind(&held(listener("0.0.0.0", 0)), &question).possible(), Some(true));
    }
}

//! Inquiries without a machine: the scenes of every cause answer in its place.

use portward_model::{DialTarget, Need};

use super::{Called, Depth, Fact, Inquiry, Sampled, Step, Unread, Wanted, Wide};
use crate::{
    BindQuestion,
    case::scene::Scene,
    cause::every_cause,
    doctor::{Asking, Diagnosis, Question, Verdict},
    fixture::{held, listener, machine},
};

const WHOLE: Depth = Depth { probe: true, watch: true, on_demand: false };

fn question(scene: &Scene) -> Question {
    let asked = scene.asked.clone();
    let bind = match (&asked.path, asked.addresses.first()) {
        (Some(path), _) => BindQuestion::path(path.clone(), None),
        (None, Some(address)) => BindQuestion::new(asked.transport, *address, asked.port),
        (None, None) => BindQuestion::any(asked.transport, asked.port),
    };
    let bound = asked.addresses.iter().map(|address| std::net::SocketAddr::new(*address, asked.port)).collect();
    Question { asked, paste: scene.paste.clone(), bind, bound, zone: None, notes: Vec::new() }
}

fn unread() -> Unread {
    Unread { need: Need::Platform, why: "the scene does not hold it".into() }
}

/// What a machine would answer that is as the scene says.
fn answer(scene: &Scene, step: &Step, clock_ms: &mut u64) -> Result<Fact, Unread> {
    let exam = &scene.exam;
    Ok(match step {
        Step::Read(Wanted::Look(_)) => Fact::Look(Box::new(scene.snapshot.clone())),
        Step::Read(Wanted::Topic(topic)) => Fact::Learnt(exam.learnt(*topic).ok_or_else(unread)?),
        Step::Read(Wanted::Path(path)) => Fact::Path(exam.path(path).cloned().ok_or_else(unread)?),
        Step::Read(Wanted::PathBelow { pid, .. }) => {
            Fact::Path(exam.below.iter().find(|(of, _)| of == pid).map(|(_, facts)| facts.clone()).ok_or_else(unread)?)
        }
        Step::Read(Wanted::Vitals { pids, .. }) => {
            Fact::Vitals(exam.vitals.iter().filter(|vitals| pids.contains(&vitals.pid)).cloned().collect())
        }
        Step::Read(Wanted::EveryProcess | Wanted::Processes(_) | Wanted::Named(_)) => {
            Fact::Processes(scene.snapshot.processes.clone())
        }
        Step::Read(Wanted::Told(_)) => Fact::Told(exam.told.clone()),
        Step::Read(Wanted::Errands(_)) => Fact::Errands(exam.errands.clone()),
        Step::Read(Wanted::Moved) => Fact::Moved(exam.moved.clone()),
        Step::Read(Wanted::Mentions(_)) => Fact::Mentions(exam.mentions.clone()),
        Step::Read(Wanted::Projects(_)) => Fact::Projects(scene.snapshot.projects.clone()),
        Step::Read(Wanted::Sample) => {
            let processes = scene.snapshot.processes.clone();
            Fact::Sample(Sampled { at_ms: *clock_ms, listening: false, listeners: Vec::new(), processes })
        }
        Step::Read(Wanted::Route(_) | Wanted::Bind { .. } | Wanted::PathExists(_) | Wanted::MayCreate(_)) => {
            return Err(unread());
        }
        Step::Dial(call) => {
            let attempt = exam.attempts.iter().find(|attempt| attempt.at == call.dial.at).ok_or_else(unread)?;
            let (met, took_us, exchange) = (attempt.met, attempt.took_us, attempt.exchange.clone());
            let (after, meanwhile) = (attempt.rose.clone(), attempt.meanwhile.clone());
            let sockets = scene.snapshot.sockets.clone();
            Fact::Called(Box::new(Called {
                met,
                took_us,
                exchange,
                from: attempt.from,
                before: portward_model::Counters::default(),
                after,
                meanwhile,
                sockets,
            }))
        }
        Step::Watch { at_most_ms, .. } => {
            *clock_ms += at_most_ms;
            Fact::Waited
        }
        Step::Done(_) => unreachable!("nobody answers an answer"),
    })
}

/// Every reading of an inquiry about a scene, in order, and its end. The reading at `failing` fails.
fn ask(scene: &Scene, depth: Depth, failing: Option<usize>) -> (Vec<String>, Diagnosis) {
    let mut steps = Vec::new();
    let mut clock_ms = 0;
    let mut inquiry = Inquiry::new(question(scene), depth, portward_model::Examination::default());
    loop {
        let step = inquiry.next();
        if let Step::Done(diagnosis) = step {
            return (steps, *diagnosis);
        }
        steps.push(format!("{step:?}"));
        assert!(steps.len() < 400, "it does not end: {steps:#?}");
        let came = if failing == Some(steps.len()) { Err(unread()) } else { answer(scene, &step, &mut clock_ms) };
        inquiry.tell(came);
    }
}

fn scenes() -> impl Iterator<Item = (&'static str, Scene)> {
    every_cause().flat_map(|check| {
        let cases = (check.cases)().endpoints;
        cases.fires.into_iter().chain(cases.silent).map(|scene| (check.code, scene))
    })
}

#[test]
fn what_is_read_is_read_once() {
    for (code, scene) in scenes() {
        let (steps, _) = ask(&scene, WHOLE, None);
        let mut reads: Vec<&String> =
            steps.iter().filter(|step| step.starts_with("Read") && !step.contains("Sample") && !step.contains("Told")).collect();
        let all = reads.len();
        reads.sort_unstable();
        reads.dedup();
        assert_eq!(reads.len(), all, "{code}: something is read twice: {steps:#?}");
    }
}

#[test]
fn each_reading_may_fail() {
    for (code, scene) in scenes().step_by(7) {
        let (steps, _) = ask(&scene, WHOLE, None);
        for failing in 1..=steps.len().min(24) {
            let (_, diagnosis) = ask(&scene, WHOLE, Some(failing));
            let shown = diagnosis.verdict != Verdict::Healthy || !diagnosis.healthy.is_empty();
            assert!(shown, "{code}: health without a reading, without {}", steps[failing - 1]);
        }
    }
}

#[test]
fn the_same_facts_give_the_same_answer() {
    for (code, scene) in scenes() {
        assert_eq!(ask(&scene, WHOLE, None), ask(&scene, WHOLE, None), "{code}");
    }
}

#[test]
fn nothing_is_dialled_that_is_left_alone_or_not_to_be_probed() {
    for (code, scene) in scenes() {
        let (steps, _) = ask(&scene, Depth { probe: false, watch: true, on_demand: false }, None);
        assert!(!steps.iter().any(|step| step.starts_with("Dial") || step.starts_with("Watch")), "{code}: {steps:#?}");
        let inquiry = Inquiry::new(question(&scene), WHOLE, scene.exam.clone());
        let listens = scene.asked.asking == Asking::Listen;
        let (steps, _) = inquiry.run_on(&scene);
        assert!(!listens || !steps.iter().any(|at| matches!(at, DialTarget::Inet(_))), "{code}");
    }
}

impl Inquiry {
    /// Where it dials about a scene.
    fn run_on(self, scene: &Scene) -> (Vec<DialTarget>, Diagnosis) {
        let (mut dialled, mut clock_ms) = (Vec::new(), 0);
        let (_, diagnosis) = self.run(|_, step| {
            if let Step::Dial(call) = step {
                dialled.push(call.dial.at.clone());
            }
            answer(scene, step, &mut clock_ms)
        });
        (dialled, diagnosis)
    }
}

#[test]
fn it_looks_before_it_connects_and_wider_only_where_the_question_is_open() {
    let mut server = listener("127.0.0.1", 3000);
    server.queue.limit = 128;
    let answers = Scene::on(held(server), "127.0.0.1:3000").talked(
        portward_model::Said::Http,
        b"HTTP/1.1 200 OK\r\n\r\n",
        portward_model::Ended::Enough,
    );
    let (steps, diagnosis) = ask(&answers, WHOLE, None);
    assert_eq!(diagnosis.verdict, Verdict::Healthy, "{steps:#?}");
    let dial = steps.iter().position(|step| step.starts_with("Dial")).unwrap();
    assert!(steps[..dial].iter().any(|step| step.contains("Vitals")), "{steps:#?}");
    let wide = format!("{:?}", Wide { every_port: true, every_namespace: true, every_transport: true });
    assert!(!steps.iter().any(|step| step.contains(&wide)), "{steps:#?}");
    let alone = Scene::on(machine(), "127.0.0.1:3000").tried(portward_model::Met::Failed(111));
    let (steps, diagnosis) = ask(&alone, WHOLE, None);
    assert_eq!(diagnosis.causes.first().map(|cause| cause.code.as_str()), Some("no-listener"), "{steps:#?}");
    assert!(steps.iter().any(|step| step.contains(&wide)), "{steps:#?}");
}

cause! {
    "conntrack-full": "the table of tracked connections is full",
    Rule, Endpoint(run),
    what: "\
A firewall that remembers connections keeps them in one table of fixed size. When it is full, the kernel drops the first packet of
every new connection and writes \"nf_conntrack: table full, dropping packet\" into its log.",
    evidence: "nf_conntrack_count has reached nf_conntrack_max; a connection gets no answer.",
    fix: "Raise net.netfilter.nf_conntrack_max, or find who opens so many connections.",
}

use portward_model::shell;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects() || case.asked.path.is_some() {
        return Ruling::Silent;
    }
    let Some((count, most)) = case.exam.network.as_ref().and_then(|network| network.tracked_connections) else {
        return Ruling::Silent;
    };
    let reached = Reached::of(case);
    let unheard = matches!(reached, Reached::Unheard(_));
    let untried = case.exam.attempts.is_empty();
    if most == 0 || count < most {
        return if unheard { Ruling::out(format!("{count} connections are tracked, of at most {most}")) } else { Ruling::Silent };
    }
    if !unheard && !untried {
        return Ruling::Silent;
    }
    let mut evidence = vec![Evidence::new(
        "/proc/sys/net/netfilter/nf_conntrack_count",
        format!("{count} connections are tracked, of at most {most}"),
    )];
    evidence.extend(waited(reached));
    let more = most.saturating_mul(2);
    let fixes = vec![
        Remedy::change("Make the table larger", shell!("sudo sysctl -w net.netfilter.nf_conntrack_max={}", more)),
        Remedy::look("See whose connections fill it", "sudo conntrack -L | head -50"),
    ];
    let likelihood = if unheard { Likelihood::Certain } else { Likelihood::Likely };
    let summary = format!("{count} connections are tracked, the most that the firewall's table holds, so new ones are dropped.");
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, NetworkSettings};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let scene = |count| {
            let mut scene = Scene::on(held(listener("0.0.0.0", 3000)), "127.0.0.1:3000");
            scene.exam.network =
                Some(NetworkSettings { tracked_connections: Some((count, 262_144)), ..NetworkSettings::default() });
            scene
        };
        Cases {
            fires: vec![scene(262_144).tried(Met::Silence).queue((0, 128, 0), (0, 128, 0)), scene(262_144)],
            silent: vec![
                scene(262_143).tried(Met::Silence).queue((0, 128, 0), (0, 128, 0)),
                scene(262_144).tried(Met::Connected),
            ],
        }
    }
}

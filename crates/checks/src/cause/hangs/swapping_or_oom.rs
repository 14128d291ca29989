cause! {
    "swapping-or-oom": "the server waits for memory, or its workers are killed for want of it",
    Process, Endpoint(run),
    what: "\
Memory has run out. Processes wait while pages are written and read (swapping), or the kernel kills those of the control
group that want more; what is left answers late or never.",
    evidence: "\
The pressure of the control group (memory.pressure: the share of time in which all its processes waited for memory), or
kills in memory.events, or a thread in state D in the pages' way, while connections hang.",
    fix: "Give it more memory, or let it use less.",
}

use portward_model::{ShellLine, Text, Thread};

use crate::{case::serving::is_raised, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects() || !is_raised(case) {
        return Ruling::Silent;
    }
    let reached = Reached::of(case);
    if reached.answers() {
        return Ruling::Silent;
    }
    let all = doors(case);
    let holders = || all.iter().flat_map(|door| &door.holders).filter_map(|(process, vitals)| Some((*process, (*vitals)?)));
    let pressed = holders().find(|(_, vitals)| vitals.memory.is_some_and(|memory| memory.stalled >= STALLED));
    let killed = holders().find(|(_, vitals)| vitals.memory.is_some_and(|memory| memory.kills > 0));
    let paging = holders().find_map(|(process, vitals)| Some((process, vitals, vitals.threads.iter().find(|t| is_paging(t))?)));
    let (process, vitals, likelihood) = match (pressed, paging, killed) {
        (Some((process, vitals)), ..) | (None, Some((process, vitals, _)), _) => (process, vitals, Likelihood::Likely),
        (None, None, Some((process, vitals))) => (process, vitals, Likelihood::Possible),
        (None, None, None) => return Ruling::Silent,
    };
    let mut evidence = Vec::new();
    let group = process.cgroup.known().map(Text::shown).unwrap_or_default();
    let file = |name: &str| format!("/sys/fs/cgroup{group}/{name}");
    if let Some(memory) = vitals.memory {
        if memory.stalled >= STALLED {
            let (whole, part) = (memory.stalled / 100, memory.stalled % 100);
            let fact = format!("all of its processes waited for memory {whole}.{part:02} % of the last 10 s");
            evidence.push(Evidence::new(file("memory.pressure"), fact));
        }
        if memory.kills > 0 {
            evidence
                .push(Evidence::new(file("memory.events"), format!("{} processes were killed for want of memory", memory.kills)));
        }
    }
    if let Some((_, _, thread)) = paging {
        evidence.push(crate::case::serving::doing(case, process, thread));
    }
    evidence.extend(waited(reached));
    let summary = if likelihood == Likelihood::Possible {
        format!("{} belongs to a group in which processes are killed for want of memory.", words::named(process))
    } else {
        format!("{} waits for memory instead of serving.", words::named(process))
    };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes(process))
}

fn fixes(process: &Process) -> Vec<Remedy> {
    let unit = process.cgroup.known().and_then(unit_of_cgroup).filter(|unit| unit.id.ends_with(".service"));
    let more = unit.map(|unit| {
        let command = ShellLine::from(if unit.user { "systemctl --user set-property" } else { "sudo systemctl set-property" });
        Remedy::change("Give it more memory", command.operand(&unit.id).then("MemoryMax=infinity"))
    });
    let see = Remedy::look("See who uses the memory", "ps -eo pid,rss,comm --sort=-rss | head");
    more.into_iter().chain([see]).collect()
}

/// Asleep in the way of a page, in state D.
fn is_paging(thread: &Thread) -> bool {
    let place = thread.waits_in.known().map(Text::shown).unwrap_or_default();
    let pages = ["swap_", "do_swap_page", "throttle_direct_reclaim", "mem_cgroup_handle_over_high", "shrink_"];
    thread.state == 'D' && pages.iter().any(|page| place.starts_with(page))
}

/// A tenth of the time, in hundredths of a percent.
const STALLED: u32 = 1000;

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, MemoryPressure, Said, Vitals};

    use crate::{
        case::scene::{Scene, thread, well},
        cause::Cases,
        fixture::{held, listener},
    };

    fn with(kills: u64, stalled: u32) -> Vitals {
        Vitals { memory: Some(MemoryPressure { kills, stalled }), ..well(4121) }
    }

    pub(crate) fn cases() -> Cases {
        let scene = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let hangs = || scene().talked(Said::Http, b"", Ended::Silence);
        let mut paging = well(4121);
        paging.threads = vec![thread(4121, 'D', "do_swap_page")];
        Cases {
            fires: vec![hangs().vitals(with(0, 6_250)), hangs().vitals(with(3, 0)), hangs().vitals(paging)],
            silent: vec![
                hangs().vitals(with(0, 300)),
                scene().vitals(with(0, 6_250)),
                scene().vitals(with(2, 9_000)).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
        }
    }
}

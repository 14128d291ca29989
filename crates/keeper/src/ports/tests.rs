//! A project's ports against real files and sockets: what stays, and what goes with its session.

#![allow(clippy::unwrap_used)] // A test ends where something unexpected is.

use std::{net::UdpSocket, time::Duration};

use portward_session::Ports;
use portward_sys::{Acts, Cancel, Context, Nobody, text_of, this_caller, this_machine};

use super::{MOST_LASTING, MOST_SERVED, ProjectPorts};
use crate::patience::tests::Ahead;

/// Does something with the ports of no project, in a home of its own, several sessions one after another.
fn in_turn(clock: &Ahead, sessions: &mut [&mut dyn FnMut(&mut ProjectPorts<'_>)]) {
    let home = tempfile::tempdir().unwrap();
    let machine = this_machine().unwrap();
    let mut caller = this_caller();
    caller.environment.insert("XDG_STATE_HOME".to_owned(), text_of(home.path()));
    let cancel = Cancel::default();
    let cx = Context::<Acts> { machine: machine.as_ref(), caller: &caller, clock, cancel: &cancel, prompt: &Nobody };
    for session in sessions {
        session(&mut ProjectPorts::open(&cx, None).unwrap());
    }
}

#[test]
fn what_is_served_is_the_projects_and_what_is_only_bound_is_the_sessions() {
    let clock = Ahead::default();
    let mut first = |ports: &mut ProjectPorts<'_>| {
        let served = ports.lease(3000).unwrap().port;
        ports.listened(3000);
        let bound = ports.lease(3001).unwrap().port;
        assert_eq!([served % 100, bound % 100], [0, 1]);
        assert!(ports.all().contains(&served) && !ports.all().contains(&bound), "what is only lent is not kept");
        // Somebody takes its time between bind and listen.
        let socket = UdpSocket::bind(("127.0.0.1", bound)).unwrap();
        clock.ahead(Duration::from_mins(1));
        let _ = ports.all();
        assert_eq!(ports.find(3001), Some(bound));
        drop(socket);
        let _ = ports.all();
        assert_eq!((ports.find(3001), ports.find(3000)), (None, Some(served)));
        assert_eq!(ports.lease(3002).unwrap().port % 100, 2);
    };
    let mut second = |ports: &mut ProjectPorts<'_>| {
        assert_eq!((ports.find(3000).is_some(), ports.find(3002)), (true, None));
    };
    in_turn(&clock, &mut [&mut first, &mut second]);
}

#[test]
fn who_has_been_lent_as_many_as_last_or_binds_at_random_gets_the_next_in_memory() {
    let clock = Ahead::default();
    let most = u16::try_from(MOST_LASTING).unwrap();
    let mut bound_alone = |ports: &mut ProjectPorts<'_>| {
        (5000..5000 + most).for_each(|asked| assert!(ports.lease(asked).is_ok()));
        assert_eq!((ports.lent.waiting.len(), ports.lent.blocks.len()), (MOST_LASTING, 0));
        let next = ports.lease(5000 + most).unwrap().port;
        assert_eq!((ports.lent.waiting.len(), ports.lent.blocks.len()), (MOST_LASTING, 1), "one more row was written");
        assert!(ports.lent.blocks[0].contains(next) && ports.find(5000 + most) == Some(next));
    };
    let mut served = |ports: &mut ProjectPorts<'_>| {
        (6000..=6000 + most).for_each(|asked| {
            ports.lease(asked).unwrap();
            ports.listened(asked);
        });
        assert!(ports.lent.at_random && ports.lent.waiting.len() < MOST_LASTING);
        let next = ports.lease(7000).unwrap().port;
        assert!(ports.lent.waiting.len() < MOST_LASTING && ports.lent.blocks.iter().any(|block| block.contains(next)));
    };
    in_turn(&clock, &mut [&mut bound_alone, &mut served]);
}

#[test]
fn a_program_that_binds_at_random_is_refused_nothing_and_leaves_what_is_served() {
    let clock = Ahead::default();
    let mut first = |ports: &mut ProjectPorts<'_>| {
        let main = ports.lease(2121).unwrap().port;
        let _socket = std::net::TcpListener::bind(("127.0.0.1", main)).unwrap();
        ports.listened(2121);
        for asked in 5000..6000 {
            assert!(ports.lease(asked).is_ok(), "{asked}");
            ports.listened(asked);
        }
        assert_eq!(ports.find(2121), Some(main));
    };
    let mut second = |ports: &mut ProjectPorts<'_>| {
        let found: Vec<u16> = (1..=u16::MAX).filter(|asked| ports.find(*asked).is_some()).collect();
        assert_eq!(found, [2121]);
        // What was leased before stays so, whatever the program does.
        let many = u16::try_from(MOST_LASTING * 2).unwrap();
        (8000..8000 + many).for_each(|asked| {
            ports.lease(asked).unwrap();
            ports.listened(asked);
        });
    };
    let mut third = |ports: &mut ProjectPorts<'_>| {
        let found = (1..=u16::MAX).filter(|asked| ports.find(*asked).is_some()).count();
        assert!(ports.find(2121).is_some() && found <= 1 + MOST_SERVED, "{found}");
    };
    in_turn(&clock, &mut [&mut first, &mut second, &mut third]);
}

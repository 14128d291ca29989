//! The other two rights: to dial, and to act. Who has one may do what those before it may.

use std::{convert::Infallible, path::Path, time::Duration};

use portward_model::{Edit, Holding, Observed, ProcessId, Socket, SocketFile, Text};

use crate::{Beside, Dialled, Dialling, FilterHold, Hold, Look, Pinned, Signal, SysError};

/// A machine of which the endpoints may be dialled, too: connections that their servers notice, and that can end a login.
pub trait Dial: Look {
    /// The door: makes one connection.
    fn dial(&self, dialling: Dialling<'_>) -> Result<Dialled, SysError>;
}

/// One deed for each line: its call, its variant, and what is done when it is done.
macro_rules! deeds {
    ($($(#[$doc:meta])* $name:ident $Name:ident ($($arg:ident: $kind:ty),*) -> $done:ty;)*) => {
        /// Something to do to a machine.
        #[derive(Clone, Copy, Debug)]
        pub enum Deed<'a> {
            $($(#[$doc])* $Name($($kind),*),)*
        }

        /// What came of a [`Deed`]; each has the variant of its own name.
        pub enum Done {
            $($(#[$doc])* $Name($done),)*
        }

        impl Deed<'_> {
            /// The name of its call.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$Name(..) => stringify!($name),)*
                }
            }
        }

        /// A machine to which things may be done, too. What a recorded machine cannot do answers [`SysError::Unsupported`].
        pub trait Act: Dial {
            /// The door: does one thing.
            fn act(&self, deed: &Deed<'_>) -> Result<Done, SysError>;

            $(
                $(#[$doc])*
                #[allow(clippy::extra_unused_lifetimes)] // Of a deed that borrows nothing.
                fn $name<'a>(&self, $($arg: $kind),*) -> Result<$done, SysError> {
                    match self.act(&Deed::$Name($($arg),*))? {
                        Done::$Name(done) => Ok(done),
                        _ => Err(SysError::mismatch(stringify!($name))),
                    }
                }
            )*
        }
    };
}

deeds! {
    /// Holds a port on every address of both families with sockets that never listen, so that nobody else can bind
    /// it. `Ok(Err(words))` when the system refuses: something has it.
    hold Hold(port: u16) -> Result<Hold, String>;

    /// Becomes another program, with these variables beside the environment. Returns only where it could not be
    /// started; everything that is held ends at that moment.
    become_program BecomeProgram(command: &'a [String], variables: &'a [(&'a str, String)]) -> Infallible;

    /// Runs a line of the shell beside this program, which goes on; its answer is thrown away, and what it complains of is heard.
    /// Nothing ends it when this program ends.
    begin Begin(line: &'a str) -> Beside;

    /// Sends a signal through a pidfd, after its start time was checked.
    signal Signal(process: ProcessId, signal: Signal) -> ();

    /// Writes lines in place of one line of a file, whole or not at all; an error where the line is not what was seen.
    edit Edit(edit: &'a Edit) -> ();

    /// Makes a file of a project, whole or not at all, and never in the place of what stands there.
    create Create(path: &'a Path, bytes: &'a [u8]) -> ();

    /// Removes the file of a Unix socket that nobody has, where it is still this one and still nobody's.
    remove_socket RemoveSocket(path: &'a Text, file: SocketFile) -> ();

    /// Pins a socket to the loopback device, on a copy of its holder's descriptor: the process is compared by its start
    /// time and the socket by its cookie (of MPTCP, by its inode), so that it is this one or none.
    pin Pin(process: ProcessId, holding: &'a Holding, socket: &'a Socket) -> Pinned;

    /// Gives the packet filter these rules, all or none of them (`nft -f`).
    load_filter LoadFilter(rules: &'a str) -> ();

    /// Gives the packet filter tables of these names that have an owner, one command each, and keeps them as long as the
    /// answer lives. They are there when this returns.
    hold_filter HoldFilter(commands: &'a [String], names: &'a [String]) -> FilterHold;

    /// Runs a command with this process's own terminal, and notes the connects that it and its children make.
    observe Observe(command: &'a [String], patience: Duration) -> Observed;
}
